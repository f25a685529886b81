// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The output archive on its way to the output disk: pieces of memory become large requests.

use crate::drivers::block::{self, Disk, SEGMENTS_MAX, Segment};
use crate::end;
use crate::fs::{FileSystem, LongNames, PackError, Plan, Sink, WriteError};
use crate::mm::address::PhysAddr;
use alloc::vec::Vec;
use core::fmt;
use seed_protocols::block::SECTOR_SIZE;

/// Bytes in one request, at most. QEMU takes less than 2 GiB.
const REQUEST_MAX_BYTES: u64 = 512 << 20;

/// Segments that there is room for before a request grows.
const FIRST_SEGMENTS: usize = 16;

/// Times in the archive, in seconds since 1970: the same for every run.
const ARCHIVE_MTIME: u32 = 0;

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// What the program left does not fit the archive format.
    Pack(PackError),
    /// The disk is too small.
    TooSmall {
        /// Bytes that the archive has.
        needed: u64,
        /// Bytes that the disk has.
        capacity: u64,
    },
    /// The disk failed.
    Disk(block::Error),
    /// No memory for the archive's headers.
    NoMemory,
    /// The archive was written, but for these names.
    Incomplete(LongNames),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(error) => error.fmt(f),
            Self::TooSmall { needed, capacity } => {
                write!(f, "output disk too small: {needed} bytes needed, it has {capacity}")
            }
            Self::Disk(error) => write!(f, "output disk: {error}"),
            Self::NoMemory => write!(f, "no memory left for the output archive"),
            Self::Incomplete(names) => write!(f, "{names}; the archive has all others"),
        }
    }
}

/// Writes everything at and below `roots` to the disk as an archive, and makes it durable.
///
/// # Errors
/// See [`Error`]. If the archive is too large or does not fit the format, nothing was written.
pub fn write(fs: &mut FileSystem, roots: &[&[u8]], disk: Disk) -> Result<(), Error> {
    let plan = Plan::new(fs, roots).map_err(Error::Pack)?;
    let long_names = plan.long_names().cloned();
    if plan.nr_left_out() > 0 {
        let number = plan.nr_left_out();
        end::say(&format_args!("devices and named pipes are not brought back: {number} left out"));
    }
    // The archive has whole sectors.
    if disk.nr_sectors() < plan.size_bytes() / SECTOR_SIZE {
        let capacity = disk.nr_sectors() * SECTOR_SIZE;
        return Err(Error::TooSmall { needed: plan.size_bytes(), capacity });
    }
    let mut sink =
        DiskSink { disk, sector: 0, segments: Vec::with_capacity(FIRST_SEGMENTS), nr_bytes: 0 };
    plan.write(ARCHIVE_MTIME, &mut sink).map_err(|error| match error {
        WriteError::Sink(error) => Error::Disk(error),
        WriteError::NoMemory => Error::NoMemory,
    })?;
    long_names.map_or(Ok(()), |names| Err(Error::Incomplete(names)))
}

/// Collects pieces until they make a request.
struct DiskSink {
    disk: Disk,
    sector: u64,
    segments: Vec<Segment>,
    nr_bytes: u64,
}

impl DiskSink {
    fn push(&mut self, start: PhysAddr, len: u64) {
        #[expect(clippy::cast_possible_truncation, reason = "at most REQUEST_MAX_BYTES")]
        self.segments.push((start, len as u32));
        self.nr_bytes += len;
    }

    /// Writes the whole sectors that were collected and keeps the rest.
    fn write_sectors(&mut self) -> Result<(), block::Error> {
        let mut rest = self.nr_bytes % SECTOR_SIZE;
        let mut kept = Vec::new();
        self.nr_bytes -= rest;
        while rest > 0 {
            let (start, len) = self.segments.pop().expect("the bytes lie in segments");
            let cut = rest.min(len.into());
            if cut < len.into() {
                #[expect(clippy::cast_possible_truncation, reason = "cut is below len")]
                self.segments.push((start, len - cut as u32));
            }
            kept.push((start.add(u64::from(len) - cut), cut));
            rest -= cut;
        }
        if self.nr_bytes > 0 {
            self.disk.write(self.sector, &self.segments)?;
            self.sector += self.nr_bytes / SECTOR_SIZE;
        }
        self.segments.clear();
        self.nr_bytes = 0;
        for (start, len) in kept.into_iter().rev() {
            self.push(start, len);
        }
        Ok(())
    }
}

impl Sink for DiskSink {
    type Error = block::Error;

    fn put(&mut self, mut start: PhysAddr, mut len: u64) -> Result<(), block::Error> {
        while len > 0 {
            let now = len.min(REQUEST_MAX_BYTES - self.nr_bytes);
            self.push(start, now);
            (start, len) = (start.add(now), len - now);
            if self.segments.len() == SEGMENTS_MAX || self.nr_bytes == REQUEST_MAX_BYTES {
                self.write_sectors()?;
            }
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), block::Error> {
        self.write_sectors()
    }

    fn finish(&mut self) -> Result<(), block::Error> {
        self.write_sectors()?;
        self.disk.flush()
    }
}
