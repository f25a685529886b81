// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pipes: a ring of bytes with a reading and a writing side.
//!
//! How much a pipe holds depends on how it was written, as on Linux, where each write begins a page
//! unless it fits behind the last one's bytes. The bytes here lie one behind the other all the same; the
//! pages are only counted. Channels of sockets, which are pipes too, count bytes.

use super::waiters::Waiters;
use crate::arch::{bulk, layout::PAGE_SIZE};
use crate::errno::Errno;
use crate::fs::InodeId;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// Bytes that a pipe holds, as on Linux, unless it is made to hold others; and the most that it can be
/// made to hold.
const CAPACITY: u64 = 64 << 10;
const CAPACITY_MAX: u64 = 1 << 20;

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
    /// Bytes that the ring has room for: a power of two.
    ring_bytes: Cell<u64>,
    /// Bytes that it holds.
    capacity: Cell<u64>,
    /// Bytes read and written so far.
    read: Cell<u64>,
    written: Cell<u64>,
    /// Bytes written before the ring last started over.
    before: Cell<u64>,
    /// Where pages begin that are not read to their end, as `written` was then.
    pages: RefCell<Vec<u64>>,
    readers: Openings,
    writers: Openings,
    /// Who waits for bytes, or for the writing side to open or close.
    pub read_waiters: Waiters,
    /// Who waits for room, or for the reading side to open or close.
    pub write_waiters: Waiters,
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
            ring_bytes: Cell::new(CAPACITY),
            capacity: Cell::new(CAPACITY),
            read: Cell::new(0),
            written: Cell::new(0),
            before: Cell::new(0),
            pages: RefCell::new(Vec::new()),
            readers: Openings::default(),
            writers: Openings::default(),
            read_waiters: Waiters::default(),
            write_waiters: Waiters::default(),
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

    /// Bytes that can be written, where pages are not counted.
    #[must_use]
    pub fn room(&self) -> u64 {
        self.capacity.get() - self.nr_bytes()
    }

    /// Whether a write may begin a page.
    #[must_use]
    pub fn has_free_page(&self) -> bool {
        self.nr_free_pages() > 0
    }

    fn nr_free_pages(&self) -> u64 {
        self.capacity.get() / PAGE_SIZE - self.pages.borrow().len() as u64
    }

    /// How many bytes of a write of `len` there is room for.
    #[must_use]
    pub fn room_for(&self, len: u64) -> u64 {
        len.min(self.nr_behind_last(len) + self.nr_free_pages() * PAGE_SIZE)
    }

    /// How many bytes of a write go behind those of the last page: what it has beyond whole pages, if
    /// all of that fits there.
    fn nr_behind_last(&self, len: u64) -> u64 {
        let rest = len % PAGE_SIZE;
        match self.pages.borrow().last() {
            Some(start) if self.written.get().wrapping_sub(*start) + rest <= PAGE_SIZE => rest,
            _ => 0,
        }
    }

    /// Bytes that it holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.capacity.get()
    }

    /// Makes it hold at least so many bytes.
    ///
    /// # Errors
    /// `EPERM`: more than there can be. `EBUSY`: fewer than are in it. `ENOMEM`.
    pub fn set_capacity(&self, bytes: u64) -> Result<(), Errno> {
        let capacity = bytes.max(PAGE_SIZE).next_power_of_two();
        if capacity > CAPACITY_MAX {
            return Err(Errno::EPERM);
        }
        if capacity / PAGE_SIZE < self.pages.borrow().len() as u64 {
            return Err(Errno::EBUSY);
        }
        if capacity > self.ring_bytes.get() {
            self.enlarge_ring(capacity)?;
        }
        self.capacity.set(capacity);
        Ok(())
    }

    /// Puts what is in the ring to the start of a larger one.
    fn enlarge_ring(&self, bytes: u64) -> Result<(), Errno> {
        if let Some(old) = self.ring.get() {
            let ring = allocate_ring(bytes)?;
            let mut at = ring.start();
            for (start, len) in self.readable(bytes) {
                bulk::copy(at, start, len);
                at = at.add(len);
            }
            self.ring.set(Some(ring));
            frames().release(old);
            let read = self.read.replace(0);
            self.written.set(self.written.get() - read);
            self.before.set(self.before.get() + read);
            for start in self.pages.borrow_mut().iter_mut() {
                *start = start.wrapping_sub(read);
            }
        }
        self.ring_bytes.set(bytes);
        Ok(())
    }

    /// Where the next `len` bytes to read lie: at most two pieces.
    #[must_use]
    pub fn readable(&self, len: u64) -> [(PhysAddr, u64); 2] {
        let len = len.min(self.nr_bytes());
        let ring = self.ring.get();
        ring.map_or([(PhysAddr(0), 0); 2], |ring| self.pieces(ring, self.read.get(), len))
    }

    /// Where the next `len` bytes to write go: at most two pieces.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn writable(&self, len: u64) -> Result<[(PhysAddr, u64); 2], Errno> {
        let ring = match self.ring.get() {
            Some(ring) => ring,
            None => {
                let ring = allocate_ring(self.ring_bytes.get())?;
                self.ring.set(Some(ring));
                ring
            }
        };
        Ok(self.pieces(ring, self.written.get(), len.min(self.room())))
    }

    /// Notes that bytes were read. An empty ring starts over, so that small traffic stays on the
    /// same page.
    pub fn consume(&self, len: u64) {
        self.read.set(self.read.get() + len);
        let (read, written) = (self.read.get(), self.written.get());
        let mut pages = self.pages.borrow_mut();
        let ends = pages.iter().skip(1).chain([&written]);
        let nr_read = ends.take_while(|&&end| end <= read).count().min(pages.len());
        pages.drain(..nr_read);
        if self.nr_bytes() == 0 {
            self.before.set(self.before.get() + self.written.get());
            self.read.set(0);
            self.written.set(0);
        }
    }

    /// Notes that bytes were written, where pages are not counted.
    pub fn produce(&self, len: u64) {
        self.written.set(self.written.get() + len);
    }

    /// Notes a write of so many bytes, which there is room for.
    pub fn produce_pages(&self, len: u64) {
        let mut start = self.written.get() + self.nr_behind_last(len);
        self.produce(len);
        while start < self.written.get() {
            self.pages.borrow_mut().push(start);
            start += PAGE_SIZE;
        }
    }

    fn pieces(&self, ring: Frame, position: u64, len: u64) -> [(PhysAddr, u64); 2] {
        let start = position % self.ring_bytes.get();
        let first = len.min(self.ring_bytes.get() - start);
        [(ring.start().add(start), first), (ring.start(), len - first)]
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take() {
            frames().release(ring);
        }
    }
}

