// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Faults: what brings a page in when a program, or the kernel for it, touches it.
//!
//! A fault on anonymous memory brings in zeroed frames, a few at a time, or a large page where the
//! area covers one; a fault on a file maps the file's own frame until somebody writes to it.

use super::address::{Frame, PhysAddr, UserAddr};
use super::frames::{Fill, LARGE_ORDER, frames};
use super::space::{AddressSpace, Area, Backing, Sharing};
use crate::arch::{
    bulk,
    layout::{LARGE_PAGE_SIZE, PAGE_SIZE},
    paging::{FaultAccess, Mapping, NoMemory, PageSize, Rights, Update},
};
use crate::errno::Errno;
use crate::fs::{FileSystem, InodeId};
use core::ops::Range;

/// Pages that a fault on a small page of anonymous memory brings in, at most.
const AROUND_PAGES: u64 = 16;

/// Pages of a file that a fault maps around the one that was touched, where they are at hand: those of
/// one page table. A trap costs more than an entry for each.
const FILE_WINDOW_PAGES: u64 = LARGE_PAGE_SIZE / PAGE_SIZE;

/// Pages around one that is written that stop being shared along with it.
const COPY_WINDOW_PAGES: u64 = 4;

/// Memory is plenty while at least one in this many frames is free.
const PLENTY: u64 = 4;

/// Why a fault could not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// No area there.
    NotMapped,
    /// The area does not allow it.
    NotAllowed,
    /// The file ends before the page.
    BeyondFile,
    /// Memory ran out.
    NoMemory,
}

impl From<NoMemory> for FaultError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl From<FaultError> for Errno {
    fn from(error: FaultError) -> Self {
        match error {
            FaultError::NoMemory => Self::ENOMEM,
            _ => Self::EFAULT,
        }
    }
}

impl AddressSpace {
    /// The page at `address`, brought in if need be, for an access of this kind.
    ///
    /// # Errors
    /// As for [`AddressSpace::fault`].
    #[inline(always)]
    pub fn page(
        &mut self,
        fs: &mut FileSystem,
        address: UserAddr,
        access: FaultAccess,
    ) -> Result<Mapping, FaultError> {
        if let Some(mapping) = self.tables().find(address)
            && (access != FaultAccess::Write || mapping.rights.write)
        {
            return Ok(mapping);
        }
        self.bring_in(fs, address, access)
    }

    /// Serves a fault.
    ///
    /// # Errors
    /// There is nothing to serve it from; see [`FaultError`].
    pub fn fault(
        &mut self,
        fs: &mut FileSystem,
        address: UserAddr,
        access: FaultAccess,
    ) -> Result<(), FaultError> {
        self.bring_in(fs, address, access).map(|_| ())
    }

    fn bring_in(
        &mut self,
        fs: &mut FileSystem,
        address: UserAddr,
        access: FaultAccess,
    ) -> Result<Mapping, FaultError> {
        let area = match self.area_at(address.0) {
            Some(area) => *area,
            None => self.grow_down(address).ok_or(FaultError::NotMapped)?,
        };
        if !area.access.allows(access) {
            return Err(FaultError::NotAllowed);
        }
        match self.tables().find_any(address) {
            Some(mapping) => self.fault_present(&area, address, access, mapping),
            None => match area.backing {
                Backing::Anonymous => self.fault_anonymous(&area, address),
                Backing::File { inode, offset } => {
                    let offset = offset + (address.page().0 - area.start);
                    self.fault_file(fs, &area, address, access, (inode, offset / PAGE_SIZE))
                }
            },
        }
    }

    /// A page that is there but does not allow what was tried: a shared frame that is to be
    /// written, or rights that grew since it was mapped.
    fn fault_present(
        &mut self,
        area: &Area,
        address: UserAddr,
        access: FaultAccess,
        mapping: Mapping,
    ) -> Result<Mapping, FaultError> {
        if access != FaultAccess::Write {
            let rights = Rights { write: mapping.rights.write, ..area.access.rights() };
            self.tables_mut().replace(address, mapping.frame, rights);
            return Ok(Mapping { rights, ..mapping });
        }
        let is_large = mapping.size == PageSize::Large;
        if area.sharing == Sharing::Shared || is_large && frames().is_exclusive(mapping.frame) {
            self.tables_mut().replace(address, mapping.frame, area.access.rights());
            return Ok(Mapping { rights: area.access.rights(), ..mapping });
        }
        if is_large {
            return self.copy_from_large(area, address, mapping);
        }
        self.stop_sharing(area, address)
    }

    /// Gives the program frames of its own for the page at `address` and those of its window that
    /// are mapped and shared: what is written after a fork lies close together.
    fn stop_sharing(&mut self, area: &Area, address: UserAddr) -> Result<Mapping, FaultError> {
        let rights = area.access.rights();
        let page = address.page();
        let window = window_of::<COPY_WINDOW_PAGES>(area, page);
        let is_plenty = is_plenty();
        let mut own = Err(FaultError::NoMemory);
        self.tables_mut().update(UserAddr(window.start), UserAddr(window.end), |at, mapping| {
            let mut frame = mapping.frame;
            if mapping.rights.write && at != page {
                return Update::Keep;
            }
            if !frames().is_exclusive(frame) {
                let copy = (at == page || is_plenty)
                    .then(|| frames().allocate_for_program(0, Fill::Any))
                    .flatten();
                let Some(copy) = copy else { return Update::Keep };
                bulk::copy(copy.start(), frame.start(), PAGE_SIZE);
                frames().release(frame);
                frame = copy;
            }
            if at == page {
                own = Ok(Mapping { frame, rights, size: PageSize::Small });
            }
            Update::Remap(frame, rights)
        });
        own
    }

