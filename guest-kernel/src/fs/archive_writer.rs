// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bytes of an output archive on their way to a [`Sink`], as pieces of physical memory.
//!
//! Headers, names and padding are collected in frames of the writer; file data goes from where it
//! lies, and holes from one frame of zeros.

use super::inode::Content;
use super::segments::{Segment, Segments};
use crate::arch::{bulk, layout::PAGE_SIZE};
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, frames};
use alloc::vec::Vec;
use seed_protocols::block::SECTOR_SIZE;
use seed_protocols::cpio::{Header, TRAILER_ENTRY};

/// Frames that there is room for before their list grows.
const FIRST_FRAMES: usize = 16;

/// Frames that what is left of a sector may lie in.
const FRAMES_OF_A_SECTOR: usize = 2;

/// Free frames below which frames are used again.
const SPARE_FRAMES: u64 = 64;

/// Why writing stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError<E> {
    /// The sink's reason.
    Sink(E),
    /// No memory for headers.
    NoMemory,
}

impl<E> From<E> for WriteError<E> {
    fn from(error: E) -> Self {
        Self::Sink(error)
    }
}

/// Takes the bytes of an archive in their order.
pub trait Sink {
    /// Why a sink fails.
    type Error;

    /// Takes the next `len` bytes, from `start`. They stay as they are until [`Sink::finish`] or
    /// [`Sink::make_room`] returns, so the sink may collect pieces.
    ///
    /// # Errors
    /// The sink's.
    fn put(&mut self, start: PhysAddr, len: u64) -> Result<(), Self::Error>;

    /// Memory is short: brings what was put where it belongs, all but less than a sector at its end.
    ///
    /// # Errors
    /// The sink's.
    fn make_room(&mut self) -> Result<(), Self::Error>;

    /// Brings everything that was put where it belongs.
    ///
    /// # Errors
    /// The sink's.
    fn finish(&mut self) -> Result<(), Self::Error>;
}

/// What an entry carries behind its name.
pub(super) enum Body<'a> {
    Nothing,
    Target(&'a [u8]),
    Data(Segments<'a>),
}

impl<'a> Body<'a> {
    /// The body of an entry for an inode, or `None` if there is no entry for such a thing.
    pub(super) fn of(content: &'a Content) -> Option<Self> {
        match content {
            Content::Regular(data) => Some(Self::Data(Segments::new(data, 0, u64::MAX))),
            Content::Directory(_) => Some(Self::Nothing),
            Content::Symlink(target) => Some(Self::Target(target)),
            Content::Character(_) | Content::Fifo => None,
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Target(target) => target.len() as u64,
            Self::Data(segments) => segments.nr_bytes(),
        }
    }
}

/// Writes entries and knows where it stands.
pub(super) struct Writer<'s, S: Sink> {
    sink: &'s mut S,
    staging: Staging,
    offset: u64,
}

impl<'s, S: Sink> Writer<'s, S> {
    pub(super) fn new(sink: &'s mut S) -> Self {
        let mut staging = Staging::default();
        staging.frames.reserve_exact(FIRST_FRAMES);
        Self { sink, staging, offset: 0 }
    }

    /// Fills the last sector and brings everything home.
    pub(super) fn finish(mut self) -> Result<(), WriteError<S::Error>> {
        let end = self.offset.next_multiple_of(SECTOR_SIZE);
        self.stage_zeros(end - self.offset)?;
        self.flush()?;
        Ok(self.sink.finish()?)
    }

    /// Writes an entry; lengths are filled into the header.
    pub(super) fn write_entry(
        &mut self,
        name: &[u8],
        header: Header,
        body: Body<'_>,
    ) -> Result<(), WriteError<S::Error>> {
        let to_field = |value: u64| {
            u32::try_from(value).unwrap_or_else(|_| unreachable!("the plan was checked"))
        };
        let header = Header {
            size_bytes: to_field(body.size_bytes()),
            name_size: to_field(name.len() as u64 + 1),
            ..header
        };
        self.stage(&header.to_bytes())?;
        self.stage(name)?;
        // The zero that ends the name, and padding.
        let end = (self.offset + 1).next_multiple_of(4);
        self.stage_zeros(end - self.offset)?;
        match body {
            Body::Nothing => {}
            Body::Target(target) => self.stage(target)?,
            Body::Data(segments) => self.write_data(segments)?,
        }
        self.align()
    }

    /// Writes the entry that closes the archive.
    pub(super) fn write_trailer(&mut self) -> Result<(), WriteError<S::Error>> {
        self.stage(TRAILER_ENTRY)
    }

