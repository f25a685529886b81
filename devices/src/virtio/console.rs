// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Console device: bytes for the guest, of one port, without a size (Virtio 1.2, 5.3).
//!
//! Its owner fills [`ConsoleDevice::waiting`], best when the driver is about to notify. The driver's
//! buffers are filled when it notifies, and then only: there is no interrupt either. What the driver
//! transmits is dropped: the machine's output is the serial port's.

use seed_protocols::virtio::DEVICE_ID_CONSOLE;
use virtio_queue::{DescriptorChain, Queue};
use vm_memory::{Bytes, GuestMemory};

use super::{Buffers, QueueError, VirtioDevice, serve_available};

/// The largest size of each queue.
const QUEUE_SIZE_MAX: u16 = 128;

/// Number of the queue with the driver's empty buffers; the other one transmits.
const RECEIVE_QUEUE: usize = 0;

/// A virtio-console device.
#[derive(Debug)]
pub struct ConsoleDevice {
    waiting: Vec<u8>,
    buffers: Buffers,
}

impl ConsoleDevice {
    /// A console with nothing for the guest.
    #[must_use]
    pub fn new() -> Self {
        Self { waiting: Vec::new(), buffers: Buffers::new(QUEUE_SIZE_MAX) }
    }

    /// What the guest gets next, in its order. Whoever fills it bounds it.
    pub fn waiting(&mut self) -> &mut Vec<u8> {
        &mut self.waiting
    }

    /// Fills one chain; returns the length for the used ring. One that is broken, or does not lie in
    /// memory, gets what comes before that, and the rest goes on waiting.
    fn fill<M: GuestMemory>(&mut self, chain: DescriptorChain<&M>, memory: &M) -> u32 {
        if self.buffers.load(chain).is_err() {
            return 0;
        }
        let mut done = 0;
        for segment in self.buffers.writable().part(0, self.waiting.len() as u64) {
            let bytes = &self.waiting[done..done + segment.length_bytes as usize];
            if memory.write_slice(bytes, segment.address).is_err() {
                break;
            }
            done += bytes.len();
        }
        self.waiting.drain(..done);
        done.try_into().expect("a chain is shorter than 4 GiB")
    }
}

impl Default for ConsoleDevice {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtioDevice for ConsoleDevice {
    fn device_id(&self) -> u32 {
        DEVICE_ID_CONSOLE
    }

    fn features(&self) -> u64 {
        0
    }

    fn queue_max_sizes(&self) -> &[u16] {
        &[QUEUE_SIZE_MAX; 2]
    }

    /// No feature is offered that has a field there.
    fn read_config(&self, _offset: u64, _data: &mut [u8]) {}

    fn process_queue<M: GuestMemory>(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &M,
    ) -> Result<u16, QueueError> {
        if index != RECEIVE_QUEUE {
            return serve_available(queue, memory, u16::MAX, |_| 0);
        }
        let mut nr_served = 0;
        // A chain that is not filled stays the device's. Each turn takes one of at most a queue full.
        while !self.waiting.is_empty() && nr_served < queue_size(queue) {
            if serve_available(queue, memory, 1, |chain| self.fill(chain, memory))? == 0 {
                break;
            }
            nr_served += 1;
        }
        Ok(nr_served)
    }

    /// What waits is not the driver's doing.
    fn reset(&mut self) {}
}

fn queue_size(queue: &Queue) -> u16 {
    virtio_queue::QueueT::size(queue)
}

#[cfg(test)]
mod tests {
    use super::super::mock_driver::{
        AVAILABLE, DESCRIPTORS, MEMORY_END, MockDriver, NEXT, QUEUE_SIZE, READ, WRITE,
    };
    use super::*;

    const DATA: u64 = 0x1_0000;

    fn driver() -> MockDriver<ConsoleDevice> {
        MockDriver::set_up(ConsoleDevice::new())
    }

    fn supply(driver: &mut MockDriver<ConsoleDevice>, bytes: &[u8]) {
        driver.transport.device_mut().waiting().extend_from_slice(bytes);
    }

    #[test]
    fn a_console_introduces_itself() {
        let mut driver = MockDriver::new(ConsoleDevice::new());
        assert_eq!((driver.read(0x08), driver.read(0x10)), (3, 0x1000_0000));
        for (queue, size) in [(0, 128), (1, 128), (2, 0)] {
            driver.write(0x30, queue);
            assert_eq!(driver.read(0x34), size);
        }
        assert_eq!(driver.read(0x100), 0);
    }

    #[test]
    fn a_buffer_waits_for_bytes_and_bytes_for_a_buffer() {
        let mut driver = driver();
        driver.put_chain(DESCRIPTORS, &[(DATA, 4, WRITE), (DATA + 16, 4, WRITE)]);
        driver.make_available(0);
        driver.notify();
        assert_eq!(driver.nr_used(), 0);
        supply(&mut driver, b"abcdefghijk");
        driver.notify();
        assert_eq!((driver.nr_used(), driver.last_used()), (1, (0, 8)));
        assert_eq!(
            (driver.get(DATA, 4), driver.get(DATA + 16, 4)),
            (b"abcd".into(), b"efgh".into())
        );
        assert_eq!(driver.transport.device_mut().waiting(), b"ijk");
        driver.notify();
        assert_eq!(driver.nr_used(), 1);
        assert_eq!(driver.run_head(0), 3);
        assert_eq!(driver.get(DATA, 4), b"ijkd");
    }

    #[test]
    fn what_a_bad_chain_cannot_take_is_not_lost() {
        let mut driver = driver();
        supply(&mut driver, b"text");
        assert_eq!(driver.run_chain(&[(DATA, 100, READ)]), 0);
        assert_eq!(driver.run_chain(&[(MEMORY_END, 100, WRITE)]), 0);
        driver.put_descriptor(DESCRIPTORS, 0, (DATA, 100, WRITE | NEXT), 0);
        assert_eq!(driver.run_head(0), 0);
        assert_eq!(driver.run_chain(&[(DATA, 100, WRITE)]), 4);
        assert_eq!(driver.get(DATA, 4), b"text");
    }

    #[test]
    fn a_buffer_on_the_available_ring_cannot_keep_the_device_busy() {
        let mut driver = driver();
        // Whatever is written there says that there is one more.
        driver.put_chain(DESCRIPTORS, &[(AVAILABLE + 2, 1, WRITE)]);
        let indices: Vec<u8> = (2..=255).chain(0..=255).chain(0..=255).collect();
        supply(&mut driver, &indices);
        driver.make_available(0);
        driver.notify();
        assert_eq!(driver.nr_used(), QUEUE_SIZE);
    }
}
