// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Operations on the content of regular files.
//!
//! Reading and writing are split from copying: the caller gets the [`Segments`] of a range and
//! copies between them and its own memory in whatever way is cheapest.

use super::data::FileData;
use super::inode::{Content, FileSystem, InodeId};
use super::segments::{Segment, Segments};
use crate::errno::Errno;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::frames;

impl FileSystem {
    /// Where the bytes `[offset, offset + len)` are, as far as the file has them.
    ///
    /// # Errors
    /// `EISDIR` for a directory, `EINVAL` for whatever else is no regular file.
    pub fn segments(&self, id: InodeId, offset: u64, len: u64) -> Result<Segments<'_>, Errno> {
        Ok(Segments::new(self.data(id)?, offset, len))
    }

    /// How many bytes lie together at the start of a file, and where: `None` for zeros.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`].
    pub fn first_piece(&self, id: InodeId) -> Result<(Option<PhysAddr>, u64), Errno> {
        let data = self.data(id)?;
        Ok(match data.size() {
            0 => (None, 0),
            size => data.piece(0, size),
        })
    }

    /// Makes the bytes from `offset` on writable and part of the file; returns how many of `len`
    /// there is memory for. [`FileSystem::segments`] of that range are then all memory, which the
    /// caller must fill whole: it may hold anything.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `EFBIG` at [`MAX_FILE_SIZE`](super::MAX_FILE_SIZE);
    /// `ENOSPC` where there is memory for no byte; `EPERM` where seals allow none.
    pub fn prepare_write(
        &mut self,
        id: InodeId,
        offset: u64,
        len: u64,
        now: u64,
    ) -> Result<u64, Errno> {
        let len = self.unsealed_len(id, offset, len)?;
        let prepared = self.data_mut(id)?.prepare_write(offset, len)?;
        if prepared > 0 {
            self.note_change(id, now);
        }
        Ok(prepared)
    }

    /// Copies bytes out of a file; returns how many there were. For few bytes.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`].
    pub fn read_bytes(&self, id: InodeId, offset: u64, bytes: &mut [u8]) -> Result<usize, Errno> {
        let mut rest = bytes;
        let mut total = 0;
        for segment in self.segments(id, offset, rest.len() as u64)? {
            #[expect(clippy::cast_possible_truncation, reason = "segments fit into the slice")]
            let (target, behind) = rest.split_at_mut(segment.len() as usize);
            match segment {
                Segment::Memory(start, _) => frames().read(start, target),
                Segment::Hole(_) => target.fill(0),
            }
            total += target.len();
            rest = behind;
        }
        Ok(total)
    }

    /// Copies bytes into a file; returns how many there was room for. For few bytes.
    ///
    /// # Errors
    /// As for [`FileSystem::prepare_write`].
    pub fn write_bytes(
        &mut self,
        id: InodeId,
        offset: u64,
        bytes: &[u8],
        now: u64,
    ) -> Result<usize, Errno> {
        let prepared = self.prepare_write(id, offset, bytes.len() as u64, now)?;
        let mut rest = bytes;
        let mut total = 0;
        for segment in self.segments(id, offset, prepared)? {
            let Segment::Memory(start, len) = segment else {
                unreachable!("prepared bytes are in memory")
            };
            #[expect(clippy::cast_possible_truncation, reason = "segments fit into the slice")]
            let (source, behind) = rest.split_at(len as usize);
            frames().write(start, source);
            total += source.len();
            rest = behind;
        }
        Ok(total)
    }

    /// Cuts or extends a file to `size` bytes.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `EFBIG` beyond [`MAX_FILE_SIZE`](super::MAX_FILE_SIZE); `EPERM`
    /// where seals do not allow it.
    pub fn truncate(&mut self, id: InodeId, size: u64, now: u64) -> Result<(), Errno> {
        self.check_sealed_size(id, size)?;
        self.data_mut(id)?.truncate(size)?;
        self.note_change(id, now);
        Ok(())
    }

    /// Makes `[start, end)` zeros, as far as the file has it, and a hole where that can be.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `ENOSPC`; `EPERM` where seals do not allow it.
    pub fn clear(&mut self, id: InodeId, start: u64, end: u64, now: u64) -> Result<(), Errno> {
        if self.is_sealed_to_write(id) {
            return Err(Errno::EPERM);
        }
        self.data_mut(id)?.clear(start, end)?;
        self.note_change(id, now);
        Ok(())
    }

    /// A frame with the content of page `index`, to be mapped read-only; `None` behind the file's
    /// last page. The bytes behind the file's end are zero. The caller adds itself as an owner
    /// ([`Frames::share`](crate::mm::frames::Frames::share)).
    ///
    /// A page of the archive is handed out as it lies there where that is possible; it does not
    /// follow later writes to the file, as a private mapping may. Shared mappings of files that
    /// can be written take [`FileSystem::writable_page`] even to read.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `ENOSPC` where the page needed a frame and there is none.
    pub fn page_for_mapping(&mut self, id: InodeId, index: u64) -> Result<Option<Frame>, Errno> {
        let data = self.data_mut(id)?;
        match data.page_at_hand(index) {
            Some(frame) => Ok(Some(frame)),
            None if data.has_page(index) => data.own_page(index).map(Some),
            None => Ok(None),
        }
    }

    /// As [`FileSystem::page_for_mapping`], but `None` also where a frame would have to be made, and
    /// with how many of `max` pages lie in adjacent frames: for mapping ahead what costs nothing.
    #[must_use]
    pub fn run_at_hand(&self, id: InodeId, index: u64, max: u64) -> Option<(Frame, u64)> {
        self.data(id).ok()?.run_at_hand(index, max)
    }

    /// The file's own frame for page `index`, to be mapped shared and writable; `None` behind the
    /// file's last page. The caller adds itself as an owner.
    ///
    /// # Errors
    /// As for [`FileSystem::page_for_mapping`].
    pub fn writable_page(&mut self, id: InodeId, index: u64) -> Result<Option<Frame>, Errno> {
        let data = self.data_mut(id)?;
        if !data.has_page(index) {
            return Ok(None);
        }
        data.own_page(index).map(Some)
    }

    /// The first offset from `offset` on with data: `SEEK_DATA`.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `ENXIO` where there is none.
    pub fn seek_data(&self, id: InodeId, offset: u64) -> Result<u64, Errno> {
        let mut segments = self.segments(id, offset, u64::MAX)?;
        match (segments.next(), segments.next()) {
            (Some(Segment::Memory(..)), _) => Ok(offset),
            (Some(Segment::Hole(len)), Some(_)) => Ok(offset + len),
            _ => Err(Errno::ENXIO),
        }
    }

    /// The first offset from `offset` on in a hole, the end of the file being one: `SEEK_HOLE`.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`]; `ENXIO` at or behind the end of the file.
    pub fn seek_hole(&self, id: InodeId, offset: u64) -> Result<u64, Errno> {
        let segments = self.segments(id, offset, u64::MAX)?;
        if segments.nr_bytes() == 0 {
            return Err(Errno::ENXIO);
        }
        let data = segments.take_while(|segment| matches!(segment, Segment::Memory(..)));
        Ok(offset + data.map(|segment| segment.len()).sum::<u64>())
    }

    /// Size of a regular file.
    ///
    /// # Errors
    /// As for [`FileSystem::segments`].
    pub fn size(&self, id: InodeId) -> Result<u64, Errno> {
        Ok(self.data(id)?.size())
    }

    /// Marks a file's content as changed.
    pub fn note_change(&mut self, id: InodeId, now: u64) {
        let inode = self.inode_mut(id);
        inode.mtime = now.cast_signed();
        inode.ctime = now.cast_signed();
    }

    fn data(&self, id: InodeId) -> Result<&FileData, Errno> {
        match &self.inode(id).content {
            Content::Regular(data) => Ok(data),
            Content::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    fn data_mut(&mut self, id: InodeId) -> Result<&mut FileData, Errno> {
        match &mut self.inode_mut(id).content {
            Content::Regular(data) => Ok(data),
            Content::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }
}
