// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Address spaces: the areas that a program mapped, and the page tables behind them.
//!
//! Nothing is mapped before it is touched ([`super::fault`]). After a fork both sides share their
//! frames until one of them writes.

use super::address::UserAddr;
use super::fault::is_plenty;
use super::frames::frames;
use super::wishes::Wishes;
use crate::arch::{
    layout::{LARGE_PAGE_SIZE, PAGE_SIZE, USER_END, USER_START},
    paging::{FaultAccess, Mapping, NoMemory, PageSize, PageTables, Rights, Update},
};
use crate::errno::Errno;
use crate::fs::{FileSystem, InodeId};
use alloc::vec::Vec;
use core::ops::Range;

/// Free places for mappings are looked for downwards from here, as Linux does without ASLR.
const MMAP_TOP: u64 = 0x7fff_f7ff_f000;

/// What an area that grows down leaves free above the one below it, as Linux does.
const GROWTH_GAP: u64 = 1 << 20;

/// Pages written since the last fork that a fork copies at once, at most.
const WRITTEN_MAX: usize = 16;

/// Areas that an address space may have. The list must fit one block of the kernel's heap.
const AREAS_MAX: usize = 32 << 10;

/// What a program may do with an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Reading; all other rights include it, as on every x86 processor.
    pub read: bool,
    /// Writing.
    pub write: bool,
    /// Fetching instructions.
    pub execute: bool,
}

impl Access {
    /// Reading and writing.
    pub const READ_WRITE: Self = Self { read: true, write: true, execute: false };

    const fn is_none(self) -> bool {
        !self.read && !self.write && !self.execute
    }

    pub(super) const fn allows(self, access: FaultAccess) -> bool {
        match access {
            FaultAccess::Read => self.read || self.write || self.execute,
            FaultAccess::Write => self.write,
            FaultAccess::Execute => self.execute,
        }
    }

    pub(super) const fn rights(self) -> Rights {
        Rights { write: self.write, execute: self.execute }
    }

    pub(super) const fn rights_without_write(self) -> Rights {
        Rights { write: false, execute: self.execute }
    }
}

/// Where an area's pages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Zeros.
    Anonymous,
    /// A file, from a page-aligned offset in bytes. The area holds the file open.
    File {
        /// The file.
        inode: InodeId,
        /// Offset of the area's first byte.
        offset: u64,
    },
}

impl Backing {
    /// The same, so many bytes further on.
    #[must_use]
    pub fn advanced(self, bytes: u64) -> Self {
        match self {
            Self::Anonymous => self,
            Self::File { inode, offset } => Self::File { inode, offset: offset + bytes },
        }
    }
}

/// Who sees what is written to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// This address space alone.
    Private,
    /// Everybody who maps the same.
    Shared,
}

/// A range of addresses with the same properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// End (exclusive).
    pub end: u64,
    /// What the program may do.
    pub access: Access,
    /// Whether the program could ever write: only then there are pages that are not the file's.
    pub was_writable: bool,
    /// Whether it may ever be made writable: not where a file was opened for reading and is shared.
    pub may_write: bool,
    /// Where pages come from.
    pub backing: Backing,
    /// Who sees writes.
    pub sharing: Sharing,
    /// Whether it grows down to what is touched below it, as a stack does.
    pub grows_down: bool,
    /// What the program wishes for it.
    pub wishes: Wishes,
}

// A program may have thousands, which must lie together in the smallest machine.
const _: () = assert!(size_of::<Area>() <= 40);

impl Area {
    /// An area that nobody else sees, and that has its size from the start.
    #[must_use]
    pub const fn private(start: u64, end: u64, access: Access, backing: Backing) -> Self {
        let sharing = Sharing::Private;
        let was_writable = access.write;
        let (may_write, grows_down, wishes) = (true, false, Wishes::NONE);
        Self { start, end, access, was_writable, may_write, backing, sharing, grows_down, wishes }
    }

    /// Whether the program can write there, and nobody else sees what it writes.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.access.write && self.sharing == Sharing::Private
    }

    /// Whether its pages come from a file.
    #[must_use]
    pub const fn is_of_file(&self) -> bool {
        matches!(self.backing, Backing::File { .. })
    }
}