fn allocate_ring(bytes: u64) -> Result<Frame, Errno> {
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm is below 64")]
    let order = (bytes / PAGE_SIZE).ilog2() as u8;
    frames().allocate_for_program(order, Fill::Any).ok_or(Errno::ENOMEM)
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

    fn write(pipe: &Pipe, len: u64) -> u64 {
        let now = pipe.room_for(len);
        pipe.writable(now).unwrap();
        pipe.produce_pages(now);
        now
    }

    #[test]
    fn small_writes_share_a_page_if_they_fit() {
        let pipe = Pipe::new(1);
        let total: u64 =
            core::iter::from_fn(|| Some(write(&pipe, 1000)).filter(|&now| now > 0)).sum();
        assert_eq!(total, 16 * 4000);
        assert!(!pipe.has_free_page());
        assert_eq!((write(&pipe, 96), write(&pipe, 1)), (96, 0));
        pipe.consume(4000);
        assert_eq!((pipe.room_for(5000), write(&pipe, 4096)), (4096, 4096));
        assert_eq!(pipe.room_for(1), 0);
    }

    #[test]
    fn a_larger_ring_has_what_was_in_the_smaller_one() {
        let pipe = Pipe::new(1);
        write(&pipe, CAPACITY);
        pipe.consume(CAPACITY - 10);
        let [(start, _), _] = pipe.readable(10);
        frames().write(start, b"0123456789");
        pipe.set_capacity(2 * CAPACITY).unwrap();
        let [(start, len), _] = pipe.readable(100);
        let mut bytes = [0; 10];
        frames().read(start, &mut bytes);
        assert_eq!((len, &bytes), (10, b"0123456789"));
        assert_eq!(write(&pipe, 2 * CAPACITY), 2 * CAPACITY - PAGE_SIZE);
        assert_eq!(pipe.set_capacity(CAPACITY), Err(Errno::EBUSY));
        assert_eq!(pipe.set_capacity(CAPACITY_MAX + 1), Err(Errno::EPERM));
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
