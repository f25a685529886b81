// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pipes: a ring of bytes with a reading and a writing side.

use super::waiters::Waiters;
use crate::arch::layout::PAGE_SIZE;
use crate::errno::Errno;
use crate::fs::InodeId;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use core::cell::{Cell, RefCell};

/// Bytes that a pipe holds, as on Linux, unless it is made to hold fewer.
const CAPACITY: u64 = 64 << 10;

/// Order of the block that holds them: 16 pages.
const ORDER: u8 = 4;

const _: () = assert!(CAPACITY == PAGE_SIZE << ORDER);

/// Writes of at most so many bytes are not mixed with others: `PIPE_BUF`.
pub const ATOMIC_BYTES: u64 = 4096;

/// What an open file does with a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It reads.
    Reader,
    /// It writes.
    Writer,
    /// It reads and writes, as only a FIFO is opened.
    Both,
}

impl Side {
    /// What a reader needs to make progress, and a writer.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Reader => Self::Writer,
            Self::Writer => Self::Reader,
            Self::Both => Self::Both,
        }
    }

    /// Whether it reads.
    #[must_use]
    pub const fn reads(self) -> bool {
        matches!(self, Self::Reader | Self::Both)
    }

    /// Whether it writes.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Writer | Self::Both)
    }
}

/// Open files on one side.
#[derive(Debug, Default)]
struct Openings {
    now: Cell<u32>,
    ever: Cell<u64>,
}

/// A pipe.
#[derive(Debug)]
pub struct Pipe {
    /// The FIFO that it is behind.
    inode: Option<InodeId>,
    /// Its number for `stat`, where it has no inode.
    number: u64,
    /// The ring, allocated with the first byte.
    ring: Cell<Option<Frame>>,
    /// Bytes that it holds.
    capacity: Cell<u64>,
    /// Bytes read and written so far.
    read: Cell<u64>,
    written: Cell<u64>,
    /// Bytes written before the ring last started over.
    before: Cell<u64>,
    readers: Openings,
    writers: Openings,
    /// Who waits for bytes, or for the writing side to open or close.
    pub read_waiters: RefCell<Waiters>,
    /// Who waits for room, or for the reading side to open or close.
    pub write_waiters: RefCell<Waiters>,
}

