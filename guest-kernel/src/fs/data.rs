// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Content of regular files: bytes in place in the archive, overlaid by frames of the file's own.
//!
//! A page is one of the file's own frames; else, as far as the in-place bytes reach, it lies in the
//! archive; else it is a hole, all zero. Writing gives a page its own frame. The bytes of own frames
//! behind the file's end are zero, so growing shows zeros. Frames are found through a table of
//! leaves that grow as far as they are used; a small file costs a few bytes.

use crate::arch::{bulk, layout::PAGE_SIZE};
use crate::errno::Errno;
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Fill, Frames, MAX_ORDER, frames};
use alloc::vec::Vec;

/// Largest size of a file: 1 TiB.
pub const MAX_FILE_SIZE: u64 = 1 << 40;

/// Pages that a leaf of the table covers: 32 MiB.
const LEAF_PAGES: u64 = 8192;

/// Slots of the first leaf of a small file.
const FIRST_SLOTS: usize = 16;

/// The slot of a page without an own frame. Frame 0 is never handed out.
const NO_FRAME: u32 = 0;

/// Whose share of memory a frame comes from.
type Allocate = fn(&Frames, u8, Fill) -> Option<Frame>;

/// Where a page's content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageSource {
    /// Nowhere: zeros.
    Hole,
    /// In a frame of the file's own.
    Own(Frame),
    /// In the archive: so many bytes, then zeros.
    InPlace(PhysAddr, u64),
}

/// The content of one file.
#[derive(Debug, Default)]
pub(super) struct FileData {
    size: u64,
    in_place: PhysAddr,
    /// At most `size`; only ever shrinks.
    in_place_len: u64,
    /// Own frames of pages that no in-place byte belongs to.
    nr_own_behind: u64,
    leaves: Vec<Vec<u32>>,
}

