// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Page tables: four levels, 4 KiB and 2 MiB pages (Intel SDM volume 3, 4.5).
//!
//! Each process has a table of its own for the lower half; the one entry of the upper half in use,
//! for ring 0 alone, is the same everywhere (layout.rs). Tables are frames, read and
//! written as words. The processor forgets what it knew of them whenever the kernel returns to a
//! program.

use super::layout::{DIRECT_MAP_STATIC_BYTES, LARGE_PAGE_SIZE, PAGE_SIZE};
use crate::mm::{
    address::{Frame, PhysAddr, UserAddr},
    frames::{Fill, frames},
};
use core::ops::Range;
use seed_protocols::machine::{RAM_HOLE_END, RAM_HOLE_START};

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
pub(super) const USER: u64 = 1 << 2;
/// Not cached: write-through and cache disable.
const UNCACHED: u64 = 0b11 << 3;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
/// Ignored by the processor: a page that is kept while its program may not touch it.
const HIDDEN: u64 = 1 << 9;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a table above the last level may hold back: nothing.
pub(super) const TABLE: u64 = PRESENT | WRITABLE | USER | ACCESSED;

/// Root of tables that are elsewhere. Frame 0 is never handed out.
const NOWHERE: Frame = Frame(0);

/// Level of the root: its entries span 512 GiB.
const TOP_LEVEL: u32 = 3;

/// Entries in a table.
const ENTRIES: u64 = 512;

/// Entry of the top level that all processes share.
const SHARED_ENTRY: u64 = 511;

/// Memory for a page table ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// What a mapping allows. Reading is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Writing.
    pub write: bool,
    /// Fetching instructions.
    pub execute: bool,
}

impl Rights {
    const fn flags(self) -> u64 {
        let write = if self.write { WRITABLE | DIRTY } else { 0 };
        let execute = if self.execute { 0 } else { NO_EXECUTE };
        PRESENT | USER | ACCESSED | write | execute
    }
}

/// What a fault tried to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAccess {
    /// A read.
    Read,
    /// A write.
    Write,
    /// An instruction fetch.
    Execute,
}

impl FaultAccess {
    /// From the error code of a page fault (Intel SDM volume 3, 4.7).
    #[must_use]
    pub const fn from_error_code(code: u64) -> Self {
        if code & 1 << 4 != 0 {
            Self::Execute
        } else if code & 1 << 1 != 0 {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// Size of a mapped page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSize {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
}

impl PageSize {
    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Small => PAGE_SIZE,
            Self::Large => LARGE_PAGE_SIZE,
        }
    }
}

/// A mapped page, as found in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First frame of the page.
    pub frame: Frame,
    /// What it allows.
    pub rights: Rights,
    /// How large it is.
    pub size: PageSize,
}

impl Mapping {
    fn from_entry(entry: u64, size: PageSize) -> Self {
        Self {
            frame: PhysAddr(entry & ADDRESS & !(size.bytes() - 1)).frame(),
            rights: Rights { write: entry & WRITABLE != 0, execute: entry & NO_EXECUTE == 0 },
            size,
        }
    }

    /// The physical address behind `address`, which lies in this page.
    #[must_use]
    pub fn physical(&self, address: UserAddr) -> PhysAddr {
        self.frame.start().add(address.0 & (self.size.bytes() - 1))
    }
}

/// The page tables of one address space.
#[derive(Debug)]
pub struct PageTables {
    root: Frame,
    /// Small pages that are mapped, of which a large one has as many as it holds.
    nr_pages: u64,
    /// The most that there ever were.
    peak_pages: u64,
}