impl Pipe {
    /// An empty pipe with one open file on each side.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let pipe = Self::closed(None, number);
        pipe.open(Side::Both);
        pipe
    }

    /// An empty pipe behind a FIFO, with no open file.
    #[must_use]
    pub fn of_fifo(inode: InodeId) -> Self {
        Self::closed(Some(inode), 0)
    }

    fn closed(inode: Option<InodeId>, number: u64) -> Self {
        Self {
            inode,
            number,
            ring: Cell::new(None),
            capacity: Cell::new(CAPACITY),
            read: Cell::new(0),
            written: Cell::new(0),
            before: Cell::new(0),
            readers: Openings::default(),
            writers: Openings::default(),
            read_waiters: RefCell::new(Waiters::default()),
            write_waiters: RefCell::new(Waiters::default()),
        }
    }

    /// The FIFO that it is behind, which each opening holds.
    #[must_use]
    pub fn inode(&self) -> Option<InodeId> {
        self.inode
    }

    /// Its number for `stat`, where it has no inode.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    fn sides(&self, side: Side) -> impl Iterator<Item = &Openings> {
        let readers = side.reads().then_some(&self.readers);
        let writers = side.writes().then_some(&self.writers);
        readers.into_iter().chain(writers)
    }

    /// Notes an opening.
    pub fn open(&self, side: Side) {
        for openings in self.sides(side) {
            openings.now.set(openings.now.get() + 1);
            openings.ever.set(openings.ever.get() + 1);
        }
    }

    /// Notes that an opening ended.
    pub fn close(&self, side: Side) {
        for openings in self.sides(side) {
            openings.now.set(openings.now.get() - 1);
        }
    }

    /// Whether somebody has this side open.
    #[must_use]
    pub fn is_open(&self, side: Side) -> bool {
        self.sides(side).all(|openings| openings.now.get() > 0)
    }

    /// How often this side was opened.
    #[must_use]
    pub fn nr_openings(&self, side: Side) -> u64 {
        self.sides(side).map(|openings| openings.ever.get()).sum()
    }

    /// Bytes that can be read.
    #[must_use]
    pub fn nr_bytes(&self) -> u64 {
        self.written.get() - self.read.get()
    }

    /// Bytes that were ever read.
    #[must_use]
    pub fn nr_read_ever(&self) -> u64 {
        self.before.get() + self.read.get()
    }

    /// Bytes that were ever written.
    #[must_use]
    pub fn nr_written_ever(&self) -> u64 {
        self.before.get() + self.written.get()
    }

    /// Bytes that can be written.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.capacity.get() - self.nr_bytes()
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity.get()
    }

    /// Makes it hold at least so many bytes.
    ///
    /// # Errors
    /// `EPERM`: more than there can be. `EBUSY`: fewer than are in it.
    pub fn set_capacity(&self, bytes: u64) -> Result<(), Errno> {
        let capacity = bytes.max(PAGE_SIZE).next_power_of_two();
        if capacity > CAPACITY {
            return Err(Errno::EPERM);
        }
        if capacity < self.nr_bytes() {
            return Err(Errno::EBUSY);
        }
        self.capacity.set(capacity);
        Ok(())
    }

    /// Where the next `len` bytes to read lie: at most two pieces.
    #[must_use]
    pub fn readable(&self, len: u64) -> [(PhysAddr, u64); 2] {
        let len = len.min(self.nr_bytes());
        self.ring.get().map_or([(PhysAddr(0), 0); 2], |ring| pieces(ring, self.read.get(), len))
    }

    /// Where the next `len` bytes to write go: at most two pieces.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn writable(&self, len: u64) -> Result<[(PhysAddr, u64); 2], Errno> {
        let ring = match self.ring.get() {
            Some(ring) => ring,
            None => {
                let ring = frames().allocate_for_program(ORDER, Fill::Any).ok_or(Errno::ENOMEM)?;
                self.ring.set(Some(ring));
                ring
            }
        };
        Ok(pieces(ring, self.written.get(), len.min(self.room())))
    }

    /// Notes that bytes were read. An empty ring starts over, so that small traffic stays on the
    /// same page.
    pub fn consume(&self, len: u64) {
        self.read.set(self.read.get() + len);
        if self.nr_bytes() == 0 {
            self.before.set(self.before.get() + self.written.get());
            self.read.set(0);
            self.written.set(0);
        }
    }

    /// Notes that bytes were written.
    pub fn produce(&self, len: u64) {
        self.written.set(self.written.get() + len);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take() {
            frames().release(ring);
        }
    }
}

fn pieces(ring: Frame, position: u64, len: u64) -> [(PhysAddr, u64); 2] {
    let start = position % CAPACITY;
    let first = len.min(CAPACITY - start);
    [(ring.start().add(start), first), (ring.start(), len - first)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pipe_has_no_room_and_an_empty_one_no_bytes() {
        let pipe = Pipe::new(1);
        assert_eq!(pipe.readable(10), [(PhysAddr(0), 0); 2]);
        pipe.writable(1).unwrap();
        pipe.produce(CAPACITY);
        assert_eq!(pipe.room(), 0);
        pipe.consume(CAPACITY);
        assert_eq!((pipe.nr_bytes(), pipe.room()), (0, CAPACITY));
    }

    #[test]
    fn bytes_wrap_around_the_end_in_two_pieces() {
        let pipe = Pipe::new(1);
        pipe.writable(1).unwrap();
        pipe.produce(CAPACITY - 10);
        pipe.consume(CAPACITY - 20);
        let [first, second] = pipe.writable(100).unwrap();
        assert_eq!((first.1, second.1), (10, 90));
        pipe.produce(100);
        let [first, second] = pipe.readable(1000);
        assert_eq!((first.1, second.1), (20, 90));
    }

    #[test]
    fn a_dropped_pipe_gives_its_memory_back() {
        let free = frames().counts().free;
        let pipe = Pipe::new(1);
        pipe.writable(1).unwrap();
        assert_eq!(frames().counts().free, free - 16);
        drop(pipe);
        assert_eq!(frames().counts().free, free);
    }
}
