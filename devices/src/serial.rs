// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Serial port: a 16550A whose transmitter feeds a byte sink.
//!
//! The registers are vm-superio's; this module adds the width of an access, the repeated write of
//! `rep outsb`, and a buffer, so that a console line costs the sink one write and not one per byte.
//! Transmitted bytes reach the sink
//!
//! * at the end of a [`write`](Serial::write) or [`write_repeated`](Serial::write_repeated) in which
//!   a line ended,
//! * when 4096 of them wait,
//! * on [`flush`](Serial::flush).
//!
//! The caller flushes whenever the guest does something that another party can see or wait for (a
//! disk request, a halt) and before it ends; a `Serial` that is dropped loses what waits. There is
//! no interrupt: drivers poll.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};

use seed_protocols::machine::SERIAL_PORT_COUNT;
use vm_superio::Trigger;
use vm_superio::serial::NoEvents;

/// Number of waiting bytes that are passed on without a line end.
const BUFFER_SIZE_BYTES: usize = 4096;

/// What an I/O port without a device reads.
const OPEN_BUS: u8 = 0xff;

/// Why the serial port could not do its part.
#[derive(Debug)]
pub enum SerialError {
    /// The sink refused bytes; those that waited are lost.
    Sink(io::Error),
}

impl fmt::Display for SerialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sink(_) => write!(f, "cannot write the serial port's output"),
        }
    }
}

impl std::error::Error for SerialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sink(cause) => Some(cause),
        }
    }
}

impl From<vm_superio::serial::Error<Infallible>> for SerialError {
    fn from(error: vm_superio::serial::Error<Infallible>) -> Self {
        match error {
            vm_superio::serial::Error::Trigger(never) => match never {},
            vm_superio::serial::Error::IOError(cause) => Self::Sink(cause),
            vm_superio::serial::Error::FullFifo => unreachable!("nothing is received"),
        }
    }
}

/// A 16550A that transmits to `W`.
#[derive(Debug)]
pub struct Serial<W: Write> {
    uart: vm_superio::Serial<NoTrigger, NoEvents, LineBuffer<W>>,
}

impl<W: Write> Serial<W> {
    /// A serial port in its reset state.
    #[must_use]
    pub fn new(sink: W) -> Self {
        Self { uart: vm_superio::Serial::new(NoTrigger, LineBuffer::new(sink)) }
    }

    /// One read: byte `i` of `data` comes from register `offset + i`, as on the ISA bus.
    pub fn read(&mut self, offset: u8, data: &mut [u8]) {
        for (register, byte) in registers_from(offset).zip(data) {
            *byte = register.map_or(OPEN_BUS, |register| self.uart.read(register));
        }
    }

    /// One write: byte `i` of `data` goes to register `offset + i`, as on the ISA bus.
    ///
    /// # Errors
    /// The sink failed.
    pub fn write(&mut self, offset: u8, data: &[u8]) -> Result<(), SerialError> {
        for (register, &byte) in registers_from(offset).zip(data) {
            if let Some(register) = register {
                self.uart.write(register, byte)?;
            }
        }
        self.flush_ended_line()
    }

    /// Many writes of one byte each to register `offset`, as `rep outsb` makes them.
    ///
    /// # Errors
    /// The sink failed; the remaining bytes are lost.
    pub fn write_repeated(&mut self, offset: u8, bytes: &[u8]) -> Result<(), SerialError> {
        for &byte in bytes {
            self.uart.write(offset, byte)?;
        }
        self.flush_ended_line()
    }

    /// Passes every transmitted byte on to the sink, and flushes the sink.
    ///
    /// # Errors
    /// The sink failed.
    pub fn flush(&mut self) -> Result<(), SerialError> {
        self.uart.writer_mut().pass_on().map_err(SerialError::Sink)
    }

    /// The sink, as it stands without the bytes that wait.
    #[must_use]
    pub fn sink(&self) -> &W {
        &self.uart.writer().sink
    }

    fn flush_ended_line(&mut self) -> Result<(), SerialError> {
        if self.uart.writer().has_line_end { self.flush() } else { Ok(()) }
    }
}

/// The registers from `offset` on, then `None` for the ports behind the device.
fn registers_from(offset: u8) -> impl Iterator<Item = Option<u8>> {
    (u16::from(offset)..)
        .map(|register| u8::try_from(register).ok().filter(|_| register < SERIAL_PORT_COUNT))
}

/// The interrupt pin, which is connected to nothing.
#[derive(Debug)]
struct NoTrigger;