impl PageTables {
    /// Tables that map the kernel alone; `pattern` is a root with the shared entry.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn new(pattern: PhysAddr) -> Result<Self, NoMemory> {
        let root = frames().allocate(Fill::Zeroed).ok_or(NoMemory)?;
        let shared = SHARED_ENTRY * 8;
        frames().write_word(root.start().add(shared), frames().read_word(pattern.add(shared)));
        Ok(Self { root, nr_pages: 0, peak_pages: 0 })
    }

    /// Stands in for tables that are elsewhere, and is never used.
    #[must_use]
    pub const fn absent() -> Self {
        Self { root: NOWHERE, nr_pages: 0, peak_pages: 0 }
    }

    /// Physical address of the root, for CR3.
    #[must_use]
    pub fn root(&self) -> PhysAddr {
        self.root.start()
    }

    /// How many pages are mapped, hidden ones included, counted as small ones.
    #[must_use]
    pub const fn nr_pages(&self) -> u64 {
        self.nr_pages
    }

    /// The most that [`PageTables::nr_pages`] ever was.
    #[must_use]
    pub const fn peak_pages(&self) -> u64 {
        self.peak_pages
    }

    /// Takes back what a move of pages counted twice.
    pub fn set_peak_pages(&mut self, peak_pages: u64) {
        self.peak_pages = peak_pages;
    }

    fn count_mapped(&mut self, nr_pages: u64) {
        self.nr_pages += nr_pages;
        self.peak_pages = self.peak_pages.max(self.nr_pages);
    }

    /// The page that `address` lies in, if it is mapped.
    #[must_use]
    #[inline(always)]
    pub fn find(&self, address: UserAddr) -> Option<Mapping> {
        let (slot, size) = self.leaf(address)?;
        let entry = frames().read_word(slot);
        (entry & PRESENT != 0).then(|| Mapping::from_entry(entry, size))
    }

    /// As [`PageTables::find`], hidden pages included.
    #[must_use]
    pub fn find_any(&self, address: UserAddr) -> Option<Mapping> {
        let (slot, size) = self.leaf(address)?;
        let entry = frames().read_word(slot);
        (entry != 0).then(|| Mapping::from_entry(entry, size))
    }

    /// Maps a 4 KiB page where none is mapped.
    ///
    /// # Errors
    /// Memory for a table ran out.
    pub fn map(&mut self, address: UserAddr, frame: Frame, rights: Rights) -> Result<(), NoMemory> {
        let table = self.last_table(address)?;
        write_entry(slot(table, address, 0), frame.start().0 | rights.flags());
        self.count_mapped(1);
        Ok(())
    }

    /// Maps adjacent pages where none are mapped, inside one 2 MiB range: one walk for all.
    ///
    /// `frame_for` gives the frame for each page, or `None` to leave it out.
    ///
    /// # Errors
    /// Memory for a table ran out.
    #[inline(always)]
    pub fn map_around(
        &mut self,
        start: UserAddr,
        end: UserAddr,
        rights: Rights,
        mut frame_for: impl FnMut(UserAddr) -> Option<Frame>,
    ) -> Result<(), NoMemory> {
        let table = self.last_table(start)?;
        let (mut address, mut count) = (start, 0);
        while address < end {
            let slot = slot(table, address, 0);
            if frames().read_word(slot) == 0
                && let Some(frame) = frame_for(address)
            {
                write_entry(slot, frame.start().0 | rights.flags());
                count += 1;
            }
            address.0 += PAGE_SIZE;
        }
        self.count_mapped(count);
        Ok(())
    }

    /// Maps `count` adjacent frames from `first` on where no page is mapped, inside one 2 MiB range.
    /// `mapped` is called with each frame that is.
    ///
    /// # Errors
    /// Memory for a table ran out.
    pub fn map_run(
        &mut self,
        start: UserAddr,
        first: Frame,
        count: u64,
        rights: Rights,
        mut mapped: impl FnMut(Frame),
    ) -> Result<(), NoMemory> {
        let table = self.last_table(start)?;
        let mut slot = slot(table, start, 0);
        let mut entry = first.start().0 | rights.flags();
        let end = entry + count * PAGE_SIZE;
        let mut groups = frames().note(table.frame());
        let mut count = 0;
        while entry < end {
            if frames().read_word(slot) == 0 {
                frames().write_word(slot, entry);
                groups |= group_bit(slot);
                mapped(PhysAddr(entry & ADDRESS).frame());
                count += 1;
            }
            entry += PAGE_SIZE;
            slot = slot.add(8);
        }
        frames().set_note(table.frame(), groups);
        self.count_mapped(count);
        Ok(())
    }

    /// Maps a 2 MiB page if nothing is mapped in its range; tells whether it did.
    ///
    /// # Errors
    /// Memory for a table ran out.
    pub fn map_large(
        &mut self,
        address: UserAddr,
        frame: impl FnOnce() -> Option<Frame>,
        rights: Rights,
    ) -> Result<bool, NoMemory> {
        let directory = {
            let upper = self.table_below(self.root.start(), address, TOP_LEVEL)?;
            self.table_below(upper, address, 2)?
        };
        let slot = slot(directory, address, 1);
        if frames().read_word(slot) != 0 {
            return Ok(false);
        }
        let Some(frame) = frame() else { return Ok(false) };
        write_entry(slot, frame.start().0 | rights.flags() | LARGE);
        self.count_mapped(LARGE_PAGE_SIZE / PAGE_SIZE);
        Ok(true)
    }

    /// Changes frame and rights of the page at `address`, which is mapped or hidden; the size stays.
    pub fn replace(&mut self, address: UserAddr, frame: Frame, rights: Rights) {
        let (slot, size) = self.leaf(address).expect("only mapped pages are replaced");
        let large = if size == PageSize::Large { LARGE } else { 0 };
        frames().write_word(slot, frame.start().0 | rights.flags() | large);
    }

    /// Turns the 2 MiB page at `address` into 4 KiB pages of the same frames and rights.
    ///
    /// # Errors
    /// Memory for a table ran out.
    pub fn split(&mut self, address: UserAddr) -> Result<(), NoMemory> {
        let (large_slot, PageSize::Large) = self.leaf(address).expect("a mapped page is split")
        else {
            return Ok(());
        };
        let table = frames().allocate_for_program(0, Fill::Any).ok_or(NoMemory)?;
        let entry = frames().read_word(large_slot) & !LARGE;
        for index in 0..ENTRIES {
            frames().write_word(table.start().add(index * 8), entry + index * PAGE_SIZE);
        }
        frames().set_note(table, u64::MAX);
        frames().write_word(large_slot, table.start().0 | TABLE);
        Ok(())
    }

    /// Calls `visit` for each mapped page in `[start, end)`, in order, and does what it says.
    ///
    /// A large page is visited once, if any byte of it lies in the range.
    pub fn update(
        &mut self,
        start: UserAddr,
        end: UserAddr,
        mut visit: impl FnMut(UserAddr, Mapping) -> Update,
    ) {
        let nr_pages = &mut self.nr_pages;
        let mut counting = |address, mapping: Mapping| {
            let update = visit(address, mapping);
            if update == Update::Remove {
                *nr_pages -= mapping.size.bytes() / PAGE_SIZE;
            }
            update
        };
        if start < end {
            update_table(self.root, TOP_LEVEL, 0, (start.0, end.0 - 1), &mut counting);
        }
    }

    /// Gives back all tables, and each page that they map to `release`. They must not be current.
    pub fn free(self, mut release: impl FnMut(Mapping)) {
        free_table(self.root, TOP_LEVEL, &mut release);
    }

    /// Where the entry of the page at `address` stands, if all tables above it exist.
    #[inline(always)]
    fn leaf(&self, address: UserAddr) -> Option<(PhysAddr, PageSize)> {
        if self.root == NOWHERE {
            return None;
        }
        let mut table = self.root.start();
        for level in [TOP_LEVEL, 2] {
            let entry = frames().read_word(slot(table, address, level));
            if entry & PRESENT == 0 {
                return None;
            }
            table = PhysAddr(entry & ADDRESS);
        }
        let directory_slot = slot(table, address, 1);
        let directory = frames().read_word(directory_slot);
        if directory == 0 {
            return None;
        }
        if directory & LARGE != 0 {
            return Some((directory_slot, PageSize::Large));
        }
        Some((slot(PhysAddr(directory & ADDRESS), address, 0), PageSize::Small))
    }

    fn last_table(&mut self, address: UserAddr) -> Result<PhysAddr, NoMemory> {
        let upper = self.table_below(self.root.start(), address, TOP_LEVEL)?;
        let directory = self.table_below(upper, address, 2)?;
        self.table_below(directory, address, 1)
    }

    /// The table that `address` uses below `table`, which is of `level`; made if it is missing.
    fn table_below(
        &self,
        table: PhysAddr,
        address: UserAddr,
        level: u32,
    ) -> Result<PhysAddr, NoMemory> {
        let slot = slot(table, address, level);
        let entry = frames().read_word(slot);
        if entry & PRESENT != 0 {
            return Ok(PhysAddr(entry & ADDRESS));
        }
        let below = frames().allocate_for_program(0, Fill::Zeroed).ok_or(NoMemory)?.start();
        write_entry(slot, below.0 | TABLE);
        Ok(below)
    }
}

