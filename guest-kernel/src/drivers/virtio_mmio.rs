// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The registers of virtio-mmio transports (Virtio 1.2, 4.2.2), one at a time or several at once.
//!
//! Every register access is an exit to the monitor, and one by itself costs the most. So what does
//! not depend on another's answer goes into a [`Batch`].

use crate::arch::port;

/// Slots whose registers are in one batch, at most.
pub(super) const SLOTS_MAX: usize = 2;

/// Registers in a batch, at most.
const BATCH_MAX: usize = SLOTS_MAX * 10;

/// A virtio-mmio slot, by its physical address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(pub(super) u64);

impl Slot {
    /// Reads a register.
    #[must_use]
    pub(super) fn read(self, register: u64) -> u32 {
        // SAFETY: the machine has a virtio-mmio transport here; reading changes no memory.
        unsafe { port::read_register(self.0 + register) }
    }

    /// Writes a register.
    pub(super) fn write(self, register: u64, value: u32) {
        // SAFETY: the machine has a virtio-mmio transport here; the only memory that its device
        // touches is the queue's frame and the segments of the request in it.
        unsafe { port::write_register(self.0 + register, value) }
    }
}

/// Registers to write, and then others to read.
#[derive(Debug)]
pub(super) struct Batch {
    /// Their addresses, from the end on.
    addresses: [u32; BATCH_MAX],
    /// What to write, and then what was read.
    values: [u32; BATCH_MAX],
    length: usize,
    nr_writes: usize,
}

impl Batch {
    /// One without registers.
    pub(super) const fn new() -> Self {
        Self { addresses: [0; BATCH_MAX], values: [0; BATCH_MAX], length: 0, nr_writes: 0 }
    }

    /// Adds registers of a slot that are to be written, one after the other.
    pub(super) fn write(&mut self, slot: Slot, writes: &[(u64, u32)]) {
        for &(register, value) in writes {
            self.push(slot, register, value);
        }
        self.nr_writes = self.length;
    }

    /// Accesses the registers, and then reads those of `reads` from each slot; returns what is
    /// there, slot by slot.
    #[must_use]
    pub(super) fn then_read<const N: usize>(
        mut self,
        slots: &[Slot],
        reads: [u64; N],
    ) -> [[u32; N]; SLOTS_MAX] {
        for &slot in slots {
            for register in reads {
                self.push(slot, register, 0);
            }
        }
        self.run();
        let mut answers = self.values[self.nr_writes..self.length].iter();
        let mut answer = || answers.next().copied().unwrap_or(0);
        core::array::from_fn(|_| core::array::from_fn(|_| answer()))
    }

    /// Accesses the registers.
    pub(super) fn run(&mut self) {
        let addresses = &self.addresses[BATCH_MAX - self.length..];
        let (reads, writes) = addresses.split_at(self.length - self.nr_writes);
        // SAFETY: as for `Slot::read` and `Slot::write`.
        unsafe { port::access_registers(writes, reads, &mut self.values[..self.length]) }
    }

    fn push(&mut self, slot: Slot, register: u64, value: u32) {
        #[expect(clippy::cast_possible_truncation, reason = "slots lie below 4 GiB")]
        let address = (slot.0 + register) as u32;
        self.values[self.length] = value;
        self.length += 1;
        self.addresses[BATCH_MAX - self.length] = address;
    }
}