impl Trigger for NoTrigger {
    type E = Infallible;

    fn trigger(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// What the transmitter writes to: collects bytes until they are worth a write to the sink.
#[derive(Debug)]
struct LineBuffer<W> {
    sink: W,
    waiting: Vec<u8>,
    has_line_end: bool,
}

impl<W: Write> LineBuffer<W> {
    fn new(sink: W) -> Self {
        Self { sink, waiting: Vec::with_capacity(BUFFER_SIZE_BYTES), has_line_end: false }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let result = self.sink.write_all(&self.waiting).and_then(|()| self.sink.flush());
        // Also after a failure: a guest must not be able to make the buffer grow.
        self.waiting.clear();
        self.has_line_end = false;
        result
    }
}

impl<W: Write> Write for LineBuffer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        self.has_line_end |= bytes.contains(&b'\n');
        if self.waiting.len() >= BUFFER_SIZE_BYTES {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    /// Does nothing: the UART flushes after each byte, which is what this buffer is there to avoid.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps each write apart, and fails on demand.
    #[derive(Debug, Default)]
    struct Recorder {
        writes: Vec<Vec<u8>>,
        is_broken: bool,
    }

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.is_broken {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.writes.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn serial() -> Serial<Recorder> {
        Serial::new(Recorder::default())
    }

    #[test]
    fn a_line_reaches_the_sink_in_one_write() {
        let mut serial = serial();
        for byte in b"hello" {
            serial.write(0, &[*byte]).unwrap();
        }
        assert!(serial.sink().writes.is_empty());
        serial.write(0, b"\n").unwrap();
        assert_eq!(serial.sink().writes, [b"hello\n"]);
    }

    #[test]
    fn repeated_writes_reach_the_sink_together() {
        let mut serial = serial();
        serial.write_repeated(0, b"one\ntwo\nthr").unwrap();
        assert_eq!(serial.sink().writes, [b"one\ntwo\nthr"]);
    }

    #[test]
    fn text_without_a_line_end_waits_for_a_flush() {
        let mut serial = serial();
        serial.write_repeated(0, b"# ").unwrap();
        assert!(serial.sink().writes.is_empty());
        serial.flush().unwrap();
        serial.flush().unwrap();
        assert_eq!(serial.sink().writes, [b"# "]);
    }

    #[test]
    fn a_full_buffer_is_passed_on() {
        let mut serial = serial();
        serial.write_repeated(0, &[b'x'; 10_000]).unwrap();
        let lengths: Vec<_> = serial.sink().writes.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4096, 4096]);
    }

    #[test]
    fn a_broken_sink_is_reported_and_does_not_fill_memory() {
        let mut serial = serial();
        serial.uart.writer_mut().sink.is_broken = true;
        let error = serial.write(0, b"\n").unwrap_err();
        assert!(matches!(error, SerialError::Sink(_)));
        assert!(std::error::Error::source(&error).is_some());
        assert!(serial.write_repeated(0, &[0; 100_000]).is_err());
        assert!(serial.uart.writer().waiting.len() <= 4096);
    }

    #[test]
    fn wide_accesses_spread_over_registers() {
        let mut serial = serial();
        // Line control and modem control at once, then back with the line status behind them.
        serial.write(3, &[0x1b, 0x03]).unwrap();
        let mut data = [0; 3];
        serial.read(3, &mut data);
        assert_eq!(data, [0x1b, 0x03, 0x60]);
        // The scratch register is the last one; the port behind it is not ours.
        serial.write(7, &[0x5a, 0xa5]).unwrap();
        let mut data = [0; 2];
        serial.read(7, &mut data);
        assert_eq!(data, [0x5a, 0xff]);
        let mut data = [0; 2];
        serial.read(0xff, &mut data);
        assert_eq!(data, [0xff, 0xff]);
    }

    #[test]
    fn divisor_latch_hides_the_transmitter() {
        let mut serial = serial();
        serial.write(3, &[0x80]).unwrap();
        serial.write(0, b"\n").unwrap();
        serial.flush().unwrap();
        assert!(serial.sink().writes.is_empty());
    }

    #[test]
    fn loopback_keeps_bytes_from_the_sink() {
        let mut serial = serial();
        serial.write(4, &[0x10]).unwrap();
        serial.write(0, b"\n").unwrap();
        let mut byte = [0];
        serial.read(0, &mut byte);
        assert_eq!(byte, *b"\n");
        assert!(serial.sink().writes.is_empty());
    }
}