/// What becomes of a page that [`PageTables::update`] visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing.
    Keep,
    /// It is no longer mapped.
    Remove,
    /// It stays where it is, and any access to it faults: x86 has no page without reading.
    Hide,
    /// It is mapped to this frame with these rights; the size stays.
    Remap(Frame, Rights),
}

unsafe extern "C" {
    /// Tables that the boot assembly puts in their places (tables.S).
    static memory_pdpt: u8;
    static device_pd: u8;
}

/// Maps the devices, and RAM up to `end` as far as no table of the image covers it, at itself.
///
/// # Errors
/// Memory for the tables ran out.
pub fn complete_direct_map(end: u64) -> Result<(), NoMemory> {
    const GIB: u64 = 1 << 30;
    let physical = |table: *const u8| PhysAddr(table.addr() as u64);
    map_directly(physical(&raw const device_pd), RAM_HOLE_START..RAM_HOLE_END, UNCACHED);
    let starts = (DIRECT_MAP_STATIC_BYTES..end).step_by(GIB as usize);
    for start in starts.filter(|&start| start != RAM_HOLE_START) {
        let table = frames().allocate(Fill::Any).ok_or(NoMemory)?.start();
        map_directly(table, start..start + GIB, 0);
        let entry = physical(&raw const memory_pdpt).add(start / GIB * 8);
        frames().write_word(entry, table.0 | TABLE);
    }
    Ok(())
}

