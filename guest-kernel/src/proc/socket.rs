// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pairs of connected sockets: `socketpair(2)` of `AF_UNIX`, two channels that cross.
//!
//! A channel is a pipe whose bytes may be marked: as one message, or as what comes with descriptors.
//! Descriptors that are sent to a socket which they keep alive themselves are never given back.

use super::descriptors::OpenFile;
use super::pipe::{Pipe, Side};
use super::target::Readiness;
use crate::fs::FileSystem;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// Messages that wait in one direction, at most.
const MESSAGES_MAX: usize = 1024;

/// What a socket keeps together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// Nothing: `SOCK_STREAM`.
    Stream,
    /// What was written at once: `SOCK_DGRAM`.
    Datagram,
    /// The same, and its end is told: `SOCK_SEQPACKET`.
    Packet,
}

/// Open files that come with bytes.
pub type Rights = Vec<Rc<OpenFile>>;

/// Bytes that belong together.
#[derive(Debug)]
struct Mark {
    /// Positions among all bytes that were ever written.
    start: u64,
    end: u64,
    rights: Rights,
}

/// One direction.
#[derive(Debug)]
pub struct Channel {
    /// Its bytes.
    pub pipe: Rc<Pipe>,
    marks: RefCell<Vec<Mark>>,
    /// Whether the writing side was closed with bytes for it unread, which it is told once.
    is_reset: Cell<bool>,
    /// Whether the reading side was closed, and not only shut down.
    pub is_left: Cell<bool>,
}

impl Channel {
    fn new(number: u64) -> Self {
        let pipe = Rc::new(Pipe::new(number));
        Self {
            pipe,
            marks: RefCell::default(),
            is_reset: Cell::new(false),
            is_left: Cell::new(false),
        }
    }

    /// The length of the next message.
    #[must_use]
    pub fn next_message(&self) -> Option<u64> {
        self.marks.borrow().first().map(|mark| mark.end - mark.start)
    }

    /// Whether there is room for one more message.
    #[must_use]
    pub fn has_room_for_message(&self, len: u64) -> bool {
        self.pipe.room() >= len && self.marks.borrow().len() < MESSAGES_MAX
    }

    /// How many bytes may be read at once: those behind descriptors are for the next call.
    #[must_use]
    pub fn nr_bytes_together(&self) -> u64 {
        let all = self.pipe.nr_bytes();
        let position = self.pipe.nr_read_ever();
        self.marks.borrow().first().map_or(all, |mark| mark.end - position)
    }

    /// Marks the last `len` bytes that were written.
    pub fn mark(&self, len: u64, rights: Rights) {
        let end = self.pipe.nr_written_ever();
        self.marks.borrow_mut().push(Mark { start: end - len, end, rights });
    }

    /// The descriptors that come with the next `len` bytes.
    #[must_use]
    pub fn next_rights(&self, len: u64) -> Rights {
        let end = self.pipe.nr_read_ever() + len;
        let marks = self.marks.borrow();
        marks.first().filter(|mark| mark.start < end).map_or(Vec::new(), |mark| mark.rights.clone())
    }

    /// Takes `len` bytes away, with the mark that begins among them; returns its descriptors.
    pub fn consume(&self, len: u64) -> Rights {
        self.pipe.consume(len);
        let position = self.pipe.nr_read_ever();
        let mut marks = self.marks.borrow_mut();
        let is_taken = marks.first().is_some_and(|mark| mark.start < position);
        if is_taken { marks.remove(0).rights } else { Vec::new() }
    }

    /// Takes the next message away, of which there is one; returns its descriptors.
    pub fn consume_message(&self) -> Rights {
        let mark = self.marks.borrow_mut().remove(0);
        self.pipe.consume(mark.end - mark.start);
        mark.rights
    }

    /// Whether the other side left bytes unread when it closed; told once.
    pub fn take_reset(&self) -> bool {
        self.is_reset.take()
    }
}

/// One of a pair.
#[derive(Debug)]
pub struct Socket {
    /// What it keeps together.
    pub kind: SocketKind,
    /// Number of the process that made it.
    pub maker: u32,
    /// What the other one writes.
    pub incoming: Rc<Channel>,
    /// What the other one reads.
    pub outgoing: Rc<Channel>,
    is_reading: Cell<bool>,
    is_writing: Cell<bool>,
    /// Whether a datagram was refused, as the other one is gone.
    pub is_alone: Cell<bool>,
}