    /// Writing to a large page that is shared with another process: a large copy.
    pub(super) fn copy_from_large(
        &mut self,
        area: &Area,
        address: UserAddr,
        mapping: Mapping,
    ) -> Result<Mapping, FaultError> {
        let copy =
            frames().allocate_for_program(LARGE_ORDER, Fill::Any).ok_or(FaultError::NoMemory)?;
        bulk::copy(copy.start(), mapping.frame.start(), LARGE_PAGE_SIZE);
        self.tables_mut().replace(address, copy, area.access.rights());
        frames().release(mapping.frame);
        Ok(Mapping { frame: copy, rights: area.access.rights(), ..mapping })
    }

    fn fault_anonymous(&mut self, area: &Area, address: UserAddr) -> Result<Mapping, FaultError> {
        let large_start = address.0 & !(LARGE_PAGE_SIZE - 1);
        if area.start <= large_start && large_start + LARGE_PAGE_SIZE <= area.end {
            let fresh = || is_plenty().then(|| frames().allocate_fresh(LARGE_ORDER)).flatten();
            if self.tables_mut().map_large(UserAddr(large_start), fresh, area.access.rights())? {
                return self.tables().find(address).ok_or(FaultError::NoMemory);
            }
        }
        let page = address.page();
        let frame = frames().allocate_for_program(0, Fill::Zeroed).ok_or(FaultError::NoMemory)?;
        let mut first = Some(frame);
        let large_end = large_start + LARGE_PAGE_SIZE;
        let end = area.end.min(large_end).min(page.0 + AROUND_PAGES * PAGE_SIZE);
        // Only memory that is zero already is worth bringing in ahead.
        let is_scarce = frames().is_scarce();
        self.tables_mut().map_around(page, UserAddr(end), area.access.rights(), |_| {
            first.take().or_else(|| (!is_scarce).then(|| frames().allocate_fresh(0)).flatten())
        })?;
        Ok(Mapping { frame, rights: area.access.rights(), size: PageSize::Small })
    }

    fn fault_file(
        &mut self,
        fs: &mut FileSystem,
        area: &Area,
        address: UserAddr,
        access: FaultAccess,
        (inode, index): (InodeId, u64),
    ) -> Result<Mapping, FaultError> {
        let page = address.page();
        // Whoever may write has the file's own frame, which others see, even to read it.
        if area.sharing == Sharing::Shared && area.may_write {
            let frame = fs.writable_page(inode, index).map_err(file_error)?;
            let frame = frame.ok_or(FaultError::BeyondFile)?;
            frames().share(frame);
            return self.map_page(page, frame, area.access.rights());
        }
        let window = window_of::<FILE_WINDOW_PAGES>(area, page);
        let run_from = |start: u64| {
            let nr_before = (page.0 - start) / PAGE_SIZE;
            let max = (window.end - start) / PAGE_SIZE;
            let (first, count) = fs.run_at_hand(inode, index - nr_before, max)?;
            (count > nr_before).then_some((start, first, count))
        };
        let (start, first, count) = match run_from(window.start).or_else(|| run_from(page.0)) {
            Some(run) => run,
            None => {
                let made = fs.page_for_mapping(inode, index).map_err(file_error)?;
                (page.0, made.ok_or(FaultError::BeyondFile)?, 1)
            }
        };
        let rights = area.access.rights_without_write();
        let share = |frame| frames().share(frame);
        self.tables_mut().map_run(UserAddr(start), first, count, rights, share)?;
        if access == FaultAccess::Write {
            return self.stop_sharing(area, page);
        }
        let frame = PhysAddr(first.start().0 + page.0 - start).frame();
        Ok(Mapping { frame, rights, size: PageSize::Small })
    }

    fn map_page(
        &mut self,
        page: UserAddr,
        frame: Frame,
        rights: Rights,
    ) -> Result<Mapping, FaultError> {
        self.tables_mut().map(page, frame, rights)?;
        Ok(Mapping { frame, rights, size: PageSize::Small })
    }
}

/// The part of `area` in the aligned window of so many pages that `page` lies in. A window is part of
/// what one table of the last level maps.
fn window_of<const PAGES: u64>(area: &Area, page: UserAddr) -> Range<u64> {
    let start = page.0 & !(PAGES * PAGE_SIZE - 1);
    start.max(area.start)..area.end.min(start + PAGES * PAGE_SIZE)
}

/// Whether memory may be spent on what is likely to be needed.
pub(super) fn is_plenty() -> bool {
    let counts = frames().counts();
    counts.free > counts.total / PLENTY
}

fn file_error(error: Errno) -> FaultError {
    match error {
        Errno::ENOMEM | Errno::ENOSPC => FaultError::NoMemory,
        _ => FaultError::BeyondFile,
    }
}
