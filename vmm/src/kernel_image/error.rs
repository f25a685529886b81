// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What can be wrong with a kernel image: one message each, with the place, the reason and the
//! remedy.

/// Why a file is not a kernel that the machine can start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read it")]
    Read(#[source] std::io::Error),
    /// It is a directory or a device, or absurdly large.
    #[error("not a regular file of at most 1 GiB; give the path of an ELF kernel")]
    NotAFile,
    /// It does not start with the ELF magic.
    #[error("not an ELF file; give an uncompressed ELF kernel (vmlinux, not bzImage)")]
    NotElf,
    /// It is of the 32-bit class.
    #[error("a 32-bit ELF file; the machine starts 64-bit kernels only")]
    Elf32,
    /// It is big endian or of an unknown version.
    #[error("not a little-endian ELF file of version 1; build the kernel for x86-64")]
    BadIdent,
    /// It is for another processor.
    #[error("built for ELF machine {0}, not for x86-64 (62); build the kernel for x86-64")]
    WrongMachine(u16),
    /// It is not an executable.
    #[error("ELF type {0} is not an executable (2) or a static PIE (3); link the kernel first")]
    NotExecutable(u16),
    /// The program headers are missing or of a size of their own.
    #[error("{count} program headers of {size} bytes at {offset:#x} are not what a kernel has")]
    BadProgramHeaders {
        /// Their number.
        count: u16,
        /// Size of each.
        size: u16,
        /// Where they start in the file.
        offset: u64,
    },
    /// The file ends too early.
    #[error(
        "the file ends inside its {what}: {end:#x} bytes needed, {length:#x} there; copy it again"
    )]
    Truncated {
        /// What should be there.
        what: &'static str,
        /// Where that ends.
        end: u64,
        /// Length of the file.
        length: u64,
    },
    /// Nothing is to be loaded.
    #[error("no loadable segment; this is not a kernel")]
    NoSegments,
    /// A segment has more bytes in the file than in memory.
    #[error(
        "segment at {start:#x} has {in_file:#x} bytes in the file but {in_memory:#x} in memory"
    )]
    BadSegmentSize {
        /// Its physical address.
        start: u64,
        /// Its size in the file.
        in_file: u64,
        /// Its size in memory.
        in_memory: u64,
    },
    /// A segment would lie on what the loader itself puts into memory.
    #[error(
        "segment at {0:#x} lies below 1 MiB, which belongs to the loader; link the kernel higher"
    )]
    SegmentTooLow(u64),
    /// A segment does not fit into guest memory.
    #[error(
        "segment {start:#x} to {end:#x} lies outside of RAM, which ends at {ram_end:#x}; \
         raise --mem or link the kernel lower"
    )]
    SegmentOutsideRam {
        /// Its physical address.
        start: u64,
        /// Where it ends.
        end: u64,
        /// Where the RAM below the hole ends.
        ram_end: u64,
    },
    /// Two segments share memory.
    #[error("segments at {0:#x} and {1:#x} overlap; correct the kernel's linker script")]
    SegmentsOverlap(u64, u64),
    /// There is no PVH entry.
    #[error(
        "no Xen ELF note of type 18 (PVH entry); build the kernel with PVH support \
         (Linux: CONFIG_PVH)"
    )]
    NoPvhNote,
    /// The PVH note has a descriptor of the wrong size.
    #[error("Xen ELF note of type 18 (PVH entry) has {0} bytes, not 4 or 8; correct the kernel")]
    BadPvhNote(u64),
    /// A note says that it is longer than its segment.
    #[error(
        "malformed ELF note at {0:#x}, looking for the Xen note of type 18; correct the kernel"
    )]
    BadNote(u64),
    /// The entry needs more than 32 bits.
    #[error("PVH entry {0:#x} (Xen ELF note of type 18) is not a 32-bit address")]
    EntryTooHigh(u64),
    /// The entry is where nothing is loaded.
    #[error("PVH entry {0:#x} (Xen ELF note of type 18) lies outside of every loaded segment")]
    EntryOutside(u64),
    /// The record's note has the wrong size or points out of the image.
    #[error("seedvmm ELF note of type 1 (record) does not point into a loaded segment")]
    BadRecordNote,
}
