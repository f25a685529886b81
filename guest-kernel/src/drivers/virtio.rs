// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio devices on virtio-mmio, polled: setting them up, and a queue with one chain at a time.
//!
//! Follows Virtio 1.2: 3.1.1 (initialization), 4.2.3 (MMIO), 2.7 (split queue). Every register access
//! is an exit to the monitor, so only those are made that the specification asks for, and those of
//! all devices together.

use super::virtio_mmio::{Batch, SLOTS_MAX, Slot};
use crate::arch::layout::PAGE_SIZE;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use core::sync::atomic::{Ordering, fence};
use seed_protocols::virtio::{self, mmio, ring, status};

/// Descriptors of the queue that we ask for.
pub(super) const QUEUE_SIZE: u32 = 128;

// Where the parts of the queue lie in its one frame. What is behind them is the driver's.
const AVAIL_OFFSET: u64 = QUEUE_SIZE as u64 * ring::DESC_SIZE as u64;
const USED_OFFSET: u64 = 2560;
pub(super) const REST_OFFSET: u64 = 3712;

const _: () = assert!(
    AVAIL_OFFSET as usize + ring::RING_OFFSET + QUEUE_SIZE as usize * ring::AVAIL_ELEMENT_SIZE
        <= USED_OFFSET as usize
);
const _: () = assert!(
    USED_OFFSET as usize + ring::RING_OFFSET + QUEUE_SIZE as usize * ring::USED_ELEMENT_SIZE
        <= REST_OFFSET as usize
);
const _: () = assert!(REST_OFFSET < PAGE_SIZE);

/// Why a device cannot be used.
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
        }
    }
}

/// A part of memory that a chain moves: address and length in bytes.
pub type Segment = (PhysAddr, u32);

/// The first queue of a device.
#[derive(Debug)]
pub(super) struct Queue {
    slot: Slot,
    frame: Frame,
    /// Chains so far, which is what the available ring's index is at.
    nr_chains: u16,
}

impl Queue {
    /// A queue for the device at a slot.
    pub(super) fn new(slot: Slot) -> Result<Self, Error> {
        let frame = frames().allocate(Fill::Zeroed).ok_or(Error::NoMemory)?;
        Ok(Self { slot, frame, nr_chains: 0 })
    }

    /// The part of its frame that is the driver's.
    pub(super) fn rest(&self) -> PhysAddr {
        self.frame.start().add(REST_OFFSET)
    }

    /// Sets a descriptor of the next chain, which starts with number 0.
    pub(super) fn write_descriptor(&self, index: u16, (address, length): Segment, flags: u16) {
        let at = self.frame.start().add(u64::from(index) * ring::DESC_SIZE as u64);
        let next = u64::from(index) + 1;
        frames().write_word(at, address.0);
        frames().write_word(at.add(8), u64::from(length) | u64::from(flags) << 32 | next << 48);
    }

    /// Hands the chain to the device.
    pub(super) fn submit(&mut self) {
        let avail = frames().pointer(self.frame.start().add(AVAIL_OFFSET));
        // The ring elements are all 0, the head that we use: only the index moves.
        self.nr_chains = self.nr_chains.wrapping_add(1);
        // The device must see the descriptors before the index, and the index before the notice.
        fence(Ordering::SeqCst);
        // SAFETY: the ring lies in the queue's frame, aligned, and the device reads it, so the
        // access is volatile.
        unsafe { avail.add(ring::IDX_OFFSET).cast::<u16>().write_volatile(self.nr_chains) };
        fence(Ordering::SeqCst);
        self.notify();
    }

    /// Has the device look at the chain.
    pub(super) fn notify(&self) {
        self.slot.write(mmio::QUEUE_NOTIFY, 0);
    }

    /// Whether the device has given the chain back. What it wrote can be read then.
    pub(super) fn is_done(&self) -> bool {
        let used = frames().pointer(self.frame.start().add(USED_OFFSET));
        // SAFETY: the ring lies in the queue's frame, aligned, and the device writes it, so the
        // access is volatile.
        let index = unsafe { used.add(ring::IDX_OFFSET).cast::<u16>().read_volatile() };
        fence(Ordering::SeqCst);
        index == self.nr_chains
    }

