// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Buffers of a descriptor chain: a private copy of its descriptors.
//!
//! A chain lives in guest memory, where the driver, and even the device's own transfers, can change
//! it. So its descriptors are copied once, checked, and only the copy is used. The copy has a fixed
//! capacity: a chain longer than the queue is illegal (Virtio 1.2, 2.7.5.3.1), and refused.
//! How a device divides the bytes is up to it: nothing follows from where one descriptor ends and
//! the next begins (Virtio 1.2, 2.7.4).

use std::fmt;

use virtio_queue::DescriptorChain;
use vm_memory::{Address, GuestAddress, GuestMemory};

/// Why a chain is unusable as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// The chain does not end where a chain must: it loops, leaves its table, is longer than
    /// 2^32 - 1 bytes, or its indirect table is malformed.
    Broken,
    /// The chain has more descriptors than the queue.
    TooLong,
    /// A buffer that the device reads follows one that it writes.
    OutOfOrder,
    /// A buffer reaches beyond the end of all addresses.
    AddressOverflow,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "descriptor chain does not end properly",
            Self::TooLong => "descriptor chain longer than its queue",
            Self::OutOfOrder => "device-readable descriptor behind a device-writable one",
            Self::AddressOverflow => "descriptor reaches beyond the last address",
        })
    }
}

impl std::error::Error for ChainError {}

/// A run of guest-physical addresses, which need not be memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First byte; adding `length_bytes` does not overflow.
    pub address: GuestAddress,
    /// Length in bytes.
    pub length_bytes: u32,
}

/// The buffers of one chain at a time, in memory that is allocated once.
#[derive(Debug)]
pub struct Buffers {
    segments: Vec<Segment>,
    nr_readable: usize,
    capacity: usize,
}

impl Buffers {
    /// Room for the chains of a queue of `queue_size` descriptors.
    #[must_use]
    pub fn new(queue_size: u16) -> Self {
        let capacity = usize::from(queue_size);
        Self { segments: Vec::with_capacity(capacity), nr_readable: 0, capacity }
    }

    /// Replaces the contents by the buffers of `chain`.
    ///
    /// # Errors
    /// The chain is unusable; the contents are empty then.
    pub fn load<M: GuestMemory>(&mut self, chain: DescriptorChain<&M>) -> Result<(), ChainError> {
        self.clear();
        self.copy_from(chain).inspect_err(|_| self.clear())
    }

    /// The buffers that the device reads, which come first.
    #[must_use]
    pub fn readable(&self) -> Segments<'_> {
        Segments { segments: &self.segments[..self.nr_readable] }
    }

    /// The buffers that the device writes.
    #[must_use]
    pub fn writable(&self) -> Segments<'_> {
        Segments { segments: &self.segments[self.nr_readable..] }
    }

    fn clear(&mut self) {
        self.segments.clear();
        self.nr_readable = 0;
    }

    fn copy_from<M: GuestMemory>(&mut self, chain: DescriptorChain<&M>) -> Result<(), ChainError> {
        // The iterator stops without a word when it meets nonsense. A chain is whole exactly when
        // the descriptor before the stop names no successor.
        let mut is_whole = false;
        for descriptor in chain {
            is_whole = !descriptor.has_next();
            if self.segments.len() == self.capacity {
                return Err(ChainError::TooLong);
            }
            if !descriptor.is_write_only() {
                if self.nr_readable < self.segments.len() {
                    return Err(ChainError::OutOfOrder);
                }
                self.nr_readable += 1;
            }
            let (address, length_bytes) = (descriptor.addr(), descriptor.len());
            if address.checked_add(length_bytes.into()).is_none() {
                return Err(ChainError::AddressOverflow);
            }
            self.segments.push(Segment { address, length_bytes });
        }
        if is_whole { Ok(()) } else { Err(ChainError::Broken) }
    }
}

/// Segments in their order, read as one run of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    segments: &'a [Segment],
}

impl<'a> Segments<'a> {
    /// Length of the run in bytes.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.length_bytes)).sum()
    }

    /// The part of the run that starts `skip` bytes in and is at most `take` bytes long.
    ///
    /// No segment of it is empty.
    pub fn part(self, skip: u64, take: u64) -> impl Iterator<Item = Segment> + Clone + use<'a> {
        let (mut skip_left, mut take_left) = (skip, take);
        self.segments.iter().filter_map(move |segment| {
            let length = u64::from(segment.length_bytes);
            let skipped = skip_left.min(length);
            skip_left -= skipped;
            let taken = take_left.min(length - skipped);
            take_left -= taken;
            let length_bytes = u32::try_from(taken).ok().filter(|&length| length > 0)?;
            // Cannot overflow: the segment's end does not.
            Some(Segment { address: segment.address.unchecked_add(skipped), length_bytes })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(address: u64, length_bytes: u32) -> Segment {
        Segment { address: GuestAddress(address), length_bytes }
    }

    #[test]
    fn parts_ignore_where_descriptors_end() {
        let list = [segment(0x100, 10), segment(0x200, 0), segment(0x300, 10)];
        let run = Segments { segments: &list };
        assert_eq!(run.length_bytes(), 20);
        let part: Vec<_> = run.part(8, 4).collect();
        assert_eq!(part, [segment(0x108, 2), segment(0x300, 2)]);
        assert_eq!(run.part(0, 20).count(), 2);
        assert_eq!(run.part(10, 1).collect::<Vec<_>>(), [segment(0x300, 1)]);
        assert_eq!(run.part(20, 1).count(), 0);
        assert_eq!(run.part(5, 0).count(), 0);
    }
}
