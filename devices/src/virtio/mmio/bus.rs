// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bus: the eight virtio-mmio slots of the machine.
//!
//! Devices take the slots from the last one downwards, as QEMU's `microvm` does. A slot without a
//! device says so by device ID 0, and otherwise reads as QEMU's empty slots do.

use std::fmt;

use seed_protocols::machine::{
    FIRST_DISK_SLOT, VIRTIO_MMIO_BASE, VIRTIO_MMIO_END, VIRTIO_MMIO_SLOTS, VIRTIO_MMIO_STRIDE,
};
use seed_protocols::virtio::{MAGIC, VENDOR_ID, VERSION, mmio};
use vm_memory::{GuestAddress, GuestMemory};

use super::transport::MmioTransport;
use crate::virtio::{InterruptLine, VirtioDevice};

/// A place on the bus: a slot and an offset within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotAddress {
    slot: usize,
    offset: u64,
}

impl SlotAddress {
    /// The place on the bus that a guest-physical address names, if it names one.
    #[must_use]
    pub fn decode(address: GuestAddress) -> Option<Self> {
        if !(VIRTIO_MMIO_BASE..VIRTIO_MMIO_END).contains(&address.0) {
            return None;
        }
        let from_base = address.0 - VIRTIO_MMIO_BASE;
        let slot = usize::try_from(from_base / VIRTIO_MMIO_STRIDE).ok()?;
        Some(Self { slot, offset: from_base % VIRTIO_MMIO_STRIDE })
    }

    /// The slot's number.
    #[must_use]
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// Offset in bytes from the slot's start.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// Every slot has its device already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusFull;

impl fmt::Display for BusFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no virtio slot left: the machine has {VIRTIO_MMIO_SLOTS}")
    }
}

impl std::error::Error for BusFull {}

/// The slots, with transports in some of them.
#[derive(Debug)]
pub struct Bus<D, L> {
    slots: [Option<MmioTransport<D, L>>; VIRTIO_MMIO_SLOTS],
}

impl<D: VirtioDevice, L: InterruptLine> Default for Bus<D, L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: VirtioDevice, L: InterruptLine> Bus<D, L> {
    /// A bus of empty slots.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: [const { None }; VIRTIO_MMIO_SLOTS] }
    }

    /// Puts a transport into the highest empty slot; returns the slot's number.
    ///
    /// # Errors
    /// There is no empty slot.
    pub fn plug(&mut self, transport: MmioTransport<D, L>) -> Result<usize, BusFull> {
        let candidates = self.slots[..=FIRST_DISK_SLOT].iter_mut().enumerate().rev();
        let mut empty = candidates.filter(|(_, slot)| slot.is_none());
        let (number, slot) = empty.next().ok_or(BusFull)?;
        *slot = Some(transport);
        Ok(number)
    }

    /// The transports with their slots' numbers, in the order in which they were plugged.
    pub fn transports(&self) -> impl Iterator<Item = (usize, &MmioTransport<D, L>)> {
        let slots = self.slots.iter().enumerate().rev();
        slots.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }

    /// Reads `data` from a place on the bus.
    pub fn read(&mut self, address: SlotAddress, data: &mut [u8]) {
        match &mut self.slots[address.slot] {
            Some(transport) => transport.read(address.offset, data),
            None => read_empty(address.offset, data),
        }
    }

    /// Writes `data` to a place on the bus; empty slots take no notice.
    pub fn write<M: GuestMemory>(&mut self, address: SlotAddress, data: &[u8], memory: &M) {
        if let Some(transport) = &mut self.slots[address.slot] {
            transport.write(address.offset, data, memory);
        }
    }
}

fn read_empty(register: u64, data: &mut [u8]) {
    data.fill(0);
    if let Ok(word) = <&mut [u8; 4]>::try_from(data) {
        let value = match register {
            mmio::MAGIC_VALUE => MAGIC,
            mmio::VERSION => VERSION,
            mmio::VENDOR_ID => VENDOR_ID,
            _ => 0,
        };
        *word = value.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virtio::NoInterrupt;
    use crate::virtio::block::{Access, BlockDevice, FileDisk};
    use vm_memory::GuestMemoryMmap;
    use vmm_sys_util::tempfile::TempFile;

    type TestBus = Bus<BlockDevice<FileDisk>, NoInterrupt>;

    fn transport() -> MmioTransport<BlockDevice<FileDisk>, NoInterrupt> {
        let file = TempFile::new().unwrap().into_file();
        let disk = FileDisk::new(file, Access::ReadOnly, [0; 20]).unwrap();
        MmioTransport::new(BlockDevice::new(disk), NoInterrupt)
    }

    fn read(bus: &mut TestBus, address: u64) -> u32 {
        let mut data = [0xff; 4];
        bus.read(SlotAddress::decode(GuestAddress(address)).unwrap(), &mut data);
        u32::from_le_bytes(data)
    }

    #[test]
    fn addresses_decode_to_slots() {
        let decode = |address| SlotAddress::decode(GuestAddress(address));
        let place = |slot, offset| Some(SlotAddress { slot, offset });
        assert_eq!(decode(0xfeaf_ffff), None);
        assert_eq!(decode(0xfeb0_0000), place(0, 0));
        assert_eq!(decode(0xfeb0_01ff), place(0, 0x1ff));
        assert_eq!(decode(0xfeb0_0e70), place(7, 0x70));
        assert_eq!(decode(0xfeb0_0fff), place(7, 0x1ff));
        assert_eq!(decode(0xfeb0_1000), None);
        assert_eq!(decode(u64::MAX), None);
    }

    #[test]
    fn devices_fill_the_slots_from_the_last() {
        let mut bus = TestBus::new();
        for slot in (0..8).rev() {
            assert_eq!(bus.plug(transport()), Ok(slot));
        }
        assert_eq!(bus.plug(transport()), Err(BusFull));
        assert!(bus.transports().map(|(slot, _)| slot).eq((0..8).rev()));
    }

    #[test]
    fn an_empty_slot_reads_as_in_qemu() {
        let mut bus = TestBus::new();
        bus.plug(transport()).unwrap();
        assert_eq!(read(&mut bus, 0xfeb0_0e08), 2);
        for (register, value) in [(0, 0x7472_6976), (4, 2), (8, 0), (0xc, 0x554d_4551)] {
            assert_eq!(read(&mut bus, 0xfeb0_0c00 + register), value);
        }
        for register in (0x10..0x200).step_by(4) {
            assert_eq!(read(&mut bus, 0xfeb0_0c00 + register), 0);
        }
    }

    #[test]
    fn an_empty_slot_takes_no_writes() {
        let memory = GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), 0x1000)]).unwrap();
        let mut bus = TestBus::new();
        let status = SlotAddress::decode(GuestAddress(0xfeb0_0070)).unwrap();
        bus.write(status, &1_u32.to_le_bytes(), &memory);
        assert_eq!(read(&mut bus, 0xfeb0_0070), 0);
    }
}
