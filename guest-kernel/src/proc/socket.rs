// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pairs of connected stream sockets: `socketpair(2)` of `AF_UNIX`, two pipes that cross.

use super::pipe::{Pipe, Side};
use super::target::Readiness;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

/// One of a pair.
#[derive(Debug)]
pub struct Socket {
    /// What the other one writes.
    pub incoming: Rc<Pipe>,
    /// What the other one reads.
    pub outgoing: Rc<Pipe>,
    is_reading: Cell<bool>,
    is_writing: Cell<bool>,
}

impl Socket {
    /// Two sockets that are connected, with their numbers.
    #[must_use]
    pub fn pair(numbers: [u64; 2]) -> [Self; 2] {
        let [one, other] = numbers.map(|number| Rc::new(Pipe::new(number)));
        let socket = |incoming: &Rc<Pipe>, outgoing: &Rc<Pipe>| Self {
            incoming: Rc::clone(incoming),
            outgoing: Rc::clone(outgoing),
            is_reading: Cell::new(true),
            is_writing: Cell::new(true),
        };
        [socket(&one, &other), socket(&other, &one)]
    }

    /// Whether its own side still reads.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.is_reading.get()
    }

    /// Whether its own side still writes.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.is_writing.get()
    }

    /// Ends reading, writing or both, for ever; those who wait for that are returned.
    pub fn shut_down(&self, side: Side) -> Vec<u32> {
        if side.reads() && self.is_reading.take() {
            self.incoming.close(Side::Reader);
        }
        if side.writes() && self.is_writing.take() {
            self.outgoing.close(Side::Writer);
        }
        let mut waiting = Vec::new();
        for pipe in [&self.incoming, &self.outgoing] {
            waiting.append(&mut pipe.read_waiters.borrow_mut().take());
            waiting.append(&mut pipe.write_waiters.borrow_mut().take());
        }
        waiting
    }

    /// What it is ready for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let is_read_over = !self.is_reading() || !self.incoming.is_open(Side::Writer);
        let is_write_over = !self.is_writing() || !self.outgoing.is_open(Side::Reader);
        Readiness::default()
            .with(Readiness::READ, is_read_over || self.incoming.nr_bytes() > 0)
            .with(Readiness::READ_HANG_UP, is_read_over)
            .with(Readiness::HANG_UP, is_read_over && is_write_over)
            .with(Readiness::WRITE, is_write_over || self.outgoing.room() > 0)
    }
}
