// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio devices behind virtio-mmio transports.
//!
//! The driver is foreign: nothing that it writes into registers, rings, descriptors or buffers may
//! do more than spoil its own guest. Follows Virtio 1.2; the rings themselves are virtio-queue's.

pub mod block;
pub mod console;
pub mod mmio;

mod buffers;
mod device;
mod interrupt;
#[cfg(test)]
mod mock_driver;
mod queue;

pub use buffers::{Buffers, ChainError, Segment, Segments};
pub use device::VirtioDevice;
pub use interrupt::{InterruptLine, NoInterrupt};
pub use queue::{QueueError, serve_available, wants_interrupt};