/// The address space of a process.
#[derive(Debug)]
pub struct AddressSpace {
    tables: PageTables,
    /// Sorted by address; they do not overlap.
    areas: Vec<Area>,
    brk_start: u64,
    brk_end: u64,
    /// How large an area may become by growing down.
    stack_limit: u64,
    /// Wishes for areas that will be added.
    pub(super) wishes_for_new: Wishes,
}

impl AddressSpace {
    /// An empty address space on the given tables.
    #[must_use]
    pub fn new(tables: PageTables) -> Self {
        Self { tables, areas: Vec::with_capacity(8), ..Self::absent() }
    }

    /// What stands in for memory that is on loan: it maps nothing and is never used.
    #[must_use]
    pub const fn absent() -> Self {
        Self {
            tables: PageTables::absent(),
            areas: Vec::new(),
            brk_start: 0,
            brk_end: 0,
            stack_limit: 0,
            wishes_for_new: Wishes::NONE,
        }
    }

    /// The page tables.
    #[must_use]
    pub fn tables(&self) -> &PageTables {
        &self.tables
    }

    /// The page tables, to be changed along with the areas.
    pub(super) fn tables_mut(&mut self) -> &mut PageTables {
        &mut self.tables
    }

    /// [`PageTables::update`] for what is done seldom, all of which shares one copy of the walk.
    pub(super) fn update_pages(
        &mut self,
        start: u64,
        end: u64,
        visit: &mut dyn FnMut(UserAddr, Mapping) -> Update,
    ) {
        self.tables.update(UserAddr(start), UserAddr(end), visit);
    }

    /// How many areas end at or below an address.
    fn nr_below(&self, address: u64) -> usize {
        self.areas.partition_point(|area| area.end <= address)
    }

    /// The areas, to be changed where they lie.
    pub(super) fn areas_mut(&mut self) -> &mut [Area] {
        &mut self.areas
    }

    /// The area that starts at `start`.
    pub(super) fn area_mut(&mut self, start: u64) -> Option<&mut Area> {
        self.areas.iter_mut().find(|area| area.start == start)
    }

    /// Puts the area that starts at `start`, whose pages have moved, to another place.
    pub(super) fn move_area(&mut self, start: u64, area: Area) {
        self.areas.retain(|other| other.start != start);
        self.areas.insert(self.nr_below(area.start), area);
    }

    /// Where the heap starts and ends.
    #[must_use]
    pub const fn heap(&self) -> (u64, u64) {
        (self.brk_start, self.brk_end)
    }

    /// The areas, by address.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// Bytes in areas of some kind.
    #[must_use]
    pub fn nr_bytes(&self, is_meant: impl Fn(&Area) -> bool) -> u64 {
        self.areas.iter().filter(|area| is_meant(area)).map(|area| area.end - area.start).sum()
    }

    /// Adds an area in place of what is there. A file must have been opened for it.
    ///
    /// # Errors
    /// `EINVAL` for a range that is empty, not of whole pages or not of user addresses; `ENOMEM`.
    pub fn map(&mut self, fs: &mut FileSystem, mut area: Area) -> Result<(), Errno> {
        area.wishes = area.wishes.changed(self.wishes_for_new, Wishes::NONE);
        check_range(area.start, area.end)?;
        // Itself, and two borders of what it takes the place of.
        self.make_room_for_areas(3)?;
        let index = match self.areas.last() {
            Some(last) if area.start < last.end => {
                self.remove_range(fs, area.start, area.end)?;
                self.nr_below(area.start)
            }
            _ => self.areas.len(),
        };
        if index > 0 && can_extend(&self.areas[index - 1], &area) {
            self.areas[index - 1].end = area.end;
        } else {
            self.areas.insert(index, area);
        }
        Ok(())
    }

    /// Removes all mappings in `[start, end)`.
    ///
    /// # Errors
    /// `EINVAL` as for [`AddressSpace::map`].
    pub fn unmap(&mut self, fs: &mut FileSystem, start: u64, end: u64) -> Result<(), Errno> {
        check_range(start, end)?;
        self.remove_range(fs, start, end)
    }

