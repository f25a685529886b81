// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A range of a file as the pieces of memory that it lies in, for copies that touch no byte here.

use super::data::FileData;
use crate::mm::address::PhysAddr;

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Bytes at an address, of any alignment.
    Memory(PhysAddr, u64),
    /// So many zeros that lie nowhere.
    Hole(u64),
}

impl Segment {
    /// Length in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no segment is empty")]
    pub const fn len(&self) -> u64 {
        match *self {
            Self::Memory(_, len) | Self::Hole(len) => len,
        }
    }

    /// What is left of it behind its first `len` bytes.
    #[must_use]
    pub const fn behind(self, len: u64) -> Self {
        match self {
            Self::Memory(start, length) => Self::Memory(start.add(len), length - len),
            Self::Hole(length) => Self::Hole(length - len),
        }
    }
}

/// The segments of a range, in order; what is adjacent is joined.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    data: &'a FileData,
    offset: u64,
    end: u64,
}

impl<'a> Segments<'a> {
    /// The segments of as much of the range as the file has.
    pub(super) fn new(data: &'a FileData, offset: u64, len: u64) -> Self {
        let end = offset.saturating_add(len).min(data.size());
        Self { data, offset: offset.min(end), end }
    }

    /// Bytes that are left.
    #[must_use]
    pub const fn nr_bytes(&self) -> u64 {
        self.end - self.offset
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        if self.offset == self.end {
            return None;
        }
        let (start, mut len) = self.data.piece(self.offset, self.end);
        self.offset += len;
        while self.offset < self.end {
            let (next, next_len) = self.data.piece(self.offset, self.end);
            if next != start.map(|start| start.add(len)) {
                break;
            }
            self.offset += next_len;
            len += next_len;
        }
        Some(start.map_or(Segment::Hole(len), |start| Segment::Memory(start, len)))
    }
}
