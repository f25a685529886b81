// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input on its way to the guest's console device.
//!
//! A stream is not read before the guest can take it, and never more than a little, so that what the
//! guest's program leaves is there for the next reader. A terminal is read now and then in any case:
//! its user can end a run whose guest listens to nothing.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use seed_protocols::console_input::{END_SEQUENCE, encode, encode_window};

use crate::signals::window_change;

/// Bytes that are read at once at most.
const CHUNK: usize = 4096;

/// Bytes of a terminal that are kept at most for a guest that does not ask.
const KEPT_MAX: usize = 1 << 16;

/// The key that ends the run when it is pressed three times: Ctrl-].
const QUIT_KEY: u8 = 0x1d;
const QUIT_PRESSES: u8 = 3;

/// What standard input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardInput {
    /// A pipe, a file or the like.
    Stream,
    /// A terminal, which the caller has made raw.
    Terminal,
}

/// Why there is no more input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("cannot read standard input")]
    Read(#[source] io::Error),
    /// The user wants the run to end.
    #[error("ended from the terminal, by Ctrl-] three times")]
    Quit,
}

/// Lines and columns of the terminal on standard input, if it tells them.
#[must_use]
pub fn window_size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdin()).ok()?;
    Some((size.ws_row, size.ws_col)).filter(|&(rows, columns)| rows > 0 && columns > 0)
}

/// Standard input, for one run.
#[derive(Debug)]
pub struct Input {
    kind: StandardInput,
    has_ended: bool,
    quit_presses: u8,
    /// What was read and not yet sent, as the device carries it.
    line: Vec<u8>,
}

impl Input {
    /// The input of this process.
    #[must_use]
    pub const fn new(kind: StandardInput) -> Self {
        Self { kind, has_ended: false, quit_presses: 0, line: Vec::new() }
    }

    /// Where it comes from, for whoever waits; none after its end.
    #[must_use]
    pub fn source(&self) -> Option<BorrowedFd<'static>> {
        (!self.has_ended).then(rustix::stdio::stdin)
    }

    /// What is to be sent to the device; whoever sends it takes it out.
    pub fn line(&mut self) -> &mut Vec<u8> {
        &mut self.line
    }

    /// Whether something is to be sent.
    #[must_use]
    pub fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Reads a block of what can be had without waiting, once all before is sent.
    ///
    /// # Errors
    /// It cannot be read, or the user wants the run to end.
    pub fn fetch(&mut self) -> Result<(), Error> {
        if self.has_line() {
            return Ok(());
        }
        if self.kind == StandardInput::Terminal && window_change::take() {
            self.line.extend(
                window_size().into_iter().flat_map(|(rows, columns)| encode_window(rows, columns)),
            );
        }
        self.read_source()
    }

    /// Nobody takes any more: there is none from here on.
    pub fn close(&mut self) {
        self.line.clear();
        self.has_ended = true;
    }

    /// Reads a terminal for a guest that does not ask, for the keys that end the run.
    ///
    /// # Errors
    /// It cannot be read, or the user wants the run to end.
    pub fn watch(&mut self) -> Result<(), Error> {
        let is_due = self.kind == StandardInput::Terminal && self.line.len() < KEPT_MAX;
        if is_due { self.read_source() } else { Ok(()) }
    }

    fn read_source(&mut self) -> Result<(), Error> {
        let Some(source) = self.source() else { return Ok(()) };
        let mut polled = [PollFd::new(&source, PollFlags::IN)];
        match rustix::event::poll(&mut polled, Some(&Timespec::default())) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(Error::Read(error.into())),
        }
        let mut chunk = [0; CHUNK];
        match rustix::io::read(source, &mut chunk) {
            Ok(0) => {
                self.has_ended = true;
                self.line.extend(END_SEQUENCE);
            }
            Ok(count) => {
                self.look_for_quit(&chunk[..count])?;
                self.line.extend(chunk[..count].iter().copied().flat_map(encode));
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(Error::Read(error.into())),
        }
        Ok(())
    }

    fn look_for_quit(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.kind == StandardInput::Stream {
            return Ok(());
        }
        for &byte in bytes {
            self.quit_presses = if byte == QUIT_KEY { self.quit_presses + 1 } else { 0 };
            if self.quit_presses == QUIT_PRESSES {
                return Err(Error::Quit);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_presses_in_a_row_end_a_terminals_run() {
        let mut input = Input::new(StandardInput::Terminal);
        assert!(input.look_for_quit(b"\x1d\x1da\x1d\x1d").is_ok());
        assert!(input.look_for_quit(b"\x1d").is_err());
        let mut stream = Input::new(StandardInput::Stream);
        assert!(stream.look_for_quit(b"\x1d\x1d\x1d\x1d").is_ok());
    }
}
