// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is connected to the processor: serial port, console port, debug exit, the virtio bus with its
//! disks, and standard input.
//!
//! Turns addresses into devices. Where there is nothing, reads give all ones and writes are lost,
//! as on a PC's buses; such accesses are counted.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use seed_devices::debug_exit;
use seed_devices::serial::{Serial, SerialError};
use seed_devices::virtio::NoInterrupt;
use seed_devices::virtio::block::{Access, BlockDevice, BlockStats, Disk as _, FileDisk};
use seed_devices::virtio::mmio::{Bus, MmioTransport, SlotAddress};
use seed_protocols::block::ID_SIZE;
use seed_protocols::machine::{
    CONSOLE_PORT, CONSOLE_SLOT, DEBUG_EXIT_PORT, MEMORY_PORT, SERIAL_PORT, SERIAL_PORT_COUNT,
};
use vm_memory::GuestAddress;

use super::Error;
use super::console_port::{ConsolePort, Refusal};
use super::standard_input::InputDevice;
use crate::console::{self, Output};
use crate::engine::ExitCounts;
use crate::images::{Image, Role};
use crate::input::{self, Input, StandardInput};
use crate::memory::GuestMemory;

/// What the guest's access led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The guest goes on.
    None,
    /// The guest ended the machine with this value.
    DebugExit(u16),
    /// The guest is about to use all of its memory.
    AllMemory,
}

/// The devices of a machine.
pub(super) struct Devices<'a, 'c> {
    serial: Serial<Sink<'a, 'c>>,
    console: ConsolePort,
    input: Option<InputDevice>,
    output: Rc<RefCell<&'a mut Output<'c>>>,
    bus: Bus<BlockDevice<FileDisk>, NoInterrupt>,
    memory: &'a GuestMemory,
    counts: ExitCounts,
}

impl<'a, 'c> Devices<'a, 'c> {
    /// The serial port to `output` and standard input, and the disks in their order.
    ///
    /// # Errors
    /// A disk's file cannot be used after all.
    pub(super) fn connect<'i>(
        disks: impl Iterator<Item = &'i Image>,
        stdin: Option<StandardInput>,
        console: ConsolePort,
        memory: &'a GuestMemory,
        output: &'a mut Output<'c>,
    ) -> Result<Self, Error> {
        let mut bus = Bus::new();
        for image in disks {
            let disk = open_disk(image)
                .map_err(|source| Error::Disk { name: image.name.clone(), source })?;
            bus.plug(MmioTransport::new(BlockDevice::new(disk), NoInterrupt))
                .expect("a machine has fewer disks than slots");
        }
        let output = Rc::new(RefCell::new(output));
        let serial = Serial::new(Sink(Rc::clone(&output)));
        let input = stdin.map(|kind| InputDevice::new(Input::new(kind)));
        Ok(Self { serial, console, input, output, bus, memory, counts: ExitCounts::default() })
    }

    /// One or more writes of `width` bytes each to `port`.
    ///
    /// # Errors
    /// The guest's output could not be passed on.
    pub(super) fn write_port(
        &mut self,
        port: u16,
        width: usize,
        data: &[u8],
    ) -> Result<Effect, console::Error> {
        self.counts.io += 1;
        let Some(device) = PortDevice::decode(port) else {
            self.counts.absent_ports += 1;
            return Ok(Effect::None);
        };
        match device {
            PortDevice::Serial(offset) if width == 1 => {
                self.serial.write_repeated(offset, data).map_err(into_console_error)?;
            }
            PortDevice::Serial(offset) => {
                for access in data.chunks(width) {
                    self.serial.write(offset, access).map_err(into_console_error)?;
                }
            }
            PortDevice::DebugExit(offset) => {
                let value = debug_exit::decode_write(offset, &data[..width.min(data.len())]);
                return Ok(value.map_or(Effect::None, Effect::DebugExit));
            }
            PortDevice::Memory => return Ok(Effect::AllMemory),
            PortDevice::Console => return self.take_block(),
        }
        // Without waiting for the line's end: nobody knows how long the guest stays silent.
        self.serial.flush().map_err(into_console_error)?;
        Ok(Effect::None)
    }

    /// Takes the console output that the kernel hands over, unless it is none of its own memory.
    ///
    /// # Errors
    /// It could not be passed on.
    fn take_block(&mut self) -> Result<Effect, console::Error> {
        let output = &self.output;
        match self.console.take(self.memory, |bytes| output.borrow_mut().push(bytes)) {
            Ok(()) => {}
            Err(Refusal::Guest) => self.counts.absent_ports += 1,
            Err(Refusal::Sink(error)) => return Err(error),
        }
        Ok(Effect::None)
    }

    /// One or more reads of `width` bytes each from `port`.
    pub(super) fn read_port(&mut self, port: u16, width: usize, data: &mut [u8]) {
        self.counts.io += 1;
        match PortDevice::decode(port) {
            Some(PortDevice::Serial(offset)) => {
                data.chunks_mut(width).for_each(|access| self.serial.read(offset, access));
            }
            Some(PortDevice::DebugExit(_)) => debug_exit::read(data),
            Some(PortDevice::Memory | PortDevice::Console) => data.fill(OPEN_BUS),
            None => {
                self.counts.absent_ports += 1;
                data.fill(OPEN_BUS);
            }
        }
    }

    /// Looks at a terminal whose guest may not.
    ///
    /// # Errors
    /// It cannot be read, or the user wants the run to end.
    pub(super) fn watch_terminal(&mut self) -> Result<(), input::Error> {
        self.input.as_mut().map_or(Ok(()), InputDevice::watch)
    }

    /// A write to a guest-physical address without RAM.
    ///
    /// # Errors
    /// The guest asked for input that cannot be had.
    pub(super) fn write_memory(&mut self, address: u64, data: &[u8]) -> Result<(), input::Error> {
        self.counts.mmio += 1;
        match (SlotAddress::decode(GuestAddress(address)), &mut self.input) {
            (Some(place), Some(input)) if place.slot() == CONSOLE_SLOT => {
                input.write(place.offset(), data, self.memory)?;
            }
            (Some(place), _) => self.bus.write(place, data, self.memory),
            (None, _) => self.counts.absent_addresses += 1,
        }
        Ok(())
    }

    /// A read from a guest-physical address without RAM.
    pub(super) fn read_memory(&mut self, address: u64, data: &mut [u8]) {
        self.counts.mmio += 1;
        match (SlotAddress::decode(GuestAddress(address)), &mut self.input) {
            (Some(place), Some(input)) if place.slot() == CONSOLE_SLOT => {
                input.read(place.offset(), data);
            }
            (Some(place), _) => self.bus.read(place, data),
            (None, _) => {
                self.counts.absent_addresses += 1;
                data.fill(OPEN_BUS);
            }
        }
    }

    /// Gives access to where the serial port's bytes go.
    pub(super) fn with_output<T>(&mut self, act: impl FnOnce(&mut Output<'c>) -> T) -> T {
        act(&mut self.output.borrow_mut())
    }

    /// The guest's RAM.
    pub(super) fn memory(&self) -> &'a GuestMemory {
        self.memory
    }

    /// The accesses so far.
    pub(super) fn counts(&self) -> ExitCounts {
        self.counts
    }

    /// What the disk in `role` has done.
    pub(super) fn disk_stats(&self, role: Role) -> Option<BlockStats> {
        let access = access(role);
        let devices = self.bus.transports().map(|(_, transport)| transport.device());
        devices.filter(|device| device.disk().access() == access).map(BlockDevice::stats).next()
    }
}

