// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The serial port: a 16550A, polled; or the console port, where the monitor has that.
//!
//! With its FIFO on, the port takes sixteen bytes whenever its transmitter is empty. It is asked
//! after each sixteen bytes, so that it is empty between calls and what was sent has gone out.

use super::console_port;
use crate::arch::port;
use crate::mm::address::PhysAddr;
use crate::mm::frames::frames;
use core::fmt;
use seed_protocols::machine::SERIAL_PORT;

/// Transmit and receive register.
const DATA: u16 = SERIAL_PORT;

/// FIFO control register, which the boot code writes.
pub const FIFO_CONTROL: u16 = SERIAL_PORT + 2;

/// Line status register.
const LINE_STATUS: u16 = SERIAL_PORT + 5;

/// FIFO control: both FIFOs on and empty.
pub const FIFO_ENABLE_AND_CLEAR: u8 = 0b111;

/// Line status: the transmit FIFO is empty.
const TRANSMITTER_EMPTY: u8 = 1 << 5;

/// Bytes that the transmit FIFO holds.
const FIFO_BYTES: usize = 16;

/// Bytes that a [`Writer`] collects.
const BUFFER_BYTES: usize = 512;

/// Sends bytes; returns when the port has taken them all.
pub fn write(bytes: &[u8]) {
    send(bytes.as_ptr(), bytes.len());
}

/// Sends bytes that lie in frame memory.
pub fn write_frames(start: PhysAddr, len: usize) {
    send(frames().pointer(start), len);
}

fn send(bytes: *const u8, len: usize) {
    let mut done = 0;
    if let Ok(len) = u32::try_from(len) {
        done = console_port::send(bytes, len) as usize;
    }
    while done < len {
        let count = (len - done).min(FIFO_BYTES);
        // SAFETY: writing data and reading the status change nothing but the port; the callers
        // pass so many bytes that can be read.
        unsafe {
            let mut status = port::write_bytes_then_read(DATA, bytes.add(done), count, LINE_STATUS);
            while status & TRANSMITTER_EMPTY == 0 {
                status = port::read_u8(LINE_STATUS);
            }
        }
        done += count;
    }
}

/// The port as a target of `write!`, through a buffer: its bytes go out on [`Writer::flush`].
#[derive(Debug)]
pub struct Writer {
    buffer: [u8; BUFFER_BYTES],
    length: usize,
}

impl Writer {
    /// A writer with nothing to send.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; BUFFER_BYTES], length: 0 }
    }

    /// Sends bytes as they are.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.length == BUFFER_BYTES {
                self.flush();
            }
            self.buffer[self.length] = byte;
            self.length += 1;
        }
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        write(&self.buffer[..self.length]);
        self.length = 0;
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_bytes(text.as_bytes());
        Ok(())
    }
}
