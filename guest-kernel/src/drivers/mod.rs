// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Drivers: the serial port, the debug exit, the memory port and the disks.

pub mod block;
pub mod debug_exit;
pub mod memory;
pub mod serial;
mod virtio_mmio;