    /// Number of bytes that the device wrote to the chain that it has given back.
    pub(super) fn used_length(&self) -> u32 {
        let element = u64::from(self.nr_chains.wrapping_sub(1)) % u64::from(QUEUE_SIZE);
        let offset = ring::RING_OFFSET as u64 + element * ring::USED_ELEMENT_SIZE as u64;
        let length = self.frame.start().add(USED_OFFSET + offset + 4);
        u32::from_le_bytes(frames().read_array(length))
    }
}

const DRIVER: u32 = status::ACKNOWLEDGE | status::DRIVER;

/// Resets the devices and notices them; returns those of their first features that are known.
pub(super) fn start(slots: &[Slot], known: u32) -> Result<[u32; SLOTS_MAX], (usize, Error)> {
    const WRITES: [(u64, u32); 3] =
        [(mmio::STATUS, 0), (mmio::STATUS, DRIVER), (mmio::DEVICE_FEATURES_SEL, 0)];
    let mut batch = Batch::new();
    for &slot in slots {
        batch.write(slot, &WRITES);
    }
    let answers = batch.then_read(slots, [mmio::VERSION, mmio::DEVICE_FEATURES]);
    let is_other = |[version, _]: &[u32; 2]| *version != virtio::VERSION;
    match answers[..slots.len()].iter().position(is_other) {
        Some(index) => Err((index, Error::Version(answers[index][0]))),
        None => Ok(answers.map(|[_, offered]| offered & known)),
    }
}

/// Accepts features, and checks that the devices and their queues will do; returns two registers
/// of each, those of the addresses `reads`.
pub(super) fn negotiate(
    slots: &[Slot],
    features: [u32; SLOTS_MAX],
    reads: [u64; 2],
) -> Result<[[u32; 2]; SLOTS_MAX], (usize, Error)> {
    let mut batch = Batch::new();
    for (&slot, features) in slots.iter().zip(features) {
        // A reset leaves no feature accepted, so a word of none need not be written.
        if features != 0 {
            batch.write(slot, &[(mmio::DRIVER_FEATURES_SEL, 0), (mmio::DRIVER_FEATURES, features)]);
        }
        batch.write(
            slot,
            &[
                (mmio::DRIVER_FEATURES_SEL, 1),
                (mmio::DRIVER_FEATURES, 1 << (virtio::F_VERSION_1 - 32)),
                (mmio::STATUS, DRIVER | status::FEATURES_OK),
                (mmio::QUEUE_SEL, 0),
            ],
        );
    }
    let reads = [mmio::STATUS, mmio::QUEUE_NUM_MAX, reads[0], reads[1]];
    let answers = batch.then_read(slots, reads);
    for (index, &[state, size_max, ..]) in answers[..slots.len()].iter().enumerate() {
        if state & status::FEATURES_OK == 0 {
            return Err((index, Error::Features));
        }
        if size_max < QUEUE_SIZE {
            return Err((index, Error::Queue(size_max)));
        }
    }
    Ok(answers.map(|[_, _, first, second]| [first, second]))
}

/// Tells the devices where their queues are, and that they may begin.
pub(super) fn set_up_queues(queues: [Option<&Queue>; SLOTS_MAX]) {
    let low = |address: PhysAddr| (address.0 & 0xffff_ffff) as u32;
    let high = |address: PhysAddr| (address.0 >> 32) as u32;
    let mut batch = Batch::new();
    for queue in queues.iter().flatten() {
        let start = queue.frame.start();
        let (avail, used) = (start.add(AVAIL_OFFSET), start.add(USED_OFFSET));
        // The driver polls.
        frames().write(avail, &ring::AVAIL_F_NO_INTERRUPT.to_le_bytes());
        batch.write(
            queue.slot,
            &[
                (mmio::QUEUE_NUM, QUEUE_SIZE),
                (mmio::QUEUE_DESC_LOW, low(start)),
                (mmio::QUEUE_DESC_HIGH, high(start)),
                (mmio::QUEUE_DRIVER_LOW, low(avail)),
                (mmio::QUEUE_DRIVER_HIGH, high(avail)),
                (mmio::QUEUE_DEVICE_LOW, low(used)),
                (mmio::QUEUE_DEVICE_HIGH, high(used)),
                (mmio::QUEUE_READY, 1),
                (mmio::STATUS, DRIVER | status::FEATURES_OK | status::DRIVER_OK),
            ],
        );
    }
    batch.run();
}
