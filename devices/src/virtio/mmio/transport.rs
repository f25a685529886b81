// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Transport: the registers of one slot and the device behind them.
//!
//! Answers reads and writes, and serves a queue on the caller's thread when the driver notifies, so
//! that a request is complete when the notifying write returns. Registers are 32 bits wide: any
//! other access to them reads zeros or changes nothing. A queue that turns out unusable sets
//! `DEVICE_NEEDS_RESET`, after which nothing is served until the driver resets the device.
//! Queues are set up before `DRIVER_OK`; afterwards a driver can only end their use.
//! Follows Virtio 1.2, section 4.2.2.

use seed_protocols::virtio::{
    INTERRUPT_CONFIG, INTERRUPT_USED_RING, MAGIC, VENDOR_ID, VERSION, mmio,
};
use vm_memory::GuestMemory;

use super::negotiation::{Effect, Negotiation};
use super::queue_registers::QueueRegisters;
use crate::virtio::{InterruptLine, QueueError, VirtioDevice, wants_interrupt};

/// Configuration spaces here never change, so neither does their generation.
const CONFIG_GENERATION: u32 = 0;

/// What the registers of a shared memory region read where there is none.
const NO_SHARED_MEMORY: u32 = u32::MAX;

/// What a transport has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransportStats {
    /// Notifications that led to a queue being served.
    pub notifications: u64,
    /// Accesses that did nothing: of a wrong width, to a register that is frozen or not there, to a
    /// queue that is not there or not ready.
    pub ignored_accesses: u64,
}

/// A virtio-mmio transport with its device.
#[derive(Debug)]
pub struct MmioTransport<D, L> {
    device: D,
    interrupt_line: L,
    negotiation: Negotiation,
    queue_select: u32,
    queues: Vec<QueueRegisters>,
    interrupt_status: u32,
    fault: Option<QueueError>,
    stats: TransportStats,
}

impl<D: VirtioDevice, L: InterruptLine> MmioTransport<D, L> {
    /// A transport in its reset state.
    ///
    /// # Panics
    /// A queue size of the device is not a power of two.
    #[must_use]
    pub fn new(device: D, interrupt_line: L) -> Self {
        Self {
            negotiation: Negotiation::new(device.features()),
            queues: device.queue_max_sizes().iter().copied().map(QueueRegisters::new).collect(),
            device,
            interrupt_line,
            queue_select: 0,
            interrupt_status: 0,
            fault: None,
            stats: TransportStats::default(),
        }
    }

    /// The device behind the transport.
    #[must_use]
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device behind the transport, for what its owner does to it.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The interrupt line.
    #[must_use]
    pub fn interrupt_line(&self) -> &L {
        &self.interrupt_line
    }

