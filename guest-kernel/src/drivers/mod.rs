// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Drivers: the serial port, the debug exit, the memory port, the disks and the console.

pub mod block;
pub mod console;
pub mod debug_exit;
pub mod memory;
pub mod serial;
pub mod virtio;
mod virtio_mmio;
