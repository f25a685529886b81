// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio device: what a transport needs from the device behind it.

use virtio_queue::Queue;
use vm_memory::GuestMemory;

use super::queue::QueueError;

/// A virtio device, seen from its transport.
///
/// The transport owns everything that is the same for all devices: status, feature negotiation,
/// queue set-up and interrupt status.
pub trait VirtioDevice {
    /// Device type (Virtio 1.2, section 5).
    fn device_id(&self) -> u32;

    /// The offered feature bits of the device's own type, that is, below 24 and from 50 on.
    ///
    /// The bits between are the transport's. The set never changes.
    fn features(&self) -> u64;

    /// The largest size of each queue, each a power of two. The list never changes.
    fn queue_max_sizes(&self) -> &[u16];

    /// Reads the configuration space into `data`, which is all zeros.
    ///
    /// Bytes behind the end of the space stay as they are.
    fn read_config(&self, offset: u64, data: &mut [u8]);

    /// Serves every chain that is available in queue number `index`; returns how many were returned
    /// to the driver.
    ///
    /// The transport calls it only for queues that the driver has set up.
    ///
    /// # Errors
    /// The queue itself is unusable. A chain that is unusable is not an error: it is returned.
    fn process_queue<M: GuestMemory>(
        &mut self,
        index: usize,
        queue: &mut Queue,
        memory: &M,
    ) -> Result<u16, QueueError>;

    /// Forgets everything that a driver has done. Counters stay.
    fn reset(&mut self);
}