/// Fills the entries of a table for large pages at themselves, which nothing can be fetched from.
fn map_directly(table: PhysAddr, addresses: Range<u64>, more_flags: u64) {
    let flags = PRESENT | WRITABLE | USER | ACCESSED | DIRTY | LARGE | NO_EXECUTE | more_flags;
    for address in addresses.step_by(LARGE_PAGE_SIZE as usize) {
        let index = address / LARGE_PAGE_SIZE % ENTRIES;
        frames().write_word(table.add(index * 8), address | flags);
    }
}

/// The first physical address that the direct map can never reach.
pub const PHYSICAL_END: u64 = 500 << 30;

fn slot(table: PhysAddr, address: UserAddr, level: u32) -> PhysAddr {
    table.add((address.0 >> (12 + 9 * level) & (ENTRIES - 1)) * 8)
}

/// Writes an entry of a user table and notes which group of eight it belongs to, so that walks over
/// a range skip the empty ones: reading an entry costs as much as any other instruction.
#[inline]
fn write_entry(slot: PhysAddr, entry: u64) {
    frames().write_word(slot, entry);
    let table = slot.frame();
    frames().set_note(table, frames().note(table) | group_bit(slot));
}

/// The note's bit for the group of eight entries that `slot` belongs to.
#[inline]
fn group_bit(slot: PhysAddr) -> u64 {
    1 << (slot.0 / 64 % 64)
}

/// Calls `visit` with each entry of `table` from index `first` to `last` that is not empty, and with
/// its place.
#[inline]
fn for_each_entry(table: Frame, first: u64, last: u64, mut visit: impl FnMut(u64, PhysAddr, u64)) {
    let mut groups = frames().note(table) & u64::MAX << (first / 8) & u64::MAX >> (63 - last / 8);
    while groups != 0 {
        let group = u64::from(groups.trailing_zeros()) * 8;
        groups &= groups - 1;
        // A plain loop: stepping an inclusive range costs more than looking at the entry.
        let mut index = group.max(first);
        let end = (group + 8).min(last + 1);
        while index < end {
            let slot = table.start().add(index * 8);
            let entry = frames().read_word(slot);
            if entry != 0 {
                visit(index, slot, entry);
            }
            index += 1;
        }
    }
}

/// The part of [`PageTables::update`] below one table, which maps from `base` on. `range` has its
/// last byte, not its end, so that it cannot overflow.
fn update_table(
    table: Frame,
    level: u32,
    base: u64,
    range: (u64, u64),
    visit: &mut impl FnMut(UserAddr, Mapping) -> Update,
) {
    let shift = 12 + 9 * level;
    let first = range.0.saturating_sub(base) >> shift;
    let last = ((range.1 - base) >> shift).min(ENTRIES - 1);
    for_each_entry(table, first, last, |index, slot, entry| {
        let start = base + (index << shift);
        let Some(mapping) = leaf_mapping(entry, level) else {
            let below = PhysAddr(entry & ADDRESS).frame();
            return update_table(below, level - 1, start, range, visit);
        };
        match visit(UserAddr(start), mapping) {
            Update::Keep => {}
            Update::Remove => {
                frames().write_word(slot, 0);
            }
            Update::Hide => {
                frames().write_word(slot, entry & !(PRESENT | WRITABLE) | HIDDEN);
            }
            Update::Remap(frame, rights) => {
                let large = if mapping.size == PageSize::Large { LARGE } else { 0 };
                frames().write_word(slot, frame.start().0 | rights.flags() | large);
            }
        }
    });
}

