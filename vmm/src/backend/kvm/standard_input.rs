// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input at the console device, in its slot.
//!
//! It is read when the guest's driver notifies the device, and no more than the guest has room for
//! soon: what its program leaves is there for the next reader.

use seed_devices::virtio::NoInterrupt;
use seed_devices::virtio::console::ConsoleDevice;
use seed_devices::virtio::mmio::MmioTransport;
use seed_protocols::virtio::mmio::QUEUE_NOTIFY;

use crate::input::{Error, Input};
use crate::memory::GuestMemory;

/// A console device with standard input behind it.
pub(super) struct InputDevice {
    input: Input,
    transport: MmioTransport<ConsoleDevice, NoInterrupt>,
}

impl InputDevice {
    pub(super) fn new(input: Input) -> Self {
        Self { input, transport: MmioTransport::new(ConsoleDevice::new(), NoInterrupt) }
    }

    /// Looks at a terminal whose guest may not.
    ///
    /// # Errors
    /// It cannot be read, or the user wants the run to end.
    pub(super) fn watch(&mut self) -> Result<(), Error> {
        self.input.watch()
    }

    pub(super) fn read(&mut self, offset: u64, data: &mut [u8]) {
        self.transport.read(offset, data);
    }

    /// A write to the slot. If it is a notification the guest gets what there is.
    ///
    /// # Errors
    /// The input cannot be read, or the user wants the run to end.
    pub(super) fn write(
        &mut self,
        offset: u64,
        data: &[u8],
        memory: &GuestMemory,
    ) -> Result<(), Error> {
        let waiting = self.transport.device_mut().waiting();
        if offset == QUEUE_NOTIFY && waiting.is_empty() {
            self.input.fetch()?;
            waiting.append(self.input.line());
        }
        self.transport.write(offset, data, memory);
        Ok(())
    }
}
