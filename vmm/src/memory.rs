// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Guest memory: mapping it, and loading kernel, start info, command line and module into it.
//!
//! Fresh anonymous memory is zero already, so nothing is cleared, and a page costs nothing until it
//! is touched. Everything is written through vm-memory's volatile copies; there is never a
//! reference into guest memory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use seed_protocols::console_output::Block;
use seed_protocols::pvh::{ModlistEntry, StartInfo};
use seed_protocols::record::Record;
use vm_memory::{
    Bytes as _, GuestAddress, GuestMemoryError, GuestMemoryMmap, mmap::FromRangesError,
};

use crate::backing::{self, FixedFile};
use crate::kernel_image::{KernelImage, Segment};
use crate::layout::{CMDLINE, CMDLINE_MAX, MEMMAP, MODLIST, PAGE_SIZE, RamMap, Range, START_INFO};
use crate::own_file;

/// The RAM of the machine.
pub type GuestMemory = GuestMemoryMmap<()>;

/// Why guest memory cannot be made or filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host does not give the address space.
    #[error("cannot map {size_mib} MiB of guest memory; choose a smaller --mem")]
    Map {
        /// Size asked for.
        size_mib: u64,
        /// The cause.
        source: FromRangesError,
    },
    /// A structure of the loader cannot be written.
    #[error("cannot write to guest memory")]
    Write(#[from] GuestMemoryError),
    /// The command line is too long.
    #[error("kernel command line of {0} bytes is longer than the {max} that fit", max = CMDLINE_MAX - 1)]
    CommandLineTooLong(usize),
    /// The command line holds a zero byte, which would end it.
    #[error("kernel command line has a zero byte at offset {0}")]
    CommandLineZero(usize),
    /// The module cannot be read.
    #[error("cannot read the initrd {path}", path = path.display())]
    ReadModule {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The module is not a regular file, or empty.
    #[error("the initrd {path} is not a regular file with content", path = .0.display())]
    NotAModule(PathBuf),
    /// The module does not fit beside the kernel.
    #[error(
        "the initrd {path} of {size_bytes} bytes does not fit between the kernel, which ends at \
         {kernel_end:#x}, and the end of low RAM at {ram_end:#x}; raise --mem",
        path = path.display()
    )]
    ModuleTooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
        /// Where the kernel ends.
        kernel_end: u64,
        /// Where low RAM ends.
        ram_end: u64,
    },
}

/// Maps the RAM of a machine.
///
/// # Errors
/// The host does not give the address space.
pub fn map(ram: &RamMap) -> Result<GuestMemory, Error> {
    let ranges: Vec<_> =
        ram.ranges().map(|range| (GuestAddress(range.start), range.size as usize)).collect();
    GuestMemory::from_ranges(&ranges).map_err(|source| Error::Map {
        size_mib: ram.ranges().map(|range| range.size).sum::<u64>() >> 20,
        source,
    })
}

/// Loads a checked kernel image: what it does not write and this program's own file has, by mapping
/// that file, all else by copying.
///
/// # Errors
/// The image and the check disagree.
pub fn load_kernel(memory: &GuestMemory, image: &KernelImage<'_>) -> Result<(), Error> {
    let own = own_file::locate(image.bytes);
    let own = own.as_ref().and_then(|place| Some((FixedFile::own(place)?, place.offset)));
    for segment in &image.segments {
        let Segment { offset, size_in_file, memory: Range { start, size }, .. } = *segment;
        let whole_pages = [start, offset].iter().all(|value| value.is_multiple_of(PAGE_SIZE));
        if let Some((file, image_offset)) = own
            && !segment.is_writable
            && whole_pages
            && size_in_file == size
            && backing::map_file(memory, segment.memory, file, image_offset + offset).is_ok()
        {
            continue;
        }
        let bytes = &image.bytes[offset as usize..(offset + size_in_file) as usize];
        memory.write_slice(bytes, GuestAddress(start))?;
    }
    Ok(())
}

/// Writes what the kernel is told: start info, memory map, command line, module list.
///
/// # Errors
/// The command line is too long.
pub fn load_boot_data(
    memory: &GuestMemory,
    ram: &RamMap,
    command_line: &[u8],
    module: Option<Range>,
) -> Result<(), Error> {
    check_command_line(command_line)?;
    let memmap: Vec<u8> = ram.memmap().flat_map(|entry| entry.to_bytes()).collect();
    memory.write_slice(&memmap, GuestAddress(MEMMAP))?;
    // The zero behind it is there: the memory is fresh.
    memory.write_slice(command_line, GuestAddress(CMDLINE))?;
    if let Some(Range { start: paddr, size }) = module {
        memory.write_slice(&ModlistEntry { paddr, size }.to_bytes(), GuestAddress(MODLIST))?;
    }
    let start_info = StartInfo {
        nr_modules: module.is_some().into(),
        modlist_paddr: if module.is_some() { MODLIST } else { 0 },
        cmdline_paddr: CMDLINE,
        memmap_paddr: MEMMAP,
        memmap_entries: ram.memmap().count() as u32,
    };
    memory.write_slice(&start_info.to_bytes(), GuestAddress(START_INFO))?;
    Ok(())
}

/// Checks that a kernel command line can be passed on.
///
/// # Errors
/// It is too long or has a zero byte.
pub fn check_command_line(command_line: &[u8]) -> Result<(), Error> {
    if command_line.len() >= CMDLINE_MAX {
        return Err(Error::CommandLineTooLong(command_line.len()));
    }
    match command_line.iter().position(|&byte| byte == 0) {
        Some(offset) => Err(Error::CommandLineZero(offset)),
        None => Ok(()),
    }
}

/// Loads a file as the kernel's module; returns where it lies.
///
/// # Errors
/// It cannot be read or does not fit.
pub fn load_module(
    memory: &GuestMemory,
    ram: &RamMap,
    path: &Path,
    kernel_end: u64,
) -> Result<Range, Error> {
    let read_error = |source| Error::ReadModule { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(read_error)?;
    let size_bytes = metadata.len();
    if !metadata.is_file() || size_bytes == 0 {
        return Err(Error::NotAModule(path.to_owned()));
    }
    let mut file = File::open(path).map_err(read_error)?;
    let place = ram.place_module(size_bytes, kernel_end, u64::MAX);
    let module = place.ok_or_else(|| Error::ModuleTooLarge {
        path: path.to_owned(),
        size_bytes,
        kernel_end,
        ram_end: ram.low.end(),
    })?;
    memory.read_exact_volatile_from(GuestAddress(module.start), &mut file, module.size as usize)?;
    Ok(module)
}

/// Tells the kernel, in its block at `address`, that there is the console port.
///
/// # Errors
/// The address is outside of guest memory.
pub fn offer_console_port(memory: &GuestMemory, address: u64) -> Result<(), Error> {
    let is_served = GuestAddress(address + Block::IS_SERVED_OFFSET);
    Ok(memory.write_slice(&1_u32.to_le_bytes(), is_served)?)
}

/// Reads the kernel's record at `address`.
///
/// # Errors
/// The address is outside of guest memory.
pub fn read_record(memory: &GuestMemory, address: u64) -> Result<Record, Error> {
    let mut bytes = [0; Record::SIZE];
    memory.read_slice(&mut bytes, GuestAddress(address))?;
    Ok(Record::parse(&bytes))
}
