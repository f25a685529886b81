// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Mock driver: the other side of a transport, for tests.
//!
//! It speaks in literal numbers of the specification, so that a wrong constant of ours shows, and it
//! lays out rings by hand, so that tests can spoil any byte of them.

use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::mmio::MmioTransport;
use super::{InterruptLine, VirtioDevice};

/// Descriptor flags: device-readable, device-writable, indirect; `NEXT` joins a chain.
pub(super) const READ: u16 = 0;
pub(super) const NEXT: u16 = 1;
pub(super) const WRITE: u16 = 2;
pub(super) const INDIRECT: u16 = 4;

pub(super) const DESCRIPTORS: u64 = 0x1000;
pub(super) const AVAILABLE: u64 = 0x6000;
pub(super) const USED: u64 = 0x8000;
pub(super) const HEADER: u64 = 0xa000;
pub(super) const STATUS: u64 = 0xb000;

/// Start of the second memory region, which begins where the first one ends.
pub(super) const SECOND_REGION: u64 = 0x10_0000;

/// End of memory.
pub(super) const MEMORY_END: u64 = 0x200_0000;

/// What the status byte holds before a request.
pub(super) const UNANSWERED: u8 = 0xee;

/// Queue size of a driver that is set up.
pub(super) const QUEUE_SIZE: u16 = 16;

/// An interrupt line that remembers its level.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) is_raised: bool,
}

impl InterruptLine for Line {
    fn raise(&mut self) {
        self.is_raised = true;
    }

    fn lower(&mut self) {
        self.is_raised = false;
    }
}

/// A transport with its memory, seen from the guest.
pub(super) struct MockDriver<D> {
    pub(super) transport: MmioTransport<D, Line>,
    pub(super) memory: GuestMemoryMmap,
    nr_available: u16,
}

impl<D: VirtioDevice> MockDriver<D> {
    /// A driver that has not touched the device.
    pub(super) fn new(device: D) -> Self {
        let regions = [
            (GuestAddress(0), SECOND_REGION as usize),
            (GuestAddress(SECOND_REGION), (MEMORY_END - SECOND_REGION) as usize),
        ];
        Self {
            transport: MmioTransport::new(device, Line::default()),
            memory: GuestMemoryMmap::from_ranges(&regions).unwrap(),
            nr_available: 0,
        }
    }

    /// A driver that has set up the device and its first queue.
    pub(super) fn set_up(device: D) -> Self {
        let mut driver = Self::new(device);
        driver.initialize();
        driver
    }

    /// Everything from acknowledging the device to telling it that the driver is ready.
    pub(super) fn initialize(&mut self) {
        self.accept_features();
        self.write_queue_registers(QUEUE_SIZE.into());
        self.write(0x44, 1);
        self.write(0x70, 1 | 2 | 8 | 4);
        assert_eq!(self.read(0x70), 0xf);
        self.memory.write_slice(&[0; 4], GuestAddress(AVAILABLE)).unwrap();
        self.memory.write_slice(&[0; 4], GuestAddress(USED)).unwrap();
        self.nr_available = 0;
    }

    /// Accepts all that is offered, up to `FEATURES_OK`.
    pub(super) fn accept_features(&mut self) {
        self.write(0x70, 1);
        self.write(0x70, 1 | 2);
        for word in [0, 1] {
            self.write(0x14, word);
            let offered = self.read(0x10);
            self.write(0x24, word);
            self.write(0x20, offered);
        }
        self.write(0x70, 1 | 2 | 8);
        assert_eq!(self.read(0x70), 0xb);
    }

    pub(super) fn write_queue_registers(&mut self, size: u32) {
        self.write(0x30, 0);
        self.write(0x38, size);
        self.write(0x80, DESCRIPTORS as u32);
        self.write(0x84, 0);
        self.write(0x90, AVAILABLE as u32);
        self.write(0x94, 0);
        self.write(0xa0, USED as u32);
        self.write(0xa4, 0);
    }

    pub(super) fn read(&mut self, register: u64) -> u32 {
        let mut data = [0xff; 4];
        self.transport.read(register, &mut data);
        u32::from_le_bytes(data)
    }

