// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The disks: virtio-blk, one request at a time.
//!
//! Follows Virtio 1.2, 5.2. A request may have many segments at any byte address, so data goes
//! between the disk and its final place in memory with no copy.

use super::virtio::{self, QUEUE_SIZE, Queue, REST_OFFSET};
use super::virtio_mmio::{SLOTS_MAX, Slot};
use crate::arch::layout::PAGE_SIZE;
use crate::mm::frames::frames;
use seed_protocols::block::{CONFIG_CAPACITY, F_FLUSH, F_RO, RequestHeader, RequestType, Status};
use seed_protocols::virtio::{DEVICE_ID_BLOCK, mmio, ring};

pub use super::virtio::Segment;

/// Size in sectors, in two halves. The generation register would guard against a change between
/// them; ours never changes.
const CAPACITY: u64 = mmio::CONFIG + CONFIG_CAPACITY;

/// Disks of a machine: one to read and one to write.
pub const DISKS_MAX: usize = SLOTS_MAX;

/// Segments in a request: two descriptors are its header and its status.
pub const SEGMENTS_MAX: usize = QUEUE_SIZE as usize - 2;

/// The status comes behind the header, which is where the queue's own parts end.
const STATUS_OFFSET: u64 = RequestHeader::SIZE as u64;

const _: () = assert!(REST_OFFSET + STATUS_OFFSET < PAGE_SIZE);

/// Why a disk cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It cannot be set up.
    Device(virtio::Error),
    /// A request failed.
    Request(Status),
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::Request(status) => write!(f, "a request failed: {status}"),
        }
    }
}

/// Whether a disk may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No.
    ReadOnly,
    /// Yes.
    ReadWrite,
}

/// A disk that answers.
#[derive(Debug)]
pub struct Disk {
    queue: Queue,
    features: u32,
    nr_sectors: u64,
}

impl Disk {
    /// Looks for disks at slots and sets them up: those up to the first slot without one.
    ///
    /// # Errors
    /// There is a disk, whose index is told, but it cannot be used.
    pub fn probe(
        addresses: [u64; DISKS_MAX],
    ) -> Result<[Option<Self>; DISKS_MAX], (usize, virtio::Error)> {
        let slots = addresses.map(Slot);
        let is_disk = |slot: &&Slot| slot.read(mmio::DEVICE_ID) == DEVICE_ID_BLOCK;
        let slots = &slots[..slots.iter().take_while(is_disk).count()];
        if slots.is_empty() {
            return Ok([None, None]);
        }
        let features = virtio::start(slots, 1 << F_RO | 1 << F_FLUSH)?;
        // Being read-only is for the driver to know, not to accept.
        let accepted = features.map(|offered| if offered & 1 << F_RO == 0 { offered } else { 0 });
        let sizes = virtio::negotiate(slots, accepted, [CAPACITY, CAPACITY + 4])?;
        let mut disks = [None, None];
        for (index, &slot) in slots.iter().enumerate() {
            let queue = Queue::new(slot).map_err(|error| (index, error))?;
            let [low, high] = sizes[index].map(u64::from);
            disks[index] =
                Some(Self { queue, features: features[index], nr_sectors: high << 32 | low });
        }
        virtio::set_up_queues(disks.each_ref().map(|disk| disk.as_ref().map(|disk| &disk.queue)));
        Ok(disks)
    }

    /// Whether the disk may be written.
    #[must_use]
    pub fn access(&self) -> Access {
        if self.features & 1 << F_RO != 0 { Access::ReadOnly } else { Access::ReadWrite }
    }

    /// Size in sectors.
    #[must_use]
    pub fn nr_sectors(&self) -> u64 {
        self.nr_sectors
    }

    /// Reads sectors into memory. The segments' lengths add up to whole sectors.
    ///
    /// # Errors
    /// The device says that it failed.
    pub fn read(&mut self, sector: u64, segments: &[Segment]) -> Result<(), Error> {
        self.request(RequestType::In, sector, segments)
    }

    /// Writes sectors from memory. The segments' lengths add up to whole sectors.
    ///
    /// # Errors
    /// The device says that it failed.
    pub fn write(&mut self, sector: u64, segments: &[Segment]) -> Result<(), Error> {
        self.request(RequestType::Out, sector, segments)
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// The device says that it failed.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.features & 1 << F_FLUSH == 0 {
            return Ok(());
        }
        self.request(RequestType::Flush, 0, &[])
    }

    fn request(
        &mut self,
        kind: RequestType,
        sector: u64,
        segments: &[Segment],
    ) -> Result<(), Error> {
        assert!(segments.len() <= SEGMENTS_MAX, "a request has too many segments");
        let header = self.queue.rest();
        let answer = header.add(STATUS_OFFSET);
        frames().write(header, &RequestHeader { kind, sector }.to_bytes());
        let data_flags = if kind == RequestType::In {
            ring::DESC_F_NEXT | ring::DESC_F_WRITE
        } else {
            ring::DESC_F_NEXT
        };
        let segment = (header, RequestHeader::SIZE as u32);
        self.queue.write_descriptor(0, segment, ring::DESC_F_NEXT);
        let mut index = 1;
        for &segment in segments {
            self.queue.write_descriptor(index, segment, data_flags);
            index += 1;
        }
        self.queue.write_descriptor(index, (answer, 1), ring::DESC_F_WRITE);
        self.queue.submit();
        while !self.queue.is_done() {
            core::hint::spin_loop();
        }
        let [status] = frames().read_array(answer);
        match Status::from(status) {
            Status::Ok => Ok(()),
            status => Err(Error::Request(status)),
        }
    }
}