impl Socket {
    /// Two sockets that are connected, with their numbers.
    #[must_use]
    pub fn pair(kind: SocketKind, maker: u32, numbers: [u64; 2]) -> [Self; 2] {
        let [one, other] = numbers.map(|number| Rc::new(Channel::new(number)));
        let socket = |incoming: &Rc<Channel>, outgoing: &Rc<Channel>| Self {
            kind,
            maker,
            incoming: Rc::clone(incoming),
            outgoing: Rc::clone(outgoing),
            is_reading: Cell::new(true),
            is_writing: Cell::new(true),
            is_alone: Cell::new(false),
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
            self.incoming.pipe.close(Side::Reader);
        }
        if side.writes() && self.is_writing.take() {
            self.outgoing.pipe.close(Side::Writer);
        }
        let mut waiting = Vec::new();
        for channel in [&self.incoming, &self.outgoing] {
            waiting.append(&mut channel.pipe.read_waiters.take());
            waiting.append(&mut channel.pipe.write_waiters.take());
        }
        waiting
    }

    /// Lets the socket go, and what nobody will read any more; those who wait for that are returned.
    pub fn close(&self, fs: &mut FileSystem) -> Vec<u32> {
        let is_unread = self.incoming.pipe.nr_bytes() > 0;
        self.outgoing.is_reset.set(is_unread && self.kind != SocketKind::Datagram);
        self.incoming.is_left.set(true);
        let mut waiting = self.shut_down(Side::Both);
        let marks = core::mem::take(&mut *self.incoming.marks.borrow_mut());
        for file in marks.into_iter().flat_map(|mark| mark.rights) {
            if let Some(file) = Rc::into_inner(file) {
                waiting.append(&mut file.target.close(fs));
            }
        }
        waiting
    }

    /// Bytes that `FIONREAD` tells of: of datagrams those of the next one.
    #[must_use]
    pub fn nr_readable(&self) -> u64 {
        match self.kind {
            SocketKind::Datagram => self.incoming.next_message().unwrap_or(0),
            _ => self.incoming.pipe.nr_bytes(),
        }
    }

    /// What it is ready for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let (incoming, outgoing) = (&self.incoming.pipe, &self.outgoing.pipe);
        // What the other one of two datagram sockets does is not told.
        let is_told = self.kind != SocketKind::Datagram;
        let is_lost = !outgoing.is_open(Side::Reader);
        let is_read_over = !self.is_reading() || is_told && !incoming.is_open(Side::Writer);
        let is_write_over = !self.is_writing() || is_told && is_lost;
        let is_any_there = incoming.nr_bytes() > 0 || self.incoming.next_message().is_some();
        Readiness::default()
            .with(Readiness::READ, is_read_over || is_any_there)
            .with(Readiness::READ_HANG_UP, is_read_over)
            .with(Readiness::HANG_UP, is_read_over && is_write_over)
            .with(Readiness::SEND, is_write_over || is_lost || outgoing.room() > 0)
            .with(Readiness::ERROR, self.incoming.is_reset.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(lengths: &[u64]) -> Channel {
        let channel = Channel::new(1);
        for &len in lengths {
            channel.pipe.writable(len).unwrap();
            channel.pipe.produce(len);
            channel.mark(len, Vec::new());
        }
        channel
    }

    #[test]
    fn messages_keep_their_lengths_and_may_be_empty() {
        let channel = channel(&[3, 0, 5]);
        for len in [3, 0, 5] {
            assert_eq!(channel.next_message(), Some(len));
            channel.consume_message();
        }
        assert_eq!((channel.next_message(), channel.pipe.nr_bytes()), (None, 0));
    }

    #[test]
    fn bytes_behind_a_mark_are_for_the_next_call() {
        let channel = Channel::new(1);
        channel.pipe.writable(10).unwrap();
        channel.pipe.produce(4);
        channel.pipe.produce(2);
        channel.mark(2, Vec::new());
        channel.pipe.produce(3);
        assert_eq!(channel.nr_bytes_together(), 6);
        channel.consume(5);
        assert_eq!(channel.nr_bytes_together(), 4);
    }
}