/// What an address without a device reads.
const OPEN_BUS: u8 = 0xff;

/// A device with I/O ports, and the offset of the port that was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortDevice {
    Serial(u8),
    DebugExit(u16),
    Memory,
    Console,
}

impl PortDevice {
    fn decode(port: u16) -> Option<Self> {
        let offset_in =
            |base: u16, count: u16| port.checked_sub(base).filter(|offset| *offset < count);
        if let Some(offset) = offset_in(SERIAL_PORT, SERIAL_PORT_COUNT) {
            return u8::try_from(offset).ok().map(Self::Serial);
        }
        match port {
            MEMORY_PORT => return Some(Self::Memory),
            CONSOLE_PORT => return Some(Self::Console),
            _ => {}
        }
        offset_in(DEBUG_EXIT_PORT, debug_exit::PORT_COUNT).map(Self::DebugExit)
    }
}

fn open_disk(image: &Image) -> io::Result<FileDisk> {
    FileDisk::new(image.file.try_clone()?, access(image.role), NO_IDENTITY)
}

/// QEMU's disks have no identity either, unless told to.
const NO_IDENTITY: [u8; ID_SIZE] = [0; ID_SIZE];

const fn access(role: Role) -> Access {
    match role {
        Role::Input => Access::ReadOnly,
        Role::Output => Access::ReadWrite,
    }
}

/// Carries the serial port's bytes to the output.
struct Sink<'a, 'c>(Rc<RefCell<&'a mut Output<'c>>>);

impl Write for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().push(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the output's own error out of the wrappings that carried it through the serial port.
fn into_console_error(error: SerialError) -> console::Error {
    match error {
        SerialError::Sink(cause) => match cause.downcast::<console::Error>() {
            Ok(error) => error,
            Err(cause) => console::Error::Forward(cause),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_belong_to_the_devices_of_the_machine() {
        assert_eq!(PortDevice::decode(0x3f8), Some(PortDevice::Serial(0)));
        assert_eq!(PortDevice::decode(0x3ff), Some(PortDevice::Serial(7)));
        assert_eq!(PortDevice::decode(0x501), Some(PortDevice::DebugExit(0)));
        assert_eq!(PortDevice::decode(0x502), Some(PortDevice::DebugExit(1)));
        assert_eq!(PortDevice::decode(0x505), Some(PortDevice::Memory));
        assert_eq!(PortDevice::decode(0x507), Some(PortDevice::Console));
        for port in [0, 0x3f7, 0x400, 0x500, 0x503, 0xffff] {
            assert_eq!(PortDevice::decode(port), None);
        }
    }
}
