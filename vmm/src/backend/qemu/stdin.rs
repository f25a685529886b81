// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input on its way into QEMU: a socket is the console device's other end.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;

use crate::input::{Error, Input};

/// The input, and QEMU's end of it.
#[derive(Debug)]
pub(super) struct Feed {
    input: Input,
    socket: UnixStream,
}

impl Feed {
    /// Feeds `socket`, which does not block, with `input`.
    pub(super) fn new(input: Input, socket: UnixStream) -> Self {
        Self { input, socket }
    }

    /// What there is to wait for: more input, none after its end.
    pub(super) fn source(&self) -> Option<BorrowedFd<'static>> {
        if self.input.has_line() { None } else { self.input.source() }
    }

    /// What there is to wait for: room in the socket, if something is to go there.
    pub(super) fn target(&self) -> Option<BorrowedFd<'_>> {
        self.input.has_line().then(|| self.socket.as_fd())
    }

    /// Moves what can be moved without waiting.
    ///
    /// # Errors
    /// The input cannot be read, or the user wants the run to end.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        self.input.fetch()?;
        let line = self.input.line();
        match rustix::io::write(&self.socket, line) {
            Ok(count) => drop(line.drain(..count)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // QEMU has ended or is about to; its end says why. What was not read is the next reader's.
            Err(_) => self.input.close(),
        }
        Ok(())
    }
}