impl FileData {
    /// Content that lies at `start`, in memory that never changes and is never given back.
    pub(super) fn in_place(start: PhysAddr, len: u64) -> Self {
        Self { size: len, in_place: start, in_place_len: len, nr_own_behind: 0, leaves: Vec::new() }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Pages that are no holes.
    pub(super) fn nr_pages(&self) -> u64 {
        self.nr_in_place_pages() + self.nr_own_behind
    }

    /// Where page `index` is.
    pub(super) fn source(&self, index: u64) -> PageSource {
        let start = index * PAGE_SIZE;
        match self.own(index) {
            Some(frame) => PageSource::Own(frame),
            None if start < self.in_place_len => PageSource::InPlace(
                self.in_place.add(start),
                PAGE_SIZE.min(self.in_place_len - start),
            ),
            None => PageSource::Hole,
        }
    }

    /// How many bytes of `[offset, end)` lie together from `offset` on, and where: `None` for zeros.
    /// More may follow them directly.
    #[inline(always)]
    pub(super) fn piece(&self, offset: u64, end: u64) -> (Option<PhysAddr>, u64) {
        if self.leaves.is_empty() && offset < self.in_place_len {
            let len = end.min(self.in_place_len) - offset;
            return (Some(self.in_place.add(offset)), len);
        }
        self.piece_of_pages(offset, end)
    }

    fn piece_of_pages(&self, offset: u64, end: u64) -> (Option<PhysAddr>, u64) {
        let index = offset / PAGE_SIZE;
        let end_index = end.div_ceil(PAGE_SIZE);
        if let Some((frame, count)) = self.own_run(index, end_index) {
            let within = offset % PAGE_SIZE;
            let len = count * PAGE_SIZE - within;
            return (Some(frame.start().add(within)), len.min(end - offset));
        }
        let end = end.min(self.next_own(index, end_index) * PAGE_SIZE);
        match self.in_place_len.checked_sub(offset) {
            None | Some(0) => (None, end - offset),
            Some(len) => (Some(self.in_place.add(offset)), len.min(end - offset)),
        }
    }

    /// Makes sure that the bytes from `offset` on are in own frames, to be written by the caller,
    /// and that the size covers them; returns how many of `len` they are.
    ///
    /// # Errors
    /// `EFBIG` at the limit, `ENOSPC` where no memory is left for even one byte.
    pub(super) fn prepare_write(&mut self, offset: u64, len: u64) -> Result<u64, Errno> {
        if len == 0 {
            return Ok(0);
        }
        if offset >= MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let end = offset + len.min(MAX_FILE_SIZE - offset);
        let mut index = offset / PAGE_SIZE;
        while index * PAGE_SIZE < end {
            let start = index * PAGE_SIZE;
            let result = match self.own(index) {
                Some(_) => Ok(1),
                None if start >= offset && end - start >= PAGE_SIZE => {
                    let absent_end = self.next_own(index, end / PAGE_SIZE);
                    self.make_any(index, absent_end - index)
                }
                None => self.make_own(index, Frames::allocate_for_file).map(|_| 1),
            };
            match result {
                Ok(count) => index += count,
                Err(_) if start > offset => break,
                Err(errno) => return Err(errno),
            }
        }
        let prepared_end = end.min(index * PAGE_SIZE);
        self.size = self.size.max(prepared_end);
        Ok(prepared_end - offset)
    }

    /// Cuts or extends to `size` bytes.
    ///
    /// # Errors
    /// `EFBIG` beyond the limit.
    pub(super) fn truncate(&mut self, size: u64) -> Result<(), Errno> {
        if size > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        if size < self.size {
            self.release_from(size.div_ceil(PAGE_SIZE));
            self.in_place_len = self.in_place_len.min(size);
            let within = size % PAGE_SIZE;
            if within != 0
                && let Some(frame) = self.own(size / PAGE_SIZE)
            {
                bulk::zero(frame.start().add(within), PAGE_SIZE - within);
            }
        }
        self.size = size;
        Ok(())
    }

    /// Makes `[start, end)` zeros, as far as the file has it. Whole pages become holes, but for those
    /// of the archive and those that somebody maps.
    ///
    /// # Errors
    /// `ENOSPC`: a page in the archive needs a frame to be zero in, and there is none.
    pub(super) fn clear(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        let (wanted_end, end) = (end, end.min(self.size));
        let end_index = end.div_ceil(PAGE_SIZE);
        let mut at = start;
        while at < end {
            let index = at / PAGE_SIZE;
            let page_end = end.min((index + 1) * PAGE_SIZE);
            let is_whole = at == index * PAGE_SIZE && wanted_end >= (index + 1) * PAGE_SIZE;
            match self.source(index) {
                PageSource::Hole => {
                    at = (self.next_own(index, end_index) * PAGE_SIZE).max(page_end);
                    continue;
                }
                PageSource::Own(frame)
                    if is_whole
                        && index >= self.nr_in_place_pages()
                        && frames().is_exclusive(frame) =>
                {
                    self.leaves[to_usize(index / LEAF_PAGES)][to_usize(index % LEAF_PAGES)] =
                        NO_FRAME;
                    self.nr_own_behind -= 1;
                    frames().release(frame);
                }
                PageSource::Own(_) | PageSource::InPlace(..) => {
                    let frame = self.own_page(index)?;
                    bulk::zero(frame.start().add(at - index * PAGE_SIZE), page_end - at);
                }
            }
            at = page_end;
        }
        Ok(())
    }

    /// A frame that holds page `index` for reading, if there is one without making one.
    pub(super) fn page_at_hand(&self, index: u64) -> Option<Frame> {
        match self.source(index) {
            PageSource::Own(frame) => Some(frame),
            PageSource::InPlace(start, PAGE_SIZE) if start.0.is_multiple_of(PAGE_SIZE) => {
                Some(start.frame())
            }
            // What lies behind the end in the archive is not the file's.
            PageSource::InPlace(..) | PageSource::Hole => None,
        }
    }

    /// As [`FileData::page_at_hand`], with how many of `max` pages from there on lie in adjacent
    /// frames.
    pub(super) fn run_at_hand(&self, index: u64, max: u64) -> Option<(Frame, u64)> {
        let offset = index * PAGE_SIZE;
        let end = self.size.min(offset + max * PAGE_SIZE);
        if offset < end
            && let (Some(start), len @ PAGE_SIZE..) = self.piece(offset, end)
            && start.0.is_multiple_of(PAGE_SIZE)
        {
            return Some((start.frame(), len / PAGE_SIZE));
        }
        self.page_at_hand(index).map(|frame| (frame, 1))
    }

    /// The own frame of page `index`, made for a program that maps it if there is none.
    ///
    /// # Errors
    /// `ENOSPC`: there is no memory for it.
    pub(super) fn own_page(&mut self, index: u64) -> Result<Frame, Errno> {
        match self.own(index) {
            Some(frame) => Ok(frame),
            None => self.make_own(index, Frames::allocate_for_program),
        }
    }

    /// Whether page `index` begins below the end of the file.
    pub(super) fn has_page(&self, index: u64) -> bool {
        index < self.size.div_ceil(PAGE_SIZE)
    }

    /// The first page of `[index, end)` that has an own frame, or `end`.
    fn next_own(&self, index: u64, end: u64) -> u64 {
        let mut index = index;
        while index < end
            && let Some(leaf) = self.leaves.get(to_usize(index / LEAF_PAGES))
        {
            let slots = leaf.get(to_usize(index % LEAF_PAGES)..).unwrap_or(&[]);
            let slots = &slots[..slots.len().min(to_usize(end - index))];
            if let Some(found) = slots.iter().position(|&slot| slot != NO_FRAME) {
                return index + found as u64;
            }
            index = (index / LEAF_PAGES + 1) * LEAF_PAGES;
        }
        end
    }

    /// The own frame of page `index`, and how many pages of `[index, end)` have that frame and the
    /// ones behind it.
    fn own_run(&self, index: u64, end: u64) -> Option<(Frame, u64)> {
        let first = self.own(index)?;
        let leaf = &self.leaves[to_usize(index / LEAF_PAGES)];
        let mut count = 1;
        while index + count < end
            && let Some(&slot) = leaf.get(to_usize(index % LEAF_PAGES + count))
            && u64::from(slot) == u64::from(first.0) + count
        {
            count += 1;
        }
        Some((first, count))
    }

    fn own(&self, index: u64) -> Option<Frame> {
        let leaf = self.leaves.get(to_usize(index / LEAF_PAGES))?;
        match *leaf.get(to_usize(index % LEAF_PAGES))? {
            NO_FRAME => None,
            number => Some(Frame(number)),
        }
    }

    fn nr_in_place_pages(&self) -> u64 {
        self.in_place_len.div_ceil(PAGE_SIZE)
    }

    /// Gives page `index`, which has none, an own frame with its content.
    fn make_own(&mut self, index: u64, allocate: Allocate) -> Result<Frame, Errno> {
        self.reserve_slots(index, 1)?;
        let frame = match self.source(index) {
            PageSource::Own(frame) => return Ok(frame),
            PageSource::Hole => allocate(frames(), 0, Fill::Zeroed).ok_or(Errno::ENOSPC)?,
            PageSource::InPlace(start, len) => {
                let frame = allocate(frames(), 0, Fill::Any).ok_or(Errno::ENOSPC)?;
                bulk::copy(frame.start(), start, len);
                if len < PAGE_SIZE {
                    bulk::zero(frame.start().add(len), PAGE_SIZE - len);
                }
                frame
            }
        };
        self.set_own(index, frame, 1);
        Ok(frame)
    }

    /// Gives pages from `index` on, of which `count` have none, adjacent own frames of any content;
    /// returns how many got one.
    fn make_any(&mut self, index: u64, count: u64) -> Result<u64, Errno> {
        let count = count.min(LEAF_PAGES - index % LEAF_PAGES);
        self.reserve_slots(index, count)?;
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm is below 64")]
        let mut order = (count.ilog2() as u8).min(MAX_ORDER);
        let block = loop {
            match frames().allocate_for_file(order, Fill::Any) {
                Some(block) => break block,
                None => order = order.checked_sub(1).ok_or(Errno::ENOSPC)?,
            }
        };
        if order > 0 {
            frames().split(block);
        }
        self.set_own(index, block, 1 << order);
        Ok(1 << order)
    }

    /// Notes adjacent frames as those of the pages from `index` on, whose slots are reserved.
    fn set_own(&mut self, index: u64, first: Frame, count: u64) {
        self.nr_own_behind += (index + count).saturating_sub(self.nr_in_place_pages().max(index));
        let start = to_usize(index % LEAF_PAGES);
        let slots = &mut self.leaves[to_usize(index / LEAF_PAGES)][start..start + to_usize(count)];
        for (slot, frame) in slots.iter_mut().zip(first.0..) {
            *slot = frame;
        }
    }

    /// Makes the table reach over `count` pages from `index` on, all in one leaf.
    fn reserve_slots(&mut self, index: u64, count: u64) -> Result<(), Errno> {
        let leaf = to_usize(index / LEAF_PAGES);
        let end = to_usize(index % LEAF_PAGES + count);
        if self.leaves.is_empty() && leaf == 0 && end <= FIRST_SLOTS {
            let mut slots = Vec::with_capacity(FIRST_SLOTS);
            slots.resize(end, NO_FRAME);
            self.leaves = alloc::vec![slots];
            return Ok(());
        }
        if leaf >= self.leaves.len() {
            self.leaves.try_reserve(leaf + 1 - self.leaves.len()).map_err(|_| Errno::ENOSPC)?;
            self.leaves.resize_with(leaf + 1, Vec::new);
        }
        let slots = &mut self.leaves[leaf];
        if end > slots.len() {
            slots.try_reserve(end - slots.len()).map_err(|_| Errno::ENOSPC)?;
            slots.resize(end, NO_FRAME);
        }
        Ok(())
    }

    /// Gives back the own frames of the pages from `index` on.
    fn release_from(&mut self, index: u64) {
        let nr_in_place = self.nr_in_place_pages();
        let first_leaf = to_usize(index / LEAF_PAGES);
        let mut start = index;
        for leaf in self.leaves.iter_mut().skip(first_leaf) {
            let kept = to_usize(start % LEAF_PAGES).min(leaf.len());
            for (page, slot) in (start..).zip(leaf.drain(kept..)) {
                if slot != NO_FRAME {
                    frames().release(Frame(slot));
                    self.nr_own_behind -= u64::from(page >= nr_in_place);
                }
            }
            start = (start / LEAF_PAGES + 1) * LEAF_PAGES;
        }
        self.leaves.truncate(first_leaf + 1);
    }
}

impl Drop for FileData {
    fn drop(&mut self) {
        self.release_from(0);
    }
}

/// Page numbers and counts below [`MAX_FILE_SIZE`] fit any index.
#[expect(clippy::cast_possible_truncation, reason = "the kernel is 64 bits wide")]
const fn to_usize(value: u64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Segment, Segments};
    use super::*;
    use std::vec::Vec;

