// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Growing, shrinking and moving mappings: `mremap(2)`. Pages move with their entries in the
//! tables; nothing is copied.

use super::address::UserAddr;
use super::space::{AddressSpace, Area};
use crate::arch::{
    layout::{LARGE_PAGE_SIZE, PAGE_SIZE},
    paging::{Mapping, PageSize, Update},
};
use crate::errno::Errno;
use crate::fs::FileSystem;
use alloc::vec::Vec;

impl AddressSpace {
    /// Makes a mapping end further on, where there is room behind it. Tells whether there was.
    pub fn grow(&mut self, area: &Area, end: u64, new_end: u64) -> bool {
        if area.end != end || self.find_free(end, new_end - end) != Some(end) {
            return false;
        }
        if let Some(area) = self.area_mut(area.start) {
            area.end = new_end;
        }
        true
    }

    /// Moves `[start, end)`, which one area covers, to `target`, where nothing is mapped up to
    /// `target_end`; the area ends there.
    ///
    /// # Errors
    /// `ENOMEM`; then everything is where it was.
    pub fn move_pages(
        &mut self,
        fs: &mut FileSystem,
        (start, end): (u64, u64),
        (target, target_end): (u64, u64),
    ) -> Result<(), Errno> {
        self.make_border(fs, start)?;
        self.make_border(fs, end)?;
        let area = *self.area_at(start).ok_or(Errno::EFAULT)?;
        let pages = self.pages(start, end, target)?;
        let peak_pages = self.tables().peak_pages();
        for (done, &(at, mapping)) in pages.iter().enumerate() {
            let to = UserAddr(at.0 - start + target);
            let result = match mapping.size {
                PageSize::Small => self.tables_mut().map(to, mapping.frame, mapping.rights),
                PageSize::Large => {
                    let frame = || Some(mapping.frame);
                    self.tables_mut().map_large(to, frame, mapping.rights).map(|_| ())
                }
            };
            if result.is_err() {
                if let Some(&(last, _)) = pages[..done].last() {
                    let last = last.0 - start + target + PAGE_SIZE;
                    self.update_pages(target, last, &mut |_, _| Update::Remove);
                }
                return Err(Errno::ENOMEM);
            }
        }
        self.update_pages(start, end, &mut |_, _| Update::Remove);
        self.tables_mut().set_peak_pages(peak_pages);
        if !area.access.read && !area.access.write && !area.access.execute {
            self.update_pages(target, target_end, &mut |_, _| Update::Hide);
        }
        self.move_area(start, Area { start: target, end: target_end, ..area });
        Ok(())
    }

    /// The pages of a range, split so that each can be mapped at its place from `target` on.
    fn pages(
        &mut self,
        start: u64,
        end: u64,
        target: u64,
    ) -> Result<Vec<(UserAddr, Mapping)>, Errno> {
        if !(target.wrapping_sub(start)).is_multiple_of(LARGE_PAGE_SIZE) {
            let mut at = start;
            while at < end {
                // Inside of the page: at its start there is a border already.
                self.split_large((at & !(LARGE_PAGE_SIZE - 1)) + PAGE_SIZE)?;
                at = (at & !(LARGE_PAGE_SIZE - 1)) + LARGE_PAGE_SIZE;
            }
        }
        let mut pages = Vec::new();
        self.update_pages(start, end, &mut |at, mapping| {
            pages.push((at, mapping));
            Update::Keep
        });
        Ok(pages)
    }

    /// Which pages of a range are in memory: those of files always are.
    ///
    /// # Errors
    /// `ENOMEM` if part of the range has no area.
    pub fn residency(&self, start: u64, end: u64) -> Result<Vec<u8>, Errno> {
        let mut resident = Vec::new();
        let count = usize::try_from((end - start) / PAGE_SIZE).unwrap_or(usize::MAX);
        resident.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        for at in (start..end).step_by(PAGE_SIZE as usize) {
            let area = self.area_at(at).ok_or(Errno::ENOMEM)?;
            let is_there = area.is_of_file() || self.tables().find_any(UserAddr(at)).is_some();
            resident.push(u8::from(is_there));
        }
        Ok(resident)
    }
}
