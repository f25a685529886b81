// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Copies between the kernel and programs.
//!
//! The kernel never follows a user address. It looks the page up as the processor would, brings it
//! in if need be, and works on the frame through the direct map; so no access of the kernel can
//! fault, and a bad address is an `EFAULT` in the middle of plain code.

use super::address::{PhysAddr, UserAddr};
use super::fault::FaultError;
use super::frames::frames;
use super::space::AddressSpace;
use crate::arch::{
    layout::PAGE_SIZE,
    paging::{FaultAccess, Mapping},
};
use crate::errno::Errno;
use crate::fs::FileSystem;
use alloc::vec::Vec;

/// Physical ranges, in the order in which a program's buffers have them.
#[derive(Debug, Default)]
pub struct Ranges(Vec<(PhysAddr, u64)>);

impl Ranges {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The ranges: address and length in bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[(PhysAddr, u64)] {
        &self.0
    }

    /// Forgets all ranges.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes in all.
    #[must_use]
    pub fn nr_bytes(&self) -> u64 {
        self.0.iter().map(|range| range.1).sum()
    }

    /// Forgets the first `len` bytes.
    pub fn skip(&mut self, mut len: u64) {
        self.0.retain_mut(|range| {
            let skipped = range.1.min(len);
            len -= skipped;
            *range = (range.0.add(skipped), range.1 - skipped);
            range.1 > 0
        });
    }

    fn push(&mut self, start: PhysAddr, len: u64) -> Result<(), Errno> {
        if let Some(last) = self.0.last_mut()
            && last.0.add(last.1) == start
        {
            last.1 += len;
            return Ok(());
        }
        self.0.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.0.push((start, len));
        Ok(())
    }
}

/// The memory of one process, with what serves its faults.
#[derive(Debug)]
pub struct UserMemory<'a> {
    /// The address space.
    pub space: &'a mut AddressSpace,
    /// The files that areas may be backed by.
    pub fs: &'a mut FileSystem,
}

impl UserMemory<'_> {
    /// Adds the physical ranges behind `len` bytes at `address` to `ranges`, adjacent ones joined.
    ///
    /// Returns how many bytes there are: fewer than `len` if the program may not touch them all.
    ///
    /// # Errors
    /// `EFAULT` or `ENOMEM` if not even the first byte is there.
    pub fn collect(
        &mut self,
        address: UserAddr,
        len: u64,
        access: FaultAccess,
        ranges: &mut Ranges,
    ) -> Result<u64, Errno> {
        if !address.is_range_below_end(len) {
            return Err(Errno::EFAULT);
        }
        let mut done = 0;
        while done < len {
            let at = UserAddr(address.0 + done);
            let mapping = match self.space.page(self.fs, at, access) {
                Ok(mapping) => mapping,
                Err(error) if done == 0 => return Err(error.into()),
                Err(_) => break,
            };
            let in_page = mapping.size.bytes() - (at.0 & (mapping.size.bytes() - 1));
            let count = in_page.min(len - done);
            ranges.push(mapping.physical(at), count)?;
            done += count;
        }
        Ok(done)
    }

    /// Copies from the program; all of it or an error.
    ///
    /// # Errors
    /// `EFAULT` if a byte is not there.
    pub fn read(&mut self, address: UserAddr, bytes: &mut [u8]) -> Result<(), Errno> {
        let mut rest = bytes;
        self.all(address, rest.len() as u64, FaultAccess::Read, |start, len| {
            let (now, later) = core::mem::take(&mut rest).split_at_mut(len);
            frames().read(start, now);
            rest = later;
        })
    }

    /// Copies to the program; all of it or an error, in which case a part may have been written.
    ///
    /// # Errors
    /// `EFAULT` if a byte is not there or may not be written.
    pub fn write(&mut self, address: UserAddr, bytes: &[u8]) -> Result<(), Errno> {
        let mut rest = bytes;
        self.all(address, rest.len() as u64, FaultAccess::Write, |start, len| {
            let (now, later) = rest.split_at(len);
            frames().write(start, now);
            rest = later;
        })
    }

    /// Reads a 64-bit word.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read_u64(&mut self, address: UserAddr) -> Result<u64, Errno> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Copies a zero-terminated string of at most `max` bytes, without its zero.
    ///
    /// # Errors
    /// `EFAULT` if it is not all there; `too_long` if no zero is among the first `max + 1` bytes.
    pub fn read_string(
        &mut self,
        address: UserAddr,
        max: u64,
        too_long: Errno,
    ) -> Result<Vec<u8>, Errno> {
        let mut text = Vec::new();
        let mut at = address;
        loop {
            if !at.is_range_below_end(1) {
                return Err(Errno::EFAULT);
            }
            let mapping = self.page(at, FaultAccess::Read)?;
            let rest = PAGE_SIZE - at.page_offset();
            let start = mapping.physical(at);
            let (length, is_end) = match find_zero(start, rest) {
                Some(length) => (length, true),
                None => (rest, false),
            };
            if text.len() as u64 + length > max {
                return Err(too_long);
            }
            append(&mut text, start, length)?;
            if is_end {
                return Ok(text);
            }
            at.0 += length;
        }
    }

    /// The page at `address`, brought in if need be.
    ///
    /// # Errors
    /// As for [`AddressSpace::fault`].
    pub fn page(&mut self, address: UserAddr, access: FaultAccess) -> Result<Mapping, FaultError> {
        self.space.page(self.fs, address, access)
    }

    #[inline(always)]
    fn all(
        &mut self,
        address: UserAddr,
        len: u64,
        access: FaultAccess,
        mut copy: impl FnMut(PhysAddr, usize),
    ) -> Result<(), Errno> {
        if !address.is_range_below_end(len) {
            return Err(Errno::EFAULT);
        }
        let mut done = 0;
        while done < len {
            let at = UserAddr(address.0 + done);
            let mapping = self.space.page(self.fs, at, access)?;
            let count = (PAGE_SIZE - at.page_offset()).min(len - done);
            #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
            copy(mapping.physical(at), count as usize);
            done += count;
        }
        Ok(())
    }
}

/// Where the first zero byte lies in `len` bytes, which end at the end of a page.
fn find_zero(start: PhysAddr, len: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let skip = start.0 % 8;
    let mut at = start.0 - skip;
    // Bytes before the start count as not zero. The borrow of a zero byte can only reach bytes
    // above it, and the lowest one is what is looked for.
    let mut word = frames().read_word(PhysAddr(at)) | ((1 << (8 * skip)) - 1);
    loop {
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(at + u64::from(zeros.trailing_zeros() / 8) - start.0);
        }
        at += 8;
        if at >= start.0 + len {
            return None;
        }
        word = frames().read_word(PhysAddr(at));
    }
}

fn append(text: &mut Vec<u8>, start: PhysAddr, length: u64) -> Result<(), Errno> {
    #[expect(clippy::cast_possible_truncation, reason = "at most a page")]
    let length = length as usize;
    let old = text.len();
    text.try_reserve(length).map_err(|_| Errno::ENOMEM)?;
    text.resize(old + length, 0);
    frames().read(start, &mut text[old..]);
    Ok(())
}
