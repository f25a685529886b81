// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The disks: virtio-blk on virtio-mmio, polled, one request at a time.
//!
//! Follows Virtio 1.2: 3.1.1 (initialization), 4.2.3 (MMIO), 2.7 (split queue), 5.2 (block).
//! Every register access is an exit to the monitor, so only those are made that the specification
//! asks for, and those of all disks together. A request may have many segments at any byte address, so data goes between the disk
//! and its final place in memory with no copy.

use super::virtio_mmio::{Batch, SLOTS_MAX, Slot};
use crate::arch::layout::PAGE_SIZE;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use core::sync::atomic::{Ordering, fence};
use seed_protocols::block::{CONFIG_CAPACITY, F_FLUSH, F_RO, RequestHeader, RequestType, Status};
use seed_protocols::virtio::{self, mmio, ring, status};

/// Size in sectors, in two halves. The generation register would guard against a change between
/// them; ours never changes.
const CAPACITY: u64 = mmio::CONFIG + CONFIG_CAPACITY;

/// Disks of a machine: one to read and one to write.
pub const DISKS_MAX: usize = SLOTS_MAX;

/// Descriptors of the queue that we ask for.
const QUEUE_SIZE: u32 = 128;

/// Segments in a request: two descriptors are its header and its status.
pub const SEGMENTS_MAX: usize = QUEUE_SIZE as usize - 2;

// Where the parts of the queue lie in its one frame.
const AVAIL_OFFSET: u64 = QUEUE_SIZE as u64 * ring::DESC_SIZE as u64;
const USED_OFFSET: u64 = 2560;
const HEADER_OFFSET: u64 = 3712;
const STATUS_OFFSET: u64 = HEADER_OFFSET + RequestHeader::SIZE as u64;

const _: () = assert!(
    AVAIL_OFFSET as usize + ring::RING_OFFSET + QUEUE_SIZE as usize * ring::AVAIL_ELEMENT_SIZE
        <= USED_OFFSET as usize
);
const _: () = assert!(
    USED_OFFSET as usize + ring::RING_OFFSET + QUEUE_SIZE as usize * ring::USED_ELEMENT_SIZE
        <= HEADER_OFFSET as usize
);
const _: () = assert!(STATUS_OFFSET < PAGE_SIZE);

/// Why a disk cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The transport is of another version than 2.
    Version(u32),
    /// The device refused our features.
    Features,
    /// The queue is smaller than we need.
    Queue(u32),
    /// Memory ran out.
    NoMemory,
    /// A request failed.
    Request(Status),
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "virtio-mmio version {version}, 2 is needed (QEMU: virtio-mmio.force-legacy=false)"
            ),
            Self::Features => write!(f, "the device refused the features of a modern driver"),
            Self::Queue(size) => write!(f, "its queue has {size} entries, {QUEUE_SIZE} are needed"),
            Self::NoMemory => write!(f, "no memory for its queue"),
            Self::Request(status) => write!(f, "a request failed ({status:?})"),
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

/// A part of memory that a request moves: address and length in bytes.
pub type Segment = (PhysAddr, u32);

/// A disk that answers.
#[derive(Debug)]
pub struct Disk {
    slot: Slot,
    queue: Frame,
    /// Requests so far, which is what both ring indices are at.
    requests: u16,
    features: u32,
    nr_sectors: u64,
}

impl Disk {
    /// Looks for disks at slots and sets them up: those up to the first slot without one.
    ///
    /// # Errors
    /// There is a disk, whose index is told, but it cannot be used.
    pub fn probe(addresses: [u64; DISKS_MAX]) -> Result<[Option<Self>; DISKS_MAX], (usize, Error)> {
        let slots = addresses.map(Slot);
        let is_disk = |slot: &&Slot| slot.read(mmio::DEVICE_ID) == virtio::DEVICE_ID_BLOCK;
        let slots = &slots[..slots.iter().take_while(is_disk).count()];
        if slots.is_empty() {
            return Ok([None, None]);
        }
        let features = start(slots)?;
        let sizes = negotiate(slots, features)?;
        let mut disks = [None, None];
        for (index, &slot) in slots.iter().enumerate() {
            let queue = frames().allocate(Fill::Zeroed).ok_or((index, Error::NoMemory))?;
            let (features, nr_sectors) = (features[index], sizes[index]);
            disks[index] = Some(Self { slot, queue, requests: 0, features, nr_sectors });
        }
        set_up_queues(disks.iter().flatten());
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
        let queue = self.queue.start();
        let header = queue.add(HEADER_OFFSET);
        frames().write(header, &RequestHeader { kind, sector }.to_bytes());
        let data_flags = if kind == RequestType::In {
            ring::DESC_F_NEXT | ring::DESC_F_WRITE
        } else {
            ring::DESC_F_NEXT
        };
        write_descriptor(queue, 0, (header, RequestHeader::SIZE as u32), ring::DESC_F_NEXT);
        let mut index = 1;
        for &segment in segments {
            write_descriptor(queue, index, segment, data_flags);
            index += 1;
        }
        write_descriptor(queue, index, (queue.add(STATUS_OFFSET), 1), ring::DESC_F_WRITE);
        self.submit();
        let mut answer = [0];
        frames().read(queue.add(STATUS_OFFSET), &mut answer);
        match Status::from(answer[0]) {
            Status::Ok => Ok(()),
            status => Err(Error::Request(status)),
        }
    }

