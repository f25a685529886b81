// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input on its way into QEMU, whose own standard input is the serial port's other end.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::ChildStdin;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::input::{Error, Input};

/// The input, QEMU's end of it, and what is between them.
#[derive(Debug)]
pub(super) struct Feed {
    input: Input,
    pipe: ChildStdin,
    waiting: Vec<u8>,
}

impl Feed {
    /// Feeds `pipe` with `input`.
    ///
    /// # Errors
    /// The pipe cannot be made one that does not block.
    pub(super) fn new(input: Input, pipe: ChildStdin) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&pipe)?;
        rustix::fs::fcntl_setfl(&pipe, flags | OFlags::NONBLOCK)?;
        Ok(Self { input, pipe, waiting: Vec::new() })
    }

    /// What there is to wait for: more input, none after its end.
    pub(super) fn source(&self) -> Option<BorrowedFd<'static>> {
        if self.waiting.is_empty() { self.input.source() } else { None }
    }

    /// What there is to wait for: room in the pipe, if something is to go there.
    pub(super) fn target(&self) -> Option<BorrowedFd<'_>> {
        (!self.waiting.is_empty()).then(|| self.pipe.as_fd())
    }

    /// Moves what can be moved without waiting.
    ///
    /// # Errors
    /// The input cannot be read, or the user wants the run to end.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        if self.waiting.is_empty() {
            self.waiting = self.input.read()?;
        }
        match rustix::io::write(&self.pipe, &self.waiting) {
            Ok(count) => drop(self.waiting.drain(..count)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // QEMU has ended or is about to; its end says why.
            Err(_) => self.waiting.clear(),
        }
        Ok(())
    }
}