/// The page that an entry of a table of `level` maps; `None` if it leads to another table.
#[inline(always)]
fn leaf_mapping(entry: u64, level: u32) -> Option<Mapping> {
    match (level, entry & LARGE) {
        (0, _) => Some(Mapping::from_entry(entry, PageSize::Small)),
        (_, LARGE) => Some(Mapping::from_entry(entry, PageSize::Large)),
        _ => None,
    }
}

fn free_table(table: Frame, level: u32, release: &mut impl FnMut(Mapping)) {
    for_each_entry(table, 0, ENTRIES - 1, |_, _, entry| match leaf_mapping(entry, level) {
        Some(mapping) => release(mapping),
        None => free_table(PhysAddr(entry & ADDRESS).frame(), level - 1, release),
    });
    frames().release(table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const READ: Rights = Rights { write: false, execute: false };
    const WRITE: Rights = Rights { write: true, execute: false };

    fn tables() -> PageTables {
        let pattern = frames().allocate(Fill::Zeroed).unwrap();
        frames().write_word(pattern.start().add(SHARED_ENTRY * 8), 0x1003);
        PageTables::new(pattern.start()).unwrap()
    }

    #[test]
    fn entries_have_the_processors_form() {
        let mut tables = tables();
        tables.map(UserAddr(0x40_1000), Frame(0x123), WRITE).unwrap();
        let (slot, _) = tables.leaf(UserAddr(0x40_1fff)).unwrap();
        assert_eq!(frames().read_word(slot), 0x8000_0000_0012_3067);
        assert_eq!(slot.0 & 0xfff, 8);
        assert_eq!(frames().read_word(tables.root().add(SHARED_ENTRY * 8)), 0x1003);
    }

    #[test]
    fn mapped_pages_are_found_and_removed() {
        let mut tables = tables();
        tables.map(UserAddr(0x7fff_ffff_e000), Frame(5), READ).unwrap();
        tables.map(UserAddr(0x1000), Frame(6), WRITE).unwrap();
        let found = tables.find(UserAddr(0x7fff_ffff_e123)).unwrap();
        assert_eq!(found.physical(UserAddr(0x7fff_ffff_e123)), PhysAddr(0x5123));
        assert_eq!(tables.find(UserAddr(0x2000)), None);
        let mut seen = Vec::new();
        tables.update(UserAddr(0), UserAddr(0x7fff_ffff_f000), |address, mapping| {
            seen.push((address.0, mapping.frame.0));
            Update::Remove
        });
        assert_eq!(seen, [(0x1000, 6), (0x7fff_ffff_e000, 5)]);
        assert_eq!(tables.find(UserAddr(0x1000)), None);
    }

    #[test]
    fn large_pages_split_into_the_same_memory() {
        let mut tables = tables();
        assert_eq!(tables.map_large(UserAddr(0x40_0000), || Some(Frame(512)), WRITE), Ok(true));
        assert_eq!(tables.map_large(UserAddr(0x40_0000), || Some(Frame(512)), WRITE), Ok(false));
        let before = tables.find(UserAddr(0x5f_f123)).unwrap();
        assert_eq!((before.size, before.frame), (PageSize::Large, Frame(512)));
        tables.split(UserAddr(0x40_0000)).unwrap();
        let after = tables.find(UserAddr(0x5f_f123)).unwrap();
        assert_eq!((after.size, after.rights), (PageSize::Small, WRITE));
        assert_eq!(after.physical(UserAddr(0x5f_f123)), before.physical(UserAddr(0x5f_f123)));
    }

    #[test]
    fn freed_tables_come_back() {
        let before = frames().counts().free;
        let mut tables = tables();
        tables.map(UserAddr(0x1000), Frame(6), WRITE).unwrap();
        tables.map(UserAddr(0x7fff_0000_0000), Frame(6), WRITE).unwrap();
        let mut nr_pages = 0;
        tables.free(|_| nr_pages += 1);
        assert_eq!(nr_pages, 2);
        assert_eq!(frames().counts().free, before - 1);
    }
}
