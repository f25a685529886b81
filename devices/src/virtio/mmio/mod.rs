// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio-mmio, version 2: the register file in front of a device, and the bus of eight slots.
//!
//! Follows Virtio 1.2, section 4.2.2, without the legacy interface.

mod bus;
mod negotiation;
mod queue_registers;
mod transport;

pub use bus::{Bus, BusFull, SlotAddress};
pub use transport::{MmioTransport, TransportStats};
