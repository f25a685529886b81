// SPDX-License-Identifier: Apache-2.0 OR MIT

//! PVH: the boot protocol between loader and kernel.
//!
//! Follows Xen's `xen/include/public/arch-x86/hvm/start_info.h` (version 1) and the ELF note of
//! `xen/include/public/elfnote.h`. At entry the CPU is in 32-bit protected mode with paging off and
//! flat segments, and `ebx` holds the physical address of the [`StartInfo`].

use core::fmt;

/// Type of the Xen ELF note that holds the 32-bit physical entry point.
pub const NOTE_PHYS32_ENTRY: u32 = 18;

/// Owner name of that note, with its terminating zero.
pub const NOTE_NAME: &[u8; 4] = b"Xen\0";

/// First word of every start info.
pub const START_INFO_MAGIC: u32 = 0x336e_c578;

/// Version of the start info that carries a memory map.
pub const START_INFO_VERSION: u32 = 1;

/// Memory map entry type: usable RAM (the numbers are those of ACPI's address ranges).
pub const MEMMAP_TYPE_RAM: u32 = 1;

/// `struct hvm_start_info`: 56 bytes, little endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartInfo {
    /// Number of entries of the module list.
    pub nr_modules: u32,
    /// Physical address of the module list.
    pub modlist_paddr: u64,
    /// Physical address of the zero-terminated command line; 0 if there is none.
    pub cmdline_paddr: u64,
    /// Physical address of the memory map.
    pub memmap_paddr: u64,
    /// Number of entries of the memory map.
    pub memmap_entries: u32,
}

/// Why bytes are not a usable start info.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartInfoError {
    /// The first word is not [`START_INFO_MAGIC`].
    BadMagic(u32),
    /// A version without a memory map.
    BadVersion(u32),
}

impl fmt::Display for StartInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMagic(magic) => write!(f, "its magic number is {magic:#x}"),
            Self::BadVersion(version) => write!(f, "version {version} has no memory map"),
        }
    }
}

impl core::error::Error for StartInfoError {}

impl StartInfo {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// Lays the structure out as the protocol wants it, as version 1 and with no RSDP.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..4].copy_from_slice(&START_INFO_MAGIC.to_le_bytes());
        bytes[4..8].copy_from_slice(&START_INFO_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.nr_modules.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.modlist_paddr.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.cmdline_paddr.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.memmap_paddr.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.memmap_entries.to_le_bytes());
        bytes
    }

    /// Reads the structure a loader left.
    ///
    /// # Errors
    /// The magic is wrong or the version is too old to have a memory map.
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Result<Self, StartInfoError> {
        let magic = le32(bytes, 0);
        if magic != START_INFO_MAGIC {
            return Err(StartInfoError::BadMagic(magic));
        }
        let version = le32(bytes, 4);
        if version < START_INFO_VERSION {
            return Err(StartInfoError::BadVersion(version));
        }
        Ok(Self {
            nr_modules: le32(bytes, 12),
            modlist_paddr: le64(bytes, 16),
            cmdline_paddr: le64(bytes, 24),
            memmap_paddr: le64(bytes, 40),
            memmap_entries: le32(bytes, 48),
        })
    }
}

/// `struct hvm_memmap_table_entry`: 24 bytes, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemmapEntry {
    /// First byte of the range.
    pub addr: u64,
    /// Length in bytes.
    pub size: u64,
    /// [`MEMMAP_TYPE_RAM`] or another ACPI address range type.
    pub kind: u32,
}

impl MemmapEntry {
    /// Size in bytes.
    pub const SIZE: usize = 24;

    /// Lays the entry out as the protocol wants it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..8].copy_from_slice(&self.addr.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.size.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.kind.to_le_bytes());
        bytes
    }

    /// Reads one entry.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        Self { addr: le64(bytes, 0), size: le64(bytes, 8), kind: le32(bytes, 16) }
    }
}

/// `struct hvm_modlist_entry`: 32 bytes, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModlistEntry {
    /// First byte of the module.
    pub paddr: u64,
    /// Length in bytes.
    pub size: u64,
}

impl ModlistEntry {
    /// Size in bytes.
    pub const SIZE: usize = 32;

    /// Lays the entry out as the protocol wants it, with no command line of its own.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0..8].copy_from_slice(&self.paddr.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// Reads one entry.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        Self { paddr: le64(bytes, 0), size: le64(bytes, 8) }
    }
}

fn le32<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn le64<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    u64::from(le32(bytes, at)) | u64::from(le32(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_info_places_fields_where_xen_does() {
        let info = StartInfo {
            nr_modules: 1,
            modlist_paddr: 0x2000,
            cmdline_paddr: 0x3000,
            memmap_paddr: 0x4000,
            memmap_entries: 2,
        };
        let bytes = info.to_bytes();
        assert_eq!(bytes[..8], [0x78, 0xc5, 0x6e, 0x33, 1, 0, 0, 0]);
        assert_eq!(bytes[0x18..0x20], [0, 0x30, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[0x28..0x34], [0, 0x40, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(StartInfo::parse(&bytes), Ok(info));
    }

    #[test]
    fn foreign_start_info_is_refused() {
        let mut bytes = StartInfo::default().to_bytes();
        bytes[4] = 0;
        assert_eq!(StartInfo::parse(&bytes), Err(StartInfoError::BadVersion(0)));
        bytes[0] = 0;
        assert_eq!(StartInfo::parse(&bytes), Err(StartInfoError::BadMagic(0x336e_c500)));
    }

    #[test]
    fn table_entries_round_trip() {
        let map = MemmapEntry { addr: 0x1_0000_0000, size: 0x4000, kind: 1 };
        assert_eq!(MemmapEntry::parse(&map.to_bytes()), map);
        let module = ModlistEntry { paddr: 0x123_4000, size: 77 };
        assert_eq!(ModlistEntry::parse(&module.to_bytes()), module);
    }
}
