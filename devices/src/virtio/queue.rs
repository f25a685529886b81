// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Virtqueue service: takes available chains one by one and returns each as used.
//!
//! One call serves the chains that were available when it began, so it ends whatever the device
//! writes into guest memory on the way, the rings themselves included. Drivers notify for each
//! chain that they add, because the device never asks them not to; nothing is missed.
//! Follows Virtio 1.2, section 2.7.

use std::fmt;
use std::num::Wrapping;
use std::sync::atomic::Ordering;

use seed_protocols::virtio::ring;
use virtio_queue::{DescriptorChain, Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemory};

/// Why a queue is unusable until the device is reset.
#[derive(Debug)]
pub enum QueueError {
    /// The size or an address that the driver gave the queue cannot be.
    Setup(virtio_queue::Error),
    /// A ring does not lie in guest memory.
    OutsideMemory,
    /// The available ring cannot be read, or its index is further ahead than the queue is long.
    AvailableRing(virtio_queue::Error),
    /// The flags of the available ring cannot be read.
    AvailableFlags(vm_memory::GuestMemoryError),
    /// The available ring names a descriptor that the queue does not have.
    HeadOutOfRange {
        /// The descriptor's number.
        head: u16,
        /// Number of descriptors in the queue.
        size: u16,
    },
    /// The used ring cannot be written.
    UsedRing(virtio_queue::Error),
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(_) => write!(f, "virtqueue set up wrongly"),
            Self::OutsideMemory => write!(f, "virtqueue not in guest memory"),
            Self::AvailableRing(_) => write!(f, "available ring unusable"),
            Self::AvailableFlags(_) => write!(f, "flags of the available ring unusable"),
            Self::HeadOutOfRange { head, size } => {
                write!(f, "available ring names descriptor {head} of {size}")
            }
            Self::UsedRing(_) => write!(f, "used ring unusable"),
        }
    }
}

impl std::error::Error for QueueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Setup(cause) | Self::AvailableRing(cause) | Self::UsedRing(cause) => Some(cause),
            Self::AvailableFlags(cause) => Some(cause),
            Self::OutsideMemory | Self::HeadOutOfRange { .. } => None,
        }
    }
}

/// Passes each chain that is available now, at most so many, to `serve` and returns it to the driver
/// with the length that `serve` answers; returns how many there were.
///
/// # Errors
/// A ring is unusable. Chains served before that was found have been returned.
pub fn serve_available<'m, M: GuestMemory>(
    queue: &mut Queue,
    memory: &'m M,
    max: u16,
    mut serve: impl FnMut(DescriptorChain<&'m M>) -> u32,
) -> Result<u16, QueueError> {
    let available_index =
        queue.avail_idx(memory, Ordering::Acquire).map_err(QueueError::AvailableRing)?;
    // Free-running 16-bit indices: the distance is right across the wrap.
    let Wrapping(nr_available) = available_index - Wrapping(queue.next_avail());
    let mut nr_served = 0;
    while nr_served < nr_available.min(max) {
        // The iterator refuses an index that is further ahead than the queue is long.
        let mut chains = queue.iter(memory).map_err(QueueError::AvailableRing)?;
        let Some(chain) = chains.next() else { break };
        let head = chain.head_index();
        if head >= queue.size() {
            return Err(QueueError::HeadOutOfRange { head, size: queue.size() });
        }
        let used_length = serve(chain);
        queue.add_used(memory, head, used_length).map_err(QueueError::UsedRing)?;
        nr_served += 1;
    }
    Ok(nr_served)
}

/// Whether the driver wants to be interrupted for the chains returned last.
///
/// # Errors
/// The available ring cannot be read.
pub fn wants_interrupt<M: GuestMemory>(queue: &mut Queue, memory: &M) -> Result<bool, QueueError> {
    // Orders the used index before the flags. It does not look at the flags itself.
    let is_due = queue.needs_notification(memory).map_err(QueueError::AvailableRing)?;
    let flags: u16 = memory
        .load(GuestAddress(queue.avail_ring()), Ordering::Relaxed)
        .map_err(QueueError::AvailableFlags)?;
    Ok(is_due && u16::from_le(flags) & ring::AVAIL_F_NO_INTERRUPT == 0)
}