    /// Memory of the archive, filled with a pattern: the first of so many pages.
    fn archive(nr_pages: u32) -> PhysAddr {
        let start = frames().allocate_forever(nr_pages).unwrap().start();
        for at in (0..u64::from(nr_pages) * PAGE_SIZE).step_by(8) {
            frames().write_word(start.add(at), 0x0101_0101_0101_0101 * (1 + at / PAGE_SIZE % 200));
        }
        start
    }

    fn read(data: &FileData, offset: u64, len: u64) -> Vec<u8> {
        let mut all = Vec::new();
        for segment in Segments::new(data, offset, len) {
            let old_len = all.len();
            all.resize(old_len + segment.len() as usize, 0);
            if let Segment::Memory(start, _) = segment {
                frames().read(start, &mut all[old_len..]);
            }
        }
        all
    }

    fn write(data: &mut FileData, offset: u64, bytes: &[u8]) {
        assert_eq!(data.prepare_write(offset, bytes.len() as u64), Ok(bytes.len() as u64));
        let mut rest = bytes;
        for segment in Segments::new(data, offset, bytes.len() as u64) {
            let Segment::Memory(start, len) = segment else {
                panic!("{segment:?} cannot be written")
            };
            let (now, behind) = rest.split_at(len as usize);
            frames().write(start, now);
            rest = behind;
        }
        assert!(rest.is_empty());
    }