    /// Changes what the program may do in `[start, end)`.
    ///
    /// # Errors
    /// `ENOMEM` if part of the range has no area, or memory ran out; `EACCES` if part of it may not be
    /// made writable. What comes before that part is changed.
    pub fn protect(
        &mut self,
        fs: &mut FileSystem,
        start: u64,
        end: u64,
        access: Access,
    ) -> Result<(), Errno> {
        let (end, result) = self.protectable(start, end, access);
        self.make_border(fs, start)?;
        self.make_border(fs, end)?;
        for area in &mut self.areas {
            if area.start >= start && area.end <= end {
                area.access = access;
                area.was_writable |= access.write;
            }
        }
        // Rights that grow come with the next fault, which knows whether the frame is shared.
        self.update_pages(start, end, &mut |_, mapping| {
            if access.is_none() {
                return Update::Hide;
            }
            let write = mapping.rights.write && access.write;
            Update::Remap(mapping.frame, Rights { write, execute: access.execute })
        });
        result
    }

    /// How far a range can be given these rights, and what is in the way.
    fn protectable(&self, start: u64, end: u64, access: Access) -> (u64, Result<(), Errno>) {
        let mut reached = start;
        for area in self.areas.iter().filter(|area| area.start < end && start < area.end) {
            if area.start > reached {
                break;
            }
            if access.write && !area.may_write {
                return (reached, Err(Errno::EACCES));
            }
            reached = area.end.min(end);
        }
        (reached, if reached < end { Err(Errno::ENOMEM) } else { Ok(()) })
    }

