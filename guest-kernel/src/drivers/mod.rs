// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Drivers: the serial port, the console port, the debug exit, the memory port, the disks and the
//! console device.

pub mod block;
pub mod console;
mod console_port;
pub mod debug_exit;
pub mod memory;
pub mod serial;
pub mod virtio;
mod virtio_mmio;