    /// Makes the allocator hand out used frames full of rubbish.
    fn soil_frames() {
        let soiled: Vec<_> = core::iter::from_fn(|| frames().allocate(Fill::Any)).collect();
        for frame in soiled {
            for at in (0..PAGE_SIZE).step_by(8) {
                frames().write_word(frame.start().add(at), u64::MAX);
            }
            frames().release(frame);
        }
    }

    /// Runs random operations against a plain vector of bytes.
    fn run_against_model(seed: u64, mut data: FileData, mut model: Vec<u8>) {
        let mut state = seed;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for step in 0..300 {
            let offset = random(60_000);
            let max_len = [100, 100, 20_000][random(3) as usize];
            let len = random(max_len);
            match random(7) {
                6 => {
                    data.clear(offset, offset + len).unwrap();
                    let (start, end) = (offset as usize, (offset + len) as usize);
                    let all = model.len();
                    model[start.min(all)..end.min(all)].fill(0);
                }
                0 => {
                    data.truncate(offset).unwrap();
                    model.resize(offset as usize, 0);
                }
                1..3 => {
                    let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + step) as u8).collect();
                    write(&mut data, offset, &bytes);
                    let end = (offset + len) as usize;
                    if len > 0 {
                        model.resize(model.len().max(end), 0);
                        model[offset as usize..end].copy_from_slice(&bytes);
                    }
                }
                3 => {
                    let page = offset / PAGE_SIZE;
                    if let Some(frame) = data.page_at_hand(page) {
                        let mut bytes = [0; PAGE_SIZE as usize];
                        frames().read(frame.start(), &mut bytes);
                        let mut expected = model[(page * PAGE_SIZE) as usize..].to_vec();
                        expected.resize(PAGE_SIZE as usize, 0);
                        assert_eq!(bytes[..], expected[..], "page {page} at step {step}");
                    } else if data.has_page(page) {
                        data.own_page(page).unwrap();
                    }
                }
                _ => {
                    let start = model.len().min(offset as usize);
                    let end = model.len().min((offset + len) as usize);
                    assert_eq!(read(&data, offset, len), model[start..end], "step {step}");
                }
            }
            assert_eq!(data.size(), model.len() as u64);
            let used = (0..20).filter(|&page| data.source(page) != PageSource::Hole).count();
            assert_eq!(data.nr_pages(), used as u64, "step {step}");
        }
        assert_eq!(read(&data, 0, u64::MAX), model);
    }

    #[test]
    fn random_operations_do_what_they_do_to_a_vector() {
        soil_frames();
        let free = frames().counts().free;
        for seed in 0..20 {
            run_against_model(seed, FileData::default(), Vec::new());
        }
        assert_eq!(frames().counts().free, free);
    }

    #[test]
    fn random_operations_on_a_file_in_place_do_what_they_do_to_a_vector() {
        let archive = archive(8);
        soil_frames();
        let free = frames().counts().free;
        for seed in 0..40 {
            let start = archive.add([0, 1, 4096, 77][seed as usize % 4]);
            let len = [0, 1, 4096, 8192, 20_000][seed as usize % 5];
            let data = FileData::in_place(start, len);
            let model = read(&data, 0, len);
            run_against_model(seed, data, model);
        }
        assert_eq!(frames().counts().free, free);
        assert_eq!(frames().read_word(archive), 0x0101_0101_0101_0101);
    }

    #[test]
    fn a_file_in_place_is_one_segment_until_it_is_written() {
        let archive = archive(8);
        let mut data = FileData::in_place(archive.add(3), 20_000);
        let all: Vec<_> = Segments::new(&data, 10, u64::MAX).collect();
        assert_eq!(all, [Segment::Memory(archive.add(13), 19_990)]);
        write(&mut data, 5000, b"x");
        let all: Vec<_> = Segments::new(&data, 0, u64::MAX).collect();
        let own = data.own_page(1).unwrap().start();
        let expected = [
            Segment::Memory(archive.add(3), 4096),
            Segment::Memory(own, 4096),
            Segment::Memory(archive.add(8195), 20_000 - 8192),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn whole_pages_come_together() {
        let mut data = FileData::default();
        assert_eq!(data.prepare_write(0, 64 << 10), Ok(64 << 10));
        assert_eq!(Segments::new(&data, 0, u64::MAX).count(), 1);
        assert_eq!(data.nr_pages(), 16);
    }

    #[test]
    fn aligned_pages_in_place_are_mapped_as_they_lie() {
        let archive = archive(4);
        let data = FileData::in_place(archive, 10_000);
        assert_eq!(data.page_at_hand(1), Some(archive.add(4096).frame()));
        assert_eq!(data.page_at_hand(2), None, "the last page shows what follows in the archive");
        assert_eq!(FileData::in_place(archive.add(1), 8192).page_at_hand(0), None);
        let whole = FileData::in_place(archive, 8192);
        assert_eq!(whole.page_at_hand(1), Some(archive.add(4096).frame()));
        assert!(!whole.has_page(2));
    }

    #[test]
    fn far_offsets_cost_little_and_end_at_the_limit() {
        let free = frames().counts().free;
        let mut data = FileData::default();
        write(&mut data, MAX_FILE_SIZE - 3, b"end");
        assert_eq!(data.size(), MAX_FILE_SIZE);
        assert_eq!(data.nr_pages(), 1);
        let all: Vec<_> = Segments::new(&data, 0, u64::MAX).collect();
        assert_eq!(all[0], Segment::Hole(MAX_FILE_SIZE - 4096));
        assert_eq!(data.prepare_write(MAX_FILE_SIZE - 1, 10), Ok(1));
        assert_eq!(data.prepare_write(MAX_FILE_SIZE, 1), Err(Errno::EFBIG));
        assert_eq!(data.prepare_write(u64::MAX, u64::MAX), Err(Errno::EFBIG));
        assert_eq!(data.truncate(MAX_FILE_SIZE + 1), Err(Errno::EFBIG));
        assert!(!data.has_page(u64::MAX / PAGE_SIZE));
        assert_eq!(data.truncate(0), Ok(()));
        drop(data);
        assert_eq!(frames().counts().free, free);
    }

    #[test]
    fn exhausted_memory_gives_a_short_write_and_then_an_error() {
        let mut data = FileData::default();
        let all_free = frames().counts().free;
        // Files leave 4 MiB to programs and to the kernel.
        let free = all_free - 1024;
        assert_eq!(data.prepare_write(100, 1 << 30), Ok(free * PAGE_SIZE - 100));
        assert_eq!(data.size(), free * PAGE_SIZE);
        assert_eq!(data.prepare_write(free * PAGE_SIZE, 1), Err(Errno::ENOSPC));
        assert_eq!(data.prepare_write(1 << 35, 1), Err(Errno::ENOSPC));
        assert_eq!(data.prepare_write(50, 50), Ok(50));
        assert_eq!(data.size(), free * PAGE_SIZE);
        data.truncate(0).unwrap();
        assert_eq!(frames().counts().free, all_free);
    }

    #[test]
    fn a_file_that_was_cut_and_grows_shows_zeros() {
        let archive = archive(2);
        let mut data = FileData::in_place(archive, 8192);
        data.truncate(10).unwrap();
        data.truncate(8192).unwrap();
        let bytes = read(&data, 0, u64::MAX);
        assert_eq!(bytes[..10], [1; 10]);
        assert_eq!(bytes[10..], [0; 8182]);
        assert_eq!(data.page_at_hand(0), None);
    }
}