    /// Forgets what `[start, end)` holds: the next access finds what a fresh mapping would have.
    ///
    /// # Errors
    /// `ENOMEM` if part of the range has no area, the rest being forgotten; or memory ran out.
    pub fn discard(&mut self, start: u64, end: u64) -> Result<(), Errno> {
        self.split_large(start)?;
        self.split_large(end)?;
        drop_pages(&mut self.tables, start, end);
        if self.covers(start, end) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// Forgets the pages of a file, copies included, that lie behind what is now its end.
    pub fn cut_file(&mut self, inode: InodeId, size: u64) {
        let file_end = size.next_multiple_of(PAGE_SIZE);
        for area in &self.areas {
            if let Backing::File { inode: mapped, offset } = area.backing
                && mapped == inode
            {
                let kept = file_end.saturating_sub(offset).min(area.end - area.start);
                drop_pages(&mut self.tables, area.start + kept, area.end);
            }
        }
    }

    /// A free range of `length` bytes, as high as possible below the top, or at the hint.
    #[must_use]
    pub fn find_free(&self, hint: u64, length: u64) -> Option<u64> {
        if hint >= USER_START
            && hint.is_multiple_of(PAGE_SIZE)
            && hint.checked_add(length).is_some_and(|end| end <= USER_END)
            && !self.overlaps(hint, hint + length)
        {
            return Some(hint);
        }
        let mut end = MMAP_TOP;
        for area in self.areas.iter().rev() {
            if area.start >= end {
                continue;
            }
            if area.end <= end && end - area.end >= length {
                break;
            }
            end = area.start;
        }
        end.checked_sub(length).filter(|&start| start >= USER_START && !self.overlaps(start, end))
    }

    /// Sets how large stacks may become from now on, in bytes.
    pub fn set_stack_limit(&mut self, limit: u64) {
        self.stack_limit = limit;
    }

    /// Sets where the heap starts.
    pub fn set_brk_start(&mut self, start: u64) {
        (self.brk_start, self.brk_end) = (start, start);
    }

    /// Moves the end of the heap if that is possible, and returns it.
    pub fn set_brk(&mut self, fs: &mut FileSystem, wanted: u64) -> u64 {
        let page_up = |address: u64| address.next_multiple_of(PAGE_SIZE);
        if wanted < self.brk_start || wanted >= USER_END {
            return self.brk_end;
        }
        let (old, new) = (page_up(self.brk_end), page_up(wanted));
        if new > old {
            let area = Area::private(old, new, Access::READ_WRITE, Backing::Anonymous);
            if self.overlaps(old, new) || self.map(fs, area).is_err() {
                return self.brk_end;
            }
        } else if new < old && self.remove_range(fs, new, old).is_err() {
            return self.brk_end;
        }
        self.brk_end = wanted;
        wanted
    }

    /// The area that `address` lies in.
    #[must_use]
    #[inline(always)]
    pub fn area_at(&self, address: u64) -> Option<&Area> {
        let index = self.areas.partition_point(|area| area.end <= address);
        self.areas.get(index).filter(|area| area.start <= address)
    }

    /// Makes the area above an address reach down to it, if it is one that grows and may.
    #[cold]
    pub(super) fn grow_down(&mut self, address: UserAddr) -> Option<Area> {
        let index = self.nr_below(address.0);
        let below = index.checked_sub(1).map_or(USER_START, |below| self.areas[below].end);
        let area = self.areas.get_mut(index).filter(|area| area.grows_down)?;
        let lowest = area.end.saturating_sub(self.stack_limit).next_multiple_of(PAGE_SIZE);
        let lowest = lowest.max(below + GROWTH_GAP);
        if address.0 < lowest {
            return None;
        }
        // By so much that large pages fit.
        area.start = lowest.max(address.0 & !(LARGE_PAGE_SIZE - 1));
        Some(*area)
    }

    /// A copy that shares all frames; private ones are copied when either side writes to them. Where
    /// that is certain to come, or likely, it is done at once: two traps cost more than the copy.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn fork(&mut self, fs: &mut FileSystem, tables: PageTables) -> Result<Self, NoMemory> {
        let is_wanted = |area: &&Area| !area.wishes.has(Wishes::NOT_FOR_CHILDREN);
        let mut areas = Vec::new();
        areas.try_reserve(self.areas.len()).map_err(|_| NoMemory)?;
        areas.extend_from_slice(&self.areas);
        areas.retain(|area| is_wanted(&area));
        for area in &mut areas {
            area.wishes = area.wishes.changed(Wishes::NONE, Wishes::LOCKED);
        }
        let mut copy = Self {
            tables,
            areas,
            brk_start: self.brk_start,
            brk_end: self.brk_end,
            stack_limit: self.stack_limit,
            ..Self::absent()
        };
        for area in &copy.areas {
            if let Backing::File { inode, .. } = area.backing {
                fs.open(inode);
            }
        }
        let mut result = Ok(());
        let (mut written, mut nr_written) = ([UserAddr(0); WRITTEN_MAX], 0);
        // What was never written comes from the file again, if it is wanted at all.
        let has_own_pages = |area: &&Area| {
            (area.was_writable || area.backing == Backing::Anonymous)
                && !area.wishes.has(Wishes::EMPTY_FOR_CHILDREN)
        };
        for area in self.areas.iter().filter(is_wanted).filter(has_own_pages) {
            let target = &mut copy.tables;
            self.tables.update(UserAddr(area.start), UserAddr(area.end), |address, mapping| {
                if result.is_err() {
                    return Update::Keep;
                }
                let mut rights = mapping.rights;
                rights.write &= area.sharing == Sharing::Shared;
                frames().share(mapping.frame);
                result = match mapping.size {
                    PageSize::Small => target.map(address, mapping.frame, rights),
                    PageSize::Large => {
                        target.map_large(address, || Some(mapping.frame), rights).map(|_| ())
                    }
                };
                if result.is_err() {
                    frames().release(mapping.frame);
                }
                if rights == mapping.rights {
                    return Update::Keep;
                }
                written[nr_written % WRITTEN_MAX] = address;
                nr_written += 1;
                Update::Remap(mapping.frame, rights)
            });
            if area.access.is_none() {
                copy.update_pages(area.start, area.end, &mut |_, _| Update::Hide);
            }
        }
        if let Err(error) = result {
            copy.free(fs);
            return Err(error);
        }
        // Who forks again and again writes the same few pages in between. Of many the last one counts,
        // the stack's.
        let again = match nr_written {
            0..=WRITTEN_MAX => &written[..nr_written],
            _ => core::slice::from_ref(&written[(nr_written - 1) % WRITTEN_MAX]),
        };
        for &address in again.iter().filter(|_| is_plenty()) {
            // Where it fails, the fault comes.
            let _ = copy.fault(fs, address, FaultAccess::Write);
            let _ = self.fault(fs, address, FaultAccess::Write);
        }
        Ok(copy)
    }

    /// Gives everything back.
    pub fn free(self, fs: &mut FileSystem) {
        self.tables.free(|mapping| frames().release(mapping.frame));
        for area in &self.areas {
            if let Backing::File { inode, .. } = area.backing {
                fs.close(inode);
            }
        }
    }