    /// Hands descriptor 0 to the device and waits until it comes back.
    fn submit(&mut self) {
        let queue = self.queue.start();
        let avail = frames().pointer(queue.add(AVAIL_OFFSET));
        let used = frames().pointer(queue.add(USED_OFFSET));
        // The ring elements are all 0, the head that we use: only the index moves.
        self.requests = self.requests.wrapping_add(1);
        // The device must see the descriptors before the index, and the index before the notice.
        fence(Ordering::SeqCst);
        // SAFETY: both rings lie in the queue's frame, aligned, and the device writes the used
        // ring, so accesses are volatile.
        unsafe { avail.add(ring::IDX_OFFSET).cast::<u16>().write_volatile(self.requests) };
        fence(Ordering::SeqCst);
        self.slot.write(mmio::QUEUE_NOTIFY, 0);
        // SAFETY: as above.
        while unsafe { used.add(ring::IDX_OFFSET).cast::<u16>().read_volatile() } != self.requests {
            core::hint::spin_loop();
        }
        fence(Ordering::SeqCst);
    }
}

const DRIVER: u32 = status::ACKNOWLEDGE | status::DRIVER;

/// Resets the devices and notices them; returns the features that they offer and we know.
fn start(slots: &[Slot]) -> Result<[u32; DISKS_MAX], (usize, Error)> {
    const WRITES: [(u64, u32); 3] =
        [(mmio::STATUS, 0), (mmio::STATUS, DRIVER), (mmio::DEVICE_FEATURES_SEL, 0)];
    let writes = slots.iter().flat_map(|&slot| WRITES.iter().map(move |write| (slot, write)));
    let answers = Batch::writing(writes).then_read(slots, [mmio::VERSION, mmio::DEVICE_FEATURES]);
    let is_other = |[version, _]: &[u32; 2]| *version != virtio::VERSION;
    match answers[..slots.len()].iter().position(is_other) {
        Some(index) => Err((index, Error::Version(answers[index][0]))),
        None => Ok(answers.map(|[_, offered]| offered & (1 << F_RO | 1 << F_FLUSH))),
    }
}

/// Accepts the features, and checks that the devices and their queues will do; returns sizes in
/// sectors.
fn negotiate(
    slots: &[Slot],
    features: [u32; DISKS_MAX],
) -> Result<[u64; DISKS_MAX], (usize, Error)> {
    let writes = features.map(|features| {
        [
            (mmio::DRIVER_FEATURES_SEL, 0),
            (mmio::DRIVER_FEATURES, features),
            (mmio::DRIVER_FEATURES_SEL, 1),
            (mmio::DRIVER_FEATURES, 1 << (virtio::F_VERSION_1 - 32)),
            (mmio::STATUS, DRIVER | status::FEATURES_OK),
            (mmio::QUEUE_SEL, 0),
        ]
    });
    // A reset leaves no feature accepted, so a word of none need not be written: that of a disk
    // that is only read, as being read-only is for the driver to know, not to accept.
    let skipped = |features: u32| if features & 1 << F_RO == 0 { 0 } else { 2 };
    let writes =
        slots.iter().zip(writes.iter().zip(features)).flat_map(|(&slot, (writes, features))| {
            writes[skipped(features)..].iter().map(move |write| (slot, write))
        });
    let reads = [mmio::STATUS, mmio::QUEUE_NUM_MAX, CAPACITY, CAPACITY + 4];
    let answers = Batch::writing(writes).then_read(slots, reads);
    for (index, &[state, size_max, ..]) in answers[..slots.len()].iter().enumerate() {
        if state & status::FEATURES_OK == 0 {
            return Err((index, Error::Features));
        }
        if size_max < QUEUE_SIZE {
            return Err((index, Error::Queue(size_max)));
        }
    }
    Ok(answers.map(|[_, _, low, high]| u64::from(high) << 32 | u64::from(low)))
}

/// Tells the devices where their queues are, and that they may begin.
fn set_up_queues<'d>(disks: impl Iterator<Item = &'d Disk> + Clone) {
    let low = |address: PhysAddr| (address.0 & 0xffff_ffff) as u32;
    let high = |address: PhysAddr| (address.0 >> 32) as u32;
    let mut writes = [[(0, 0); 9]; DISKS_MAX];
    for (writes, disk) in writes.iter_mut().zip(disks.clone()) {
        let queue = disk.queue.start();
        let (avail, used) = (queue.add(AVAIL_OFFSET), queue.add(USED_OFFSET));
        // The driver polls.
        frames().write(avail, &ring::AVAIL_F_NO_INTERRUPT.to_le_bytes());
        *writes = [
            (mmio::QUEUE_NUM, QUEUE_SIZE),
            (mmio::QUEUE_DESC_LOW, low(queue)),
            (mmio::QUEUE_DESC_HIGH, high(queue)),
            (mmio::QUEUE_DRIVER_LOW, low(avail)),
            (mmio::QUEUE_DRIVER_HIGH, high(avail)),
            (mmio::QUEUE_DEVICE_LOW, low(used)),
            (mmio::QUEUE_DEVICE_HIGH, high(used)),
            (mmio::QUEUE_READY, 1),
            (mmio::STATUS, DRIVER | status::FEATURES_OK | status::DRIVER_OK),
        ];
    }
    let all = disks
        .zip(&writes)
        .flat_map(|(disk, writes)| writes.iter().map(move |write| (disk.slot, write)));
    Batch::writing(all).run();
}

fn write_descriptor(queue: PhysAddr, index: u16, (address, length): Segment, flags: u16) {
    let at = queue.add(u64::from(index) * ring::DESC_SIZE as u64);
    let next = index + 1;
    frames().write_word(at, address.0);
    frames()
        .write_word(at.add(8), u64::from(length) | u64::from(flags) << 32 | u64::from(next) << 48);
}
