// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The guest-physical memory map, and where the loader puts what the kernel is told of.
//!
//! ```text
//! 0x0_0000_0000  unused, so that a null address is never a structure
//! 0x0_0000_1000  start info, module list, memory map   BOOT_DATA
//! 0x0_0000_2000  command line, at most 64 KiB          CMDLINE
//! 0x0_0001_2000  free RAM
//! 0x0_000a_0000  RAM that no map entry mentions, as on a PC
//! 0x0_0010_0000  kernel image, free RAM; a module ends at the last page below the hole
//! 0x0_c000_0000  hole: no RAM
//! 0x0_feb0_0000  virtio-mmio slots                     protocols::machine
//! 0x0_fffb_d000  three pages for KVM's own use         KVM_TSS
//! 0x1_0000_0000  RAM that did not fit below the hole
//! 0xf_ffff_ffff  the last address that the CPU's 36 bits reach
//! ```
//!
//! Fixed addresses of the machine itself are in [`seed_protocols::machine`]; PVH leaves the place
//! of the start info and what it points to (Xen's `start_info.h`) to the loader.

use seed_protocols::machine::{KERNEL_LOAD_MIN, RAM_HOLE_END, RAM_HOLE_START};
use seed_protocols::pvh::{MEMMAP_TYPE_RAM, MemmapEntry, ModlistEntry, StartInfo};

/// Bytes in a page.
pub const PAGE_SIZE: u64 = 0x1000;

/// Bytes in a large page.
pub const LARGE_PAGE_SIZE: u64 = 0x20_0000;

/// Where the start info stands.
pub const START_INFO: u64 = 0x1000;

/// Where the module list stands.
pub const MODLIST: u64 = START_INFO + 0x80;

/// Where the memory map stands.
pub const MEMMAP: u64 = START_INFO + 0x100;

/// Where the command line stands.
pub const CMDLINE: u64 = 0x2000;

/// Longest command line in bytes, its terminating zero included.
pub const CMDLINE_MAX: usize = 0x1_0000;

/// End of the RAM below 1 MiB that the memory map offers.
pub const LOW_RAM_END: u64 = 0xa_0000;

/// Where Intel hosts without unrestricted guests keep three pages: in the hole, clear of the slots.
pub const KVM_TSS: u64 = 0xfffb_d000;

/// Number of physical address bits of the guest's CPU.
pub const PHYSICAL_ADDRESS_BITS: u8 = 36;

/// Least memory in MiB: room for a kernel and a small archive.
pub const MEMORY_MIN_MIB: u64 = 16;

/// Most memory in MiB: what the address bits reach, less the hole.
pub const MEMORY_MAX_MIB: u64 =
    ((1 << PHYSICAL_ADDRESS_BITS) - (RAM_HOLE_END - RAM_HOLE_START)) >> 20;

const _: () = {
    assert!(START_INFO + StartInfo::SIZE as u64 <= MODLIST);
    assert!(MODLIST + ModlistEntry::SIZE as u64 <= MEMMAP);
    assert!(MEMMAP + (MAX_RANGES * MemmapEntry::SIZE) as u64 <= CMDLINE);
    assert!(CMDLINE + CMDLINE_MAX as u64 <= LOW_RAM_END);
    assert!(LOW_RAM_END < KERNEL_LOAD_MIN);
    assert!(KERNEL_LOAD_MIN < MEMORY_MIN_MIB << 20);
};

/// Most entries that a memory map has.
const MAX_RANGES: usize = 3;

/// A range of guest-physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// Length in bytes.
    pub size: u64,
}

impl Range {
    /// First address behind the range; the largest address if the range goes beyond all.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.start.saturating_add(self.size)
    }

    /// Whether all of `other` lies in this range.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end() <= self.end()
    }

    /// Whether the ranges share an address.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }
}

/// Why there is no machine of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Less than the least or more than the most.
    #[error(
        "guest memory of {0} MiB is outside of what the machine can have, {MEMORY_MIN_MIB} to \
         {MEMORY_MAX_MIB} MiB; choose another --mem"
    )]
    MemorySize(u64),
}

