// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Queue registers: what a driver says about one queue before the queue exists.
//!
//! The registers hold whatever the driver wrote. Only when it sets `QUEUE_READY` are they checked
//! and become a queue; nothing the driver writes later changes that queue, except its end.

use seed_protocols::virtio::mmio;
use virtio_queue::{Queue, QueueT};
use vm_memory::{GuestAddress, GuestMemory};

use super::negotiation::Effect;
use crate::virtio::QueueError;

/// One queue with its set-up registers.
#[derive(Debug)]
pub(super) struct QueueRegisters {
    queue: Queue,
    size: u32,
    descriptor_table: u64,
    driver_ring: u64,
    device_ring: u64,
}

impl QueueRegisters {
    /// # Panics
    /// `max_size` is not a power of two up to 32768.
    pub(super) fn new(max_size: u16) -> Self {
        let queue = Queue::new(max_size).expect("a device's queue sizes are powers of two");
        Self { queue, size: 0, descriptor_table: 0, driver_ring: 0, device_ring: 0 }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.queue.max_size());
    }

    pub(super) fn max_size(&self) -> u16 {
        self.queue.max_size()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.queue.ready()
    }

    /// The queue, once the driver has set it up.
    pub(super) fn ready_queue(&mut self) -> Option<&mut Queue> {
        self.queue.ready().then_some(&mut self.queue)
    }

    /// Writes a set-up register of the queue; the caller has made sure that it may change.
    pub(super) fn write(&mut self, register: u64, value: u32) -> Effect {
        match register {
            mmio::QUEUE_NUM => self.size = value,
            mmio::QUEUE_DESC_LOW => set_low(&mut self.descriptor_table, value),
            mmio::QUEUE_DESC_HIGH => set_high(&mut self.descriptor_table, value),
            mmio::QUEUE_DRIVER_LOW => set_low(&mut self.driver_ring, value),
            mmio::QUEUE_DRIVER_HIGH => set_high(&mut self.driver_ring, value),
            mmio::QUEUE_DEVICE_LOW => set_low(&mut self.device_ring, value),
            mmio::QUEUE_DEVICE_HIGH => set_high(&mut self.device_ring, value),
            _ => return Effect::Ignored,
        }
        Effect::Done
    }

    /// Makes the queue from the registers.
    ///
    /// # Errors
    /// They describe no queue that can be; there is none then.
    pub(super) fn enable<M: GuestMemory>(&mut self, memory: &M) -> Result<(), QueueError> {
        // A size beyond 16 bits is as wrong as 0, which the queue refuses.
        let size = u16::try_from(self.size).unwrap_or(0);
        let queue = &mut self.queue;
        queue
            .try_set_size(size)
            .and_then(|()| queue.try_set_desc_table_address(GuestAddress(self.descriptor_table)))
            .and_then(|()| queue.try_set_avail_ring_address(GuestAddress(self.driver_ring)))
            .and_then(|()| queue.try_set_used_ring_address(GuestAddress(self.device_ring)))
            .map_err(QueueError::Setup)?;
        queue.set_ready(true);
        if !queue.is_valid(memory) {
            queue.set_ready(false);
            return Err(QueueError::OutsideMemory);
        }
        Ok(())
    }

    /// Ends the use of the queue.
    pub(super) fn disable(&mut self) {
        self.queue.set_ready(false);
    }
}

fn set_low(address: &mut u64, value: u32) {
    *address = *address & !u64::from(u32::MAX) | u64::from(value);
}

fn set_high(address: &mut u64, value: u32) {
    *address = *address & u64::from(u32::MAX) | u64::from(value) << 32;
}