    /// Why the device needs a reset, if it does.
    #[must_use]
    pub fn fault(&self) -> Option<&QueueError> {
        self.fault.as_ref()
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> TransportStats {
        self.stats
    }

    /// Reads `data` from `offset` in the slot.
    pub fn read(&mut self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        if let Some(config_offset) = offset.checked_sub(mmio::CONFIG) {
            return self.device.read_config(config_offset, data);
        }
        match <&mut [u8; 4]>::try_from(data) {
            // A slot starts at a multiple of 4, and a register not at one does not exist.
            Ok(word) => *word = self.read_register(offset).to_le_bytes(),
            Err(_) => self.stats.ignored_accesses += 1,
        }
    }

    /// Writes `data` to `offset` in the slot; a notification is served before this returns.
    pub fn write<M: GuestMemory>(&mut self, offset: u64, data: &[u8], memory: &M) {
        let effect = match <[u8; 4]>::try_from(data) {
            Ok(word) => self.write_register(offset, u32::from_le_bytes(word), memory),
            Err(_) => Effect::Ignored,
        };
        if effect == Effect::Ignored {
            self.stats.ignored_accesses += 1;
        }
    }

    fn read_register(&self, register: u64) -> u32 {
        match register {
            mmio::MAGIC_VALUE => MAGIC,
            mmio::VERSION => VERSION,
            mmio::DEVICE_ID => self.device.device_id(),
            mmio::VENDOR_ID => VENDOR_ID,
            mmio::DEVICE_FEATURES => self.negotiation.offered_word(),
            mmio::QUEUE_NUM_MAX => self.selected_queue().map_or(0, |queue| queue.max_size().into()),
            mmio::QUEUE_READY => self.selected_queue().map_or(0, |queue| queue.is_ready().into()),
            mmio::INTERRUPT_STATUS => self.interrupt_status,
            mmio::STATUS => self.negotiation.status(),
            mmio::SHM_LEN_LOW | mmio::SHM_LEN_HIGH | mmio::SHM_BASE_LOW | mmio::SHM_BASE_HIGH => {
                NO_SHARED_MEMORY
            }
            mmio::CONFIG_GENERATION => CONFIG_GENERATION,
            _ => 0,
        }
    }

    fn write_register<M: GuestMemory>(&mut self, register: u64, value: u32, memory: &M) -> Effect {
        match register {
            mmio::DEVICE_FEATURES_SEL => self.negotiation.select_offered_word(value),
            mmio::DRIVER_FEATURES_SEL => self.negotiation.select_accepted_word(value),
            mmio::DRIVER_FEATURES => return self.negotiation.accept_word(value),
            mmio::QUEUE_SEL => self.queue_select = value,
            mmio::QUEUE_READY => return self.write_queue_ready(value, memory),
            mmio::QUEUE_NOTIFY => return self.notify(value, memory),
            mmio::INTERRUPT_ACK => self.set_interrupt_status(self.interrupt_status & !value),
            mmio::STATUS if value == 0 => self.reset(),
            mmio::STATUS => self.negotiation.add_status(value),
            _ => return self.write_queue_register(register, value),
        }
        Effect::Done
    }

    fn write_queue_register(&mut self, register: u64, value: u32) -> Effect {
        let is_frozen = self.negotiation.is_driver_ok();
        match self.selected_queue_mut() {
            Some(queue) if !is_frozen && !queue.is_ready() => queue.write(register, value),
            _ => Effect::Ignored,
        }
    }

    fn write_queue_ready<M: GuestMemory>(&mut self, value: u32, memory: &M) -> Effect {
        let is_frozen = self.negotiation.is_driver_ok();
        let Some(queue) = self.selected_queue_mut() else { return Effect::Ignored };
        match value {
            0 => queue.disable(),
            1 if !is_frozen && !queue.is_ready() => {
                if let Err(error) = queue.enable(memory) {
                    self.fail(error);
                }
            }
            _ => return Effect::Ignored,
        }
        Effect::Done
    }

    fn notify<M: GuestMemory>(&mut self, value: u32, memory: &M) -> Effect {
        if !self.negotiation.is_running() {
            return Effect::Ignored;
        }
        let Ok(index) = usize::try_from(value) else { return Effect::Ignored };
        let Some(queue) = self.queues.get_mut(index).and_then(QueueRegisters::ready_queue) else {
            return Effect::Ignored;
        };
        self.stats.notifications += 1;
        let outcome = match self.device.process_queue(index, queue, memory) {
            Ok(0) => Ok(false),
            Ok(_) => wants_interrupt(queue, memory),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(false) => {}
            Ok(true) => self.set_interrupt_status(self.interrupt_status | INTERRUPT_USED_RING),
            Err(error) => self.fail(error),
        }
        Effect::Done
    }

    /// Stops the device until it is reset; tells a driver that is running (Virtio 1.2, 2.1.2).
    fn fail(&mut self, error: QueueError) {
        self.fault = Some(error);
        self.negotiation.set_needs_reset();
        if self.negotiation.is_driver_ok() {
            self.set_interrupt_status(self.interrupt_status | INTERRUPT_CONFIG);
        }
    }

    fn reset(&mut self) {
        self.device.reset();
        self.negotiation.reset();
        self.queues.iter_mut().for_each(QueueRegisters::reset);
        self.queue_select = 0;
        self.fault = None;
        self.set_interrupt_status(0);
    }

    fn set_interrupt_status(&mut self, interrupt_status: u32) {
        self.interrupt_status = interrupt_status;
        if interrupt_status == 0 {
            self.interrupt_line.lower();
        } else {
            self.interrupt_line.raise();
        }
    }

    fn selected_queue(&self) -> Option<&QueueRegisters> {
        self.queues.get(usize::try_from(self.queue_select).ok()?)
    }

    fn selected_queue_mut(&mut self) -> Option<&mut QueueRegisters> {
        self.queues.get_mut(usize::try_from(self.queue_select).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virtio::mock_driver::{
        AVAILABLE, DESCRIPTORS, INDIRECT, MEMORY_END, MockDriver, QUEUE_SIZE, READ, USED, WRITE,
    };
    use crate::virtio::serve_available;
    use virtio_queue::{DescriptorChain, Queue};

    /// Returns each chain with the number of its descriptors.
    #[derive(Debug, Default)]
    struct Counter {
        nr_resets: u32,
    }

    impl VirtioDevice for Counter {
        fn device_id(&self) -> u32 {
            42
        }

        fn features(&self) -> u64 {
            1 << 3 | 1 << 50
        }

        fn queue_max_sizes(&self) -> &[u16] {
            &[64, 8]
        }

        fn read_config(&self, offset: u64, data: &mut [u8]) {
            for (place, byte) in (offset..5).zip(data) {
                *byte = place as u8 + 1;
            }
        }

        fn process_queue<M: GuestMemory>(
            &mut self,
            _index: usize,
            queue: &mut Queue,
            memory: &M,
        ) -> Result<u16, QueueError> {
            let count = |chain: DescriptorChain<&M>| chain.count() as u32;
            serve_available(queue, memory, u16::MAX, count)
        }

        fn reset(&mut self) {
            self.nr_resets += 1;
        }
    }

    fn untouched() -> MockDriver<Counter> {
        MockDriver::new(Counter::default())
    }

    fn set_up() -> MockDriver<Counter> {
        MockDriver::set_up(Counter::default())
    }

    const NEEDS_RESET: u32 = 0x40;

    #[test]
    fn identity_registers_read_as_specified() {
        let mut driver = untouched();
        assert_eq!(driver.read(0x00), 0x7472_6976);
        assert_eq!(driver.read(0x04), 2);
        assert_eq!(driver.read(0x08), 42);
        assert_eq!(driver.read(0xfc), 0);
        // No shared memory region, by length and by address.
        for register in [0xb0, 0xb4, 0xb8, 0xbc] {
            assert_eq!(driver.read(register), 0xffff_ffff);
        }
    }

    #[test]
    fn registers_take_only_aligned_words() {
        let mut driver = untouched();
        let mut wide = [0xff; 8];
        driver.transport.read(0x00, &mut wide);
        assert_eq!(wide, [0; 8]);
        let mut byte = [0xff];
        driver.transport.read(0x00, &mut byte);
        assert_eq!(byte, [0]);
        assert_eq!(driver.read(0x02), 0);
        driver.transport.write(0x70, &[1], &driver.memory);
        driver.transport.write(0x70, &[1, 0, 0, 0, 0, 0, 0, 0], &driver.memory);
        driver.write(0x71, 1);
        driver.write(0x100, 1);
        assert_eq!(driver.read(0x70), 0);
        assert_eq!(driver.transport.stats().ignored_accesses, 6);
    }

    #[test]
    fn config_space_takes_any_width() {
        let mut driver = untouched();
        assert_eq!(driver.read(0x100), 0x0403_0201);
        assert_eq!(driver.read(0x103), 0x0000_0504);
        let mut data = [0xff; 2];
        driver.transport.read(0x102, &mut data);
        assert_eq!(data, [3, 4]);
        let mut data = [0xff; 8];
        driver.transport.read(0x1ff, &mut data);
        assert_eq!(data, [0; 8]);
    }

    #[test]
    fn features_are_offered_in_words() {
        let mut driver = untouched();
        assert_eq!(driver.read(0x10), 1 << 28 | 1 << 3);
        driver.write(0x14, 1);
        assert_eq!(driver.read(0x10), 1 << (50 - 32) | 1);
        driver.write(0x14, 2);
        assert_eq!(driver.read(0x10), 0);
    }

    #[test]
    fn features_ok_needs_version_1_and_nothing_that_was_not_offered() {
        for (words, status) in [
            ([0, 0], 3),
            ([1 << 3, 0], 3),
            ([1 << 29, 1], 3),
            ([0, 1 << 1 | 1], 3),
            ([0, 1], 0xb),
            ([1 << 28 | 1 << 3, 1 << 18 | 1], 0xb),
        ] {
            let mut driver = untouched();
            driver.write(0x70, 3);
            for (number, word) in [0, 1].into_iter().zip(words) {
                driver.write(0x24, number);
                driver.write(0x20, word);
            }
            driver.write(0x70, 0xb);
            assert_eq!(driver.read(0x70), status, "accepted {words:x?}");
            // DRIVER_OK counts only after FEATURES_OK.
            driver.write(0x70, 7);
            assert_eq!(driver.read(0x70), if status == 0xb { 0xf } else { 3 });
        }
    }

    #[test]
    fn features_are_writable_only_while_negotiating() {
        let mut driver = untouched();
        driver.write(0x24, 1);
        driver.write(0x20, 1);
        driver.write(0x70, 3);
        driver.write(0x70, 0xb);
        assert_eq!(driver.read(0x70), 3, "accepted before DRIVER");
        driver.write(0x20, 1);
        driver.write(0x24, 2);
        driver.write(0x20, 1);
        driver.write(0x70, 0xb);
        assert_eq!(driver.read(0x70), 0xb);
        driver.write(0x24, 0);
        driver.write(0x20, u32::MAX);
        assert_eq!(driver.transport.stats().ignored_accesses, 3);
    }

    #[test]
    fn status_bits_can_only_be_added() {
        let mut driver = untouched();
        driver.write(0x70, 1);
        driver.write(0x70, 2);
        assert_eq!(driver.read(0x70), 3);
        // Neither reserved bits nor the device's own are the driver's to set.
        driver.write(0x70, 0xffff_ff70);
        assert_eq!(driver.read(0x70), 3);
        driver.write(0x70, 0x80);
        assert_eq!(driver.read(0x70), 0x83);
    }

    #[test]
    fn a_chain_is_served_before_the_notification_returns() {
        let mut driver = set_up();
        assert_eq!(driver.run_chain(&[(0x10, 1, READ), (0x20, 1, WRITE)]), 2);
        assert_eq!(driver.read(0x60), 1);
        assert!(driver.transport.interrupt_line().is_raised);
        driver.write(0x64, 2);
        assert_eq!(driver.read(0x60), 1);
        driver.write(0x64, 1);
        assert_eq!(driver.read(0x60), 0);
        assert!(!driver.transport.interrupt_line().is_raised);
        assert_eq!(driver.transport.stats().notifications, 1);
    }

    #[test]
    fn a_polling_driver_is_not_interrupted() {
        let mut driver = set_up();
        driver.put(AVAILABLE, &[1, 0]);
        assert_eq!(driver.run_chain(&[(0x10, 1, READ)]), 1);
        assert_eq!(driver.read(0x60), 0);
    }

    #[test]
    fn a_notification_without_a_chain_does_nothing() {
        let mut driver = set_up();
        driver.notify();
        assert_eq!((driver.nr_used(), driver.read(0x60), driver.read(0x70)), (0, 0, 0xf));
    }

    #[test]
    fn several_chains_are_served_in_order_across_the_ring_end() {
        let mut driver = set_up();
        driver.put_chain(DESCRIPTORS, &[(0x10, 1, READ), (0x20, 1, READ), (0x30, 1, READ)]);
        for round in 1..=10 {
            for head in [2, 1, 0] {
                driver.make_available(head);
            }
            driver.notify();
            assert_eq!(driver.nr_used(), 3 * round);
            assert_eq!(driver.last_used(), (0, 3));
        }
    }

    #[test]
    fn indices_run_free_across_16_bits() {
        let mut driver = set_up();
        driver.put_chain(DESCRIPTORS, &[(0x10, 1, READ)]);
        for _ in 0..=u16::MAX / QUEUE_SIZE {
            for _ in 0..QUEUE_SIZE {
                driver.make_available(0);
            }
            driver.notify();
        }
        assert_eq!(driver.nr_used(), 0);
        assert_eq!(driver.run_head(0), 1);
        assert_eq!(driver.read(0x70), 0xf);
    }

    #[test]
    fn duplicate_heads_are_returned_each() {
        let mut driver = set_up();
        driver.put_chain(DESCRIPTORS, &[(0x10, 1, READ)]);
        for _ in 0..QUEUE_SIZE {
            driver.make_available(0);
        }
        driver.notify();
        assert_eq!(driver.nr_used(), QUEUE_SIZE);
    }

    #[test]
    fn an_indirect_table_is_followed_once() {
        let mut driver = set_up();
        driver.put_chain(0x4000, &[(0x10, 1, READ), (0x20, 1, READ), (0x30, 1, WRITE)]);
        assert_eq!(driver.run_chain(&[(0x4000, 48, INDIRECT)]), 3);
        driver.put_chain(0x4000, &[(0x4000, 16, INDIRECT)]);
        assert_eq!(driver.run_chain(&[(0x4000, 16, INDIRECT)]), 0);
    }

    #[test]
    fn queue_sizes_are_told_per_queue() {
        let mut driver = untouched();
        for (queue, size) in [(0, 64), (1, 8), (2, 0), (u32::MAX, 0)] {
            driver.write(0x30, queue);
            assert_eq!(driver.read(0x34), size);
        }
    }

    #[test]
    fn queue_registers_freeze_when_the_queue_is_ready() {
        let mut driver = untouched();
        driver.accept_features();
        driver.write_queue_registers(QUEUE_SIZE.into());
        driver.write(0x44, 1);
        assert_eq!(driver.read(0x44), 1);
        let ignored = driver.transport.stats().ignored_accesses;
        driver.write_queue_registers(0);
        driver.write(0x44, 1);
        assert_eq!(driver.transport.stats().ignored_accesses, ignored + 8);
        driver.write(0x70, 0xf);
        assert_eq!(driver.run_chain(&[(0x10, 1, READ)]), 1);
    }

    #[test]
    fn queue_registers_freeze_when_the_driver_is_ready() {
        let mut driver = set_up();
        driver.write(0x30, 1);
        driver.write(0x38, 8);
        driver.write(0x44, 1);
        assert_eq!(driver.read(0x44), 0);
        assert_eq!(driver.transport.stats().ignored_accesses, 2);
        driver.write(0x30, 0);
        driver.write(0x44, 0);
        assert_eq!(driver.read(0x44), 0);
        driver.make_available(0);
        driver.notify();
        assert_eq!(driver.nr_used(), 0, "a stopped queue was served");
        driver.write(0x44, 1);
        assert_eq!(driver.read(0x44), 0);
    }

    #[test]
    fn a_queue_may_be_set_up_again_before_driver_ok() {
        let mut driver = untouched();
        driver.accept_features();
        driver.write_queue_registers(8);
        driver.write(0x44, 1);
        driver.write(0x44, 0);
        driver.write_queue_registers(QUEUE_SIZE.into());
        driver.write(0x44, 1);
        driver.write(0x70, 0xf);
        assert_eq!(driver.run_chain(&[(0x10, 1, READ)]), 1);
    }

    #[test]
    fn a_wrong_queue_needs_a_reset() {
        let end = MEMORY_END as u32;
        for (register, value) in [
            (0x38, 0),
            (0x38, 3),
            (0x38, 128),
            (0x38, 0x1_0010),
            (0x80, 0x1008),
            (0x80, end - 0x80),
            (0x84, 1),
            (0x84, u32::MAX),
            (0x90, 0x6001),
            (0x90, end - 16),
            (0xa0, 0x8002),
            (0xa0, end),
            (0xa4, u32::MAX),
        ] {
            let mut driver = untouched();
            driver.accept_features();
            driver.write_queue_registers(QUEUE_SIZE.into());
            driver.write(register, value);
            driver.write(0x44, 1);
            assert_eq!(driver.read(0x44), 0, "{register:#x} = {value:#x}");
            assert_eq!(driver.read(0x70), 0xb | NEEDS_RESET);
            assert!(driver.transport.fault().is_some());
            driver.write(0x70, 0xf);
            driver.make_available(0);
            driver.notify();
            assert_eq!(driver.nr_used(), 0);
            driver.write(0x70, 0);
            driver.initialize();
            assert_eq!(driver.run_chain(&[(0x10, 1, READ)]), 1);
        }
    }

    #[test]
    fn an_available_index_too_far_ahead_needs_a_reset() {
        let mut driver = set_up();
        driver.put(AVAILABLE + 2, &(QUEUE_SIZE + 1).to_le_bytes());
        driver.notify();
        assert_eq!(driver.read(0x70), 0xf | NEEDS_RESET);
        assert_eq!(driver.read(0x60), 2, "a configuration change was not announced");
        assert!(driver.transport.interrupt_line().is_raised);
        driver.put(AVAILABLE + 2, &[1, 0]);
        driver.notify();
        assert_eq!(driver.nr_used(), 0);
    }

    #[test]
    fn an_available_index_that_goes_back_needs_a_reset() {
        let mut driver = set_up();
        driver.run_chain(&[(0x10, 1, READ)]);
        driver.put(AVAILABLE + 2, &[0, 0]);
        driver.notify();
        assert_eq!(driver.read(0x70), 0xf | NEEDS_RESET);
    }

    #[test]
    fn a_head_outside_the_table_needs_a_reset() {
        for head in [QUEUE_SIZE, u16::MAX] {
            let mut driver = set_up();
            driver.make_available(head);
            driver.notify();
            assert_eq!(driver.read(0x70), 0xf | NEEDS_RESET);
            assert_eq!(driver.nr_used(), 0);
        }
    }

    #[test]
    fn notifications_count_only_for_a_running_queue() {
        let mut driver = untouched();
        driver.notify();
        driver.accept_features();
        driver.write_queue_registers(QUEUE_SIZE.into());
        driver.write(0x44, 1);
        driver.make_available(0);
        driver.notify();
        assert_eq!(driver.nr_used(), 0, "served before DRIVER_OK");
        driver.write(0x70, 0xf);
        driver.write(0x50, 1);
        driver.write(0x50, 2);
        driver.write(0x50, u32::MAX);
        assert_eq!(driver.transport.stats().notifications, 0);
        driver.write(0x70, 0x8f);
        driver.notify();
        assert_eq!(driver.nr_used(), 0, "served after FAILED");
    }

    #[test]
    fn reset_forgets_everything() {
        let mut driver = set_up();
        driver.run_chain(&[(0x10, 1, READ)]);
        driver.write(0x14, 1);
        driver.write(0x30, 1);
        driver.write(0x70, 0);
        assert_eq!(driver.transport.device().nr_resets, 1);
        assert!(!driver.transport.interrupt_line().is_raised);
        for (register, value) in [(0x70, 0), (0x60, 0), (0x44, 0), (0x34, 64)] {
            assert_eq!(driver.read(register), value, "register {register:#x}");
        }
        assert_eq!(driver.read(0x10), 1 << 28 | 1 << 3, "selector kept");
        // Accepted features are gone too.
        driver.write(0x70, 3);
        driver.write(0x70, 0xb);
        assert_eq!(driver.read(0x70), 3);
        driver.write(0x70, 0);
        driver.initialize();
        assert_eq!(driver.run_chain(&[(0x10, 1, READ)]), 1);
        assert_eq!(driver.nr_used(), 1);
    }

    #[test]
    fn rings_may_overlap_without_harm() {
        let mut driver = untouched();
        driver.accept_features();
        driver.write_queue_registers(QUEUE_SIZE.into());
        driver.write(0xa0, AVAILABLE as u32);
        driver.write(0x44, 1);
        driver.write(0x70, 0xf);
        driver.put_chain(DESCRIPTORS, &[(0x10, 1, READ)]);
        for _ in 0..QUEUE_SIZE {
            driver.make_available(0);
        }
        driver.notify();
        assert_eq!(driver.get(USED, 4), [0; 4]);
        assert_eq!(driver.transport.stats().notifications, 1);
    }
}
