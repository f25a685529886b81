// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The console device: virtio-console without its options, polled, for what comes in. What goes out
//! takes the serial port.
//!
//! Follows Virtio 1.2, 5.3. One buffer is the device's at a time, and only from when somebody wants
//! input, so that nobody's input is read ahead.

use super::virtio::{self, Error, Queue};
use super::virtio_mmio::{SLOTS_MAX, Slot};
use crate::arch::layout::PAGE_SIZE;
use crate::mm::address::Frame;
use crate::mm::frames::{Fill, frames};
use seed_protocols::machine::{CONSOLE_SLOT, virtio_mmio_slot};
use seed_protocols::virtio::{DEVICE_ID_CONSOLE, mmio, ring};

/// Bytes that come in at once, at most.
pub const BLOCK_MAX: usize = PAGE_SIZE as usize;

/// How often a device is asked for more that gave something before, and takes its time: shorter than
/// until the next tick by far, longer than the host's way from one block to the next.
const LINGER: u32 = 100_000;

/// A console that can be received from.
#[derive(Debug)]
pub struct Receiver {
    queue: Queue,
    buffer: Frame,
    /// Whether the buffer is the device's.
    is_waiting: bool,
    /// Whether the last look brought something.
    is_flowing: bool,
}

impl Receiver {
    /// Sets the device up.
    ///
    /// # Errors
    /// It cannot be used; or the machine has none, and that is no more than that.
    pub fn start() -> Result<Option<Self>, Error> {
        let slot = Slot(virtio_mmio_slot(CONSOLE_SLOT));
        if slot.read(mmio::DEVICE_ID) != DEVICE_ID_CONSOLE {
            return Ok(None);
        }
        let without_index = |(_, error)| error;
        virtio::start(&[slot], 0).map_err(without_index)?;
        virtio::negotiate(&[slot], [0; SLOTS_MAX], [mmio::STATUS; 2]).map_err(without_index)?;
        let queue = Queue::new(slot)?;
        let buffer = frames().allocate(Fill::Zeroed).ok_or(Error::NoMemory)?;
        virtio::set_up_queues([Some(&queue), None]);
        Ok(Some(Self { queue, buffer, is_waiting: false, is_flowing: false }))
    }

    /// Takes a block of what has come in, as much as there is room for; returns how many bytes that
    /// was. The monitor looks for more when it is notified, QEMU by itself.
    pub fn receive(&mut self, bytes: &mut [u8; BLOCK_MAX]) -> usize {
        if !core::mem::replace(&mut self.is_waiting, true) {
            let segment = (self.buffer.start(), BLOCK_MAX as u32);
            self.queue.write_descriptor(0, segment, ring::DESC_F_WRITE);
            self.queue.submit();
        } else if !self.queue.is_done() {
            self.queue.notify();
        }
        let nr_looks = if self.is_flowing { LINGER } else { 1 };
        self.is_flowing = (0..nr_looks).any(|_| self.queue.is_done());
        if !self.is_flowing {
            return 0;
        }
        self.is_waiting = false;
        let count = BLOCK_MAX.min(self.queue.used_length() as usize);
        frames().read(self.buffer.start(), &mut bytes[..count]);
        count
    }
}