    /// Whether areas cover the whole range.
    #[must_use]
    pub fn covers(&self, start: u64, end: u64) -> bool {
        let mut at = start;
        while at < end {
            match self.area_at(at) {
                Some(area) => at = area.end,
                None => return false,
            }
        }
        true
    }

    fn overlaps(&self, start: u64, end: u64) -> bool {
        let index = self.nr_below(start);
        self.areas.get(index).is_some_and(|area| area.start < end)
    }

    /// Makes sure that an area can be added, and that so many can without further memory.
    #[inline(never)]
    fn make_room_for_areas(&mut self, count: usize) -> Result<(), Errno> {
        if self.areas.len() >= AREAS_MAX {
            return Err(Errno::ENOMEM);
        }
        self.areas.try_reserve(count).map_err(|_| Errno::ENOMEM)
    }

    /// Makes `address` a border between areas and between pages.
    pub(super) fn make_border(&mut self, fs: &mut FileSystem, address: u64) -> Result<(), Errno> {
        let index = self.nr_below(address);
        let Some(area) = self.areas.get(index).filter(|area| area.start < address).copied() else {
            return Ok(());
        };
        self.make_room_for_areas(1)?;
        self.split_large(address)?;
        self.areas[index].end = address;
        let upper =
            Area { start: address, backing: area.backing.advanced(address - area.start), ..area };
        if let Backing::File { inode, .. } = area.backing {
            fs.open(inode);
        }
        self.areas.insert(index + 1, upper);
        Ok(())
    }

    /// Makes `address` a border between pages.
    pub(super) fn split_large(&mut self, address: u64) -> Result<(), Errno> {
        let at = UserAddr(address);
        let Some(mapping) = self.tables.find_any(at) else { return Ok(()) };
        if mapping.size == PageSize::Small || address.is_multiple_of(LARGE_PAGE_SIZE) {
            return Ok(());
        }
        let area = *self.area_at(address).ok_or(Errno::ENOMEM)?;
        // Single frames of a block have no owners of their own, so it must be ours alone.
        if !frames().is_exclusive(mapping.frame) {
            self.copy_from_large(&area, at, mapping)?;
        }
        let mapping = self.tables.find_any(at).ok_or(Errno::ENOMEM)?;
        self.tables.split(at).map_err(|NoMemory| Errno::ENOMEM)?;
        frames().split(mapping.frame);
        if area.access.is_none() {
            let start = address & !(LARGE_PAGE_SIZE - 1);
            self.update_pages(start, start + LARGE_PAGE_SIZE, &mut |_, _| Update::Hide);
        }
        Ok(())
    }

    fn remove_range(&mut self, fs: &mut FileSystem, start: u64, end: u64) -> Result<(), Errno> {
        if self.overlaps(start, end) {
            self.make_border(fs, start)?;
            self.make_border(fs, end)?;
            self.remove_whole(fs, self.nr_below(start)..self.nr_below(end));
        }
        Ok(())
    }

    fn remove_whole(&mut self, fs: &mut FileSystem, which: Range<usize>) {
        for area in self.areas.drain(which) {
            drop_pages(&mut self.tables, area.start, area.end);
            if let Backing::File { inode, .. } = area.backing {
                fs.close(inode);
            }
        }
    }
}

/// Takes away all pages in a range.
fn drop_pages(tables: &mut PageTables, start: u64, end: u64) {
    tables.update(UserAddr(start), UserAddr(end), |_, mapping| {
        frames().release(mapping.frame);
        Update::Remove
    });
}

fn check_range(start: u64, end: u64) -> Result<(), Errno> {
    let is_good = start >= USER_START
        && start < end
        && end <= USER_END
        && start.is_multiple_of(PAGE_SIZE)
        && end.is_multiple_of(PAGE_SIZE);
    if is_good { Ok(()) } else { Err(Errno::EINVAL) }
}

/// Whether `upper` merely goes on where `lower` ends. Files hold one opening for each area, so only
/// anonymous areas grow.
fn can_extend(lower: &Area, upper: &Area) -> bool {
    lower.end == upper.start
        && lower.access == upper.access
        && lower.sharing == upper.sharing
        && lower.grows_down == upper.grows_down
        && lower.wishes == upper.wishes
        && lower.backing == Backing::Anonymous
        && upper.backing == Backing::Anonymous
}
