// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pipes: a ring of bytes with a reading and a writing side.

use super::waiters::Waiters;
use crate::arch::layout::PAGE_SIZE;
use crate::errno::Errno;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use core::cell::{Cell, RefCell};

/// Bytes that a pipe holds, as on Linux.
pub const CAPACITY: u64 = 64 << 10;

/// Order of the block that holds them: 16 pages.
const ORDER: u8 = 4;

const _: () = assert!(CAPACITY == PAGE_SIZE << ORDER);

/// Writes of at most so many bytes are not mixed with others: `PIPE_BUF`.
pub const ATOMIC_BYTES: u64 = 4096;

/// A pipe.
#[derive(Debug)]
pub struct Pipe {
    /// The ring, allocated with the first byte.
    ring: Cell<Option<Frame>>,
    /// Bytes read and written so far.
    read: Cell<u64>,
    written: Cell<u64>,
    /// Open files on each side.
    pub readers: Cell<u32>,
    /// Open files on the writing side.
    pub writers: Cell<u32>,
    /// Who waits for a change.
    pub waiters: RefCell<Waiters>,
}

impl Pipe {
    /// An empty pipe with one open file on each side.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ring: Cell::new(None),
            read: Cell::new(0),
            written: Cell::new(0),
            readers: Cell::new(1),
            writers: Cell::new(1),
            waiters: RefCell::new(Waiters::default()),
        }
    }

    /// Bytes that can be read.
    #[must_use]
    pub fn nr_bytes(&self) -> u64 {
        self.written.get() - self.read.get()
    }

    /// Bytes that can be written.
    #[must_use]
    pub fn room(&self) -> u64 {
        CAPACITY - self.nr_bytes()
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
                let ring = frames().allocate_block(ORDER, Fill::Any).ok_or(Errno::ENOMEM)?;
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
            self.read.set(0);
            self.written.set(0);
        }
    }

    /// Notes that bytes were written.
    pub fn produce(&self, len: u64) {
        self.written.set(self.written.get() + len);
    }
}

impl Default for Pipe {
    fn default() -> Self {
        Self::new()
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
        let pipe = Pipe::new();
        assert_eq!(pipe.readable(10), [(PhysAddr(0), 0); 2]);
        pipe.writable(1).unwrap();
        pipe.produce(CAPACITY);
        assert_eq!(pipe.room(), 0);
        pipe.consume(CAPACITY);
        assert_eq!((pipe.nr_bytes(), pipe.room()), (0, CAPACITY));
    }

    #[test]
    fn bytes_wrap_around_the_end_in_two_pieces() {
        let pipe = Pipe::new();
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
        let pipe = Pipe::new();
        pipe.writable(1).unwrap();
        assert_eq!(frames().counts().free, free - 16);
        drop(pipe);
        assert_eq!(frames().counts().free, free);
    }
}