    pub(super) fn write(&mut self, register: u64, value: u32) {
        self.transport.write(register, &value.to_le_bytes(), &self.memory);
    }

    pub(super) fn put(&self, address: u64, bytes: &[u8]) {
        self.memory.write_slice(bytes, GuestAddress(address)).unwrap();
    }

    pub(super) fn get(&self, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.read_slice(&mut bytes, GuestAddress(address)).unwrap();
        bytes
    }

    /// Writes one descriptor of a table.
    pub(super) fn put_descriptor(
        &self,
        table: u64,
        index: u16,
        (address, length, flags): (u64, u32, u16),
        next: u16,
    ) {
        let at = table + 16 * u64::from(index);
        self.put(at, &address.to_le_bytes());
        self.put(at + 8, &length.to_le_bytes());
        self.put(at + 12, &flags.to_le_bytes());
        self.put(at + 14, &next.to_le_bytes());
    }

    /// Writes a chain that takes the descriptors of a table from number 0 on.
    pub(super) fn put_chain(&self, table: u64, buffers: &[(u64, u32, u16)]) {
        for (index, &(address, length, flags)) in (0_u16..).zip(buffers) {
            let is_last = usize::from(index) + 1 == buffers.len();
            let flags = if is_last { flags } else { flags | NEXT };
            self.put_descriptor(table, index, (address, length, flags), index + 1);
        }
    }

    /// Adds a head to the available ring, without a notification.
    pub(super) fn make_available(&mut self, head: u16) {
        let slot = u64::from(self.nr_available % QUEUE_SIZE);
        self.put(AVAILABLE + 4 + 2 * slot, &head.to_le_bytes());
        self.nr_available = self.nr_available.wrapping_add(1);
        self.put(AVAILABLE + 2, &self.nr_available.to_le_bytes());
    }

    pub(super) fn notify(&mut self) {
        self.write(0x50, 0);
    }

    /// The index of the used ring.
    pub(super) fn nr_used(&self) -> u16 {
        u16::from_le_bytes(self.get(USED + 2, 2).try_into().unwrap())
    }

    /// Head and length of the chain returned last.
    pub(super) fn last_used(&self) -> (u32, u32) {
        let slot = u64::from(self.nr_used().wrapping_sub(1) % QUEUE_SIZE);
        let element = self.get(USED + 4 + 8 * slot, 8);
        let (head, length) = element.split_at(4);
        (
            u32::from_le_bytes(head.try_into().unwrap()),
            u32::from_le_bytes(length.try_into().unwrap()),
        )
    }

    /// Sends the chain at head 0 and returns its used length.
    pub(super) fn run_chain(&mut self, buffers: &[(u64, u32, u16)]) -> u32 {
        self.put_chain(DESCRIPTORS, buffers);
        self.run_head(0)
    }

    /// Sends the chain that is in the table already.
    pub(super) fn run_head(&mut self, head: u16) -> u32 {
        let before = self.nr_used();
        self.make_available(head);
        self.notify();
        assert_eq!(self.nr_used(), before.wrapping_add(1), "chain not returned");
        let (used_head, length) = self.last_used();
        assert_eq!(used_head, u32::from(head));
        length
    }

    /// Writes a block request's header, and a status byte that no device answers.
    pub(super) fn put_header(&self, kind: u32, sector: u64) {
        self.put(HEADER, &kind.to_le_bytes());
        self.put(HEADER + 4, &[0; 4]);
        self.put(HEADER + 8, &sector.to_le_bytes());
        self.put(STATUS, &[UNANSWERED]);
    }

    /// Sends a block request with the usual header and status; returns status and used length.
    pub(super) fn request(
        &mut self,
        kind: u32,
        sector: u64,
        data: &[(u64, u32, u16)],
    ) -> (u8, u32) {
        self.put_header(kind, sector);
        let mut buffers = vec![(HEADER, 16, READ)];
        buffers.extend_from_slice(data);
        buffers.push((STATUS, 1, WRITE));
        let used_length = self.run_chain(&buffers);
        (self.get(STATUS, 1)[0], used_length)
    }
}