    fn write_data(&mut self, segments: Segments<'_>) -> Result<(), WriteError<S::Error>> {
        self.offset += segments.nr_bytes();
        if segments.nr_bytes() > 0 {
            self.flush()?;
        }
        for segment in segments {
            match segment {
                Segment::Memory(start, len) => self.sink.put(start, len)?,
                Segment::Hole(len) => {
                    let zeros = self.staging.zeros().ok_or(WriteError::NoMemory)?;
                    let mut left = len;
                    while left > 0 {
                        let len = left.min(PAGE_SIZE);
                        self.sink.put(zeros.start(), len)?;
                        left -= len;
                    }
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn align(&mut self) -> Result<(), WriteError<S::Error>> {
        self.stage_zeros(self.offset.next_multiple_of(4) - self.offset)
    }

    /// Appends zeros: frames of the writer have them from the start.
    fn stage_zeros(&mut self, len: u64) -> Result<(), WriteError<S::Error>> {
        let mut left = len;
        while left > 0 {
            let now = left.min(self.room()?);
            self.staging.next = self.staging.next.add(now);
            left -= now;
        }
        self.offset += len;
        Ok(())
    }

    /// Bytes that there is room for in the current frame; there is always some.
    #[inline]
    fn room(&mut self) -> Result<u64, WriteError<S::Error>> {
        if self.staging.room() == 0 {
            self.flush()?;
            if self.staging.is_short() {
                self.sink.make_room()?;
                self.staging.use_again();
            }
            self.staging.add_frame().ok_or(WriteError::NoMemory)?;
        }
        Ok(self.staging.room())
    }

    /// Appends bytes that are collected in frames of the writer.
    fn stage(&mut self, bytes: &[u8]) -> Result<(), WriteError<S::Error>> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.room()?;
            rest = self.staging.take(rest);
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Hands what was collected to the sink.
    fn flush(&mut self) -> Result<(), WriteError<S::Error>> {
        match self.staging.take_filled() {
            (_, 0) => Ok(()),
            (start, len) => Ok(self.sink.put(start, len)?),
        }
    }
}

/// Frames for what lies nowhere yet: headers, names, padding and zeros. They are kept until the
/// sink is done with them.
#[derive(Default)]
struct Staging {
    frames: Vec<Frame>,
    /// Those that the sink is done with.
    done: Vec<Frame>,
    zeros: Option<Frame>,
    /// What is filled and not handed on: from `start` to `next`, in a frame that ends at `end`.
    start: PhysAddr,
    next: PhysAddr,
    end: PhysAddr,
}

impl Staging {
    fn room(&self) -> u64 {
        self.end.0 - self.next.0
    }

    fn add_frame(&mut self) -> Option<()> {
        self.frames.try_reserve(1).ok()?;
        let frame = match self.done.pop() {
            Some(frame) => {
                bulk::zero(frame.start(), PAGE_SIZE);
                frame
            }
            None => frames().allocate(Fill::Zeroed)?,
        };
        self.frames.push(frame);
        (self.start, self.next, self.end) =
            (frame.start(), frame.start(), frame.start().add(PAGE_SIZE));
        Some(())
    }

    /// Whether to use frames again, so that there is memory left for the lists of writer and sink.
    fn is_short(&self) -> bool {
        self.done.is_empty()
            && self.frames.len() > FRAMES_OF_A_SECTOR
            && frames().counts().free < SPARE_FRAMES
    }

    /// Notes that the sink is done with all but less than a sector, which is in the last frames.
    fn use_again(&mut self) {
        let nr_done = self.frames.len().saturating_sub(FRAMES_OF_A_SECTOR);
        self.done.extend(self.frames.drain(..nr_done));
    }

    /// Takes as many bytes as there is room for; returns the rest.
    fn take<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let (taken, rest) = bytes.split_at(bytes.len().min(room));
        frames().write(self.next, taken);
        self.next = self.next.add(taken.len() as u64);
        rest
    }

    fn take_filled(&mut self) -> (PhysAddr, u64) {
        let start = core::mem::replace(&mut self.start, self.next);
        (start, self.next.0 - start.0)
    }

    /// A frame of zeros.
    fn zeros(&mut self) -> Option<Frame> {
        if self.zeros.is_none() {
            self.zeros = Some(frames().allocate(Fill::Zeroed)?);
        }
        self.zeros
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        for &frame in self.frames.iter().chain(&self.done).chain(&self.zeros) {
            frames().release(frame);
        }
    }
}