/// Where the RAM of a machine lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RamMap {
    /// From address 0 up to the hole at most.
    pub low: Range,
    /// What did not fit below the hole, behind it.
    pub high: Option<Range>,
}

impl RamMap {
    /// The map of a machine with `memory_mib` MiB.
    ///
    /// # Errors
    /// The machine cannot have that much, or needs more.
    pub fn new(memory_mib: u64) -> Result<Self, Error> {
        if !(MEMORY_MIN_MIB..=MEMORY_MAX_MIB).contains(&memory_mib) {
            return Err(Error::MemorySize(memory_mib));
        }
        let size = memory_mib << 20;
        let low = Range { start: 0, size: size.min(RAM_HOLE_START) };
        let rest = size - low.size;
        let high = (rest > 0).then_some(Range { start: RAM_HOLE_END, size: rest });
        Ok(Self { low, high })
    }

    /// The ranges of RAM in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = Range> {
        std::iter::once(self.low).chain(self.high)
    }

    /// The memory map that the kernel is given.
    pub fn memmap(&self) -> impl Iterator<Item = MemmapEntry> {
        let below = Range { start: 0, size: LOW_RAM_END };
        let above = Range { start: KERNEL_LOAD_MIN, size: self.low.size - KERNEL_LOAD_MIN };
        [below, above].into_iter().chain(self.high).map(|range| MemmapEntry {
            addr: range.start,
            size: range.size,
            kind: MEMMAP_TYPE_RAM,
        })
    }

    /// Where a module of `size_bytes` goes: as high as possible below `limit` and the hole, at a
    /// page, and not under `kernel_end`.
    #[must_use]
    pub fn place_module(&self, size_bytes: u64, kernel_end: u64, limit: u64) -> Option<Range> {
        let start = self.low.end().min(limit).checked_sub(size_bytes)? & !(PAGE_SIZE - 1);
        (start >= kernel_end).then_some(Range { start, size: size_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_memory_is_one_range() {
        let map = RamMap::new(512).unwrap();
        assert_eq!(map.ranges().collect::<Vec<_>>(), [Range { start: 0, size: 0x2000_0000 }]);
        let entries: Vec<_> = map.memmap().map(|e| (e.addr, e.size, e.kind)).collect();
        assert_eq!(entries, [(0, 0xa_0000, 1), (0x10_0000, 0x1ff0_0000, 1)]);
    }

    #[test]
    fn large_memory_continues_behind_the_hole() {
        assert_eq!(RamMap::new(3072).unwrap().high, None);
        let map = RamMap::new(4096).unwrap();
        assert_eq!(map.low, Range { start: 0, size: 0xc000_0000 });
        assert_eq!(map.high, Some(Range { start: 0x1_0000_0000, size: 0x4000_0000 }));
        assert_eq!(map.memmap().count(), 3);
    }

    #[test]
    fn sizes_outside_of_the_machine_are_refused() {
        assert_eq!(RamMap::new(0), Err(Error::MemorySize(0)));
        assert_eq!(RamMap::new(15), Err(Error::MemorySize(15)));
        assert_eq!(RamMap::new(64_513), Err(Error::MemorySize(64_513)));
        assert_eq!(RamMap::new(u64::MAX), Err(Error::MemorySize(u64::MAX)));
        assert_eq!(RamMap::new(64_512).unwrap().high.unwrap().end(), 1 << 36);
    }

    #[test]
    fn a_module_ends_at_the_last_page_and_spares_the_kernel() {
        let map = RamMap::new(16).unwrap();
        let below = |size, end, limit| map.place_module(size, end, limit).map(|range| range.start);
        let place = |size, end| below(size, end, u64::MAX);
        assert_eq!(place(1, 0x20_0000), Some(0xff_f000));
        assert_eq!(place(0x1001, 0x20_0000), Some(0xff_e000));
        assert_eq!(place(0xe0_0000, 0x20_0000), Some(0x20_0000));
        assert_eq!(place(0xe0_0001, 0x20_0000), None);
        assert_eq!(place(u64::MAX, 0x20_0000), None);
        assert_eq!(below(1, 0x20_0000, 0x80_0000), Some(0x7f_f000));
        assert_eq!(below(0x60_0001, 0x20_0000, 0x80_0000), None);
    }
}
