// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Kernel images: reads an ELF file's headers and notes and says what is wrong with it.
//!
//! Everything the loader will rely on is checked here, before a machine exists, so that each fault
//! has its own message. Follows the System V ABI's ELF-64 object format, and for the notes Xen's
//! `elfnote.h`: the 32-bit entry is the descriptor of note "Xen" of type 18, of 4 or 8 bytes.

mod error;

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use seed_protocols::console_output::{self, NOTE_CONSOLE_BLOCK};
use seed_protocols::early_memory::NOTE_EARLY_MEMORY;
use seed_protocols::machine::KERNEL_LOAD_MIN;
use seed_protocols::{pvh, record};

pub use error::Error;

use crate::engine::KernelSource;
use crate::layout::{PAGE_SIZE, RamMap, Range};

/// The kernel in this program. It starts at a page, so that its pages can be mapped.
pub static EMBEDDED: &[u8] =
    &PageAligned(*include_bytes!(concat!(env!("OUT_DIR"), "/kernel.elf"))).0;

#[repr(align(4096))]
struct PageAligned<T>(T);

/// What messages and the report call the embedded kernel.
pub const EMBEDDED_NAME: &str = "embedded kernel";

/// Largest image in bytes that is read.
const IMAGE_MAX: u64 = 1 << 30;

/// Most program headers that are looked at; more is no kernel.
const SEGMENTS_MAX: u16 = 64;

/// A kernel image that has been found fit to load.
#[derive(Debug)]
pub struct KernelImage<'a> {
    /// The bytes of the file.
    pub bytes: &'a [u8],
    /// 32-bit physical address of the PVH entry.
    pub entry: u32,
    /// Physical address of the kernel's record, if the kernel has one.
    pub record: Option<u64>,
    /// First physical address behind the image.
    pub end: u64,
    /// Where the RAM begins that the kernel does not use before it asks for it, if it says so.
    pub early_memory_end: Option<u64>,
    /// Physical address of what the kernel hands console output over with, if it can.
    pub console_block: Option<u64>,
    /// What is loaded.
    pub segments: Vec<Segment>,
}

/// A segment that is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Where it lies in the file.
    pub offset: u64,
    /// How much of it the file has; the rest is zero.
    pub size_in_file: u64,
    /// Physical address and size in memory.
    pub memory: Range,
    /// Whether the kernel says that it writes there.
    pub is_writable: bool,
}

/// The bytes of a kernel.
///
/// # Errors
/// The file cannot be read.
pub fn read(source: &KernelSource) -> Result<Cow<'static, [u8]>, Error> {
    match source {
        KernelSource::Embedded => Ok(Cow::Borrowed(EMBEDDED)),
        KernelSource::Path(path) => read_file(path).map(Cow::Owned),
    }
}

/// What messages call a kernel.
#[must_use]
pub fn name(source: &KernelSource) -> Cow<'_, str> {
    match source {
        KernelSource::Embedded => Cow::Borrowed(EMBEDDED_NAME),
        KernelSource::Path(path) => path.to_string_lossy(),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    // The type is asked for first: to open a FIFO would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(Error::Read)?;
    if !metadata.is_file() || metadata.len() > IMAGE_MAX {
        return Err(Error::NotAFile);
    }
    let mut file = File::open(path).map_err(Error::Read)?.take(IMAGE_MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.read_to_end(&mut bytes).map_err(Error::Read)?;
    Ok(bytes)
}

impl<'a> KernelImage<'a> {
    /// Checks `bytes` for a machine whose RAM lies as `ram` says.
    ///
    /// # Errors
    /// The machine cannot start the image; see [`Error`].
    pub fn parse(bytes: &'a [u8], ram: &RamMap) -> Result<Self, Error> {
        let file = Bytes(bytes);
        let headers = program_headers(file)?;
        // Notes first: a file that is no kernel at all lacks the note, whatever else it lacks.
        let mut notes = Notes::default();
        for header in headers.iter().filter(|header| header.kind == PT_NOTE) {
            notes.read(file, &header.segment)?;
        }
        let entry = notes.entry.ok_or(Error::NoPvhNote)?;
        let mut segments = Vec::new();
        for header in headers.iter().filter(|header| header.is_loadable()) {
            check_segment(&header.segment, file, ram, &segments)?;
            segments.push(header.segment);
        }
        let ranges = segments.iter().map(|segment| segment.memory);
        let end = ranges.clone().map(Range::end).max().ok_or(Error::NoSegments)?;
        let is_loaded = |range| ranges.clone().any(|segment| segment.contains(range));
        let entry_32 = u32::try_from(entry).map_err(|_| Error::EntryTooHigh(entry))?;
        if !is_loaded(Range { start: entry, size: 1 }) {
            return Err(Error::EntryOutside(entry));
        }
        if let Some(start) = notes.record {
            let size = record::Record::SIZE as u64;
            if !is_loaded(Range { start, size }) {
                return Err(Error::BadRecordNote);
            }
        }
        let early_memory_end = notes.early_memory_end.filter(|&early| early >= end);
        let size = console_output::Block::SIZE as u64;
        let console_block = notes.console_block.filter(|&start| is_loaded(Range { start, size }));
        let (entry, record) = (entry_32, notes.record);
        Ok(Self { bytes, entry, record, end, early_memory_end, console_block, segments })
    }
}

const EI_CLASS: usize = 4;
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;
const EI_DATA: usize = 5;
const LITTLE_ENDIAN: u8 = 1;
const EI_VERSION: usize = 6;
const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const HEADER_SIZE: u64 = 64;
const PROGRAM_HEADER_SIZE: u16 = 56;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const PF_W: u32 = 1 << 1;
const NOTE_HEADER_SIZE: u64 = 12;
const NOTE_ALIGN: u64 = 4;

/// The fields of a program header that count for a kernel.
struct ProgramHeader {
    kind: u32,
    segment: Segment,
}

impl ProgramHeader {
    const fn is_loadable(&self) -> bool {
        let Segment { memory, size_in_file, .. } = self.segment;
        self.kind == PT_LOAD && (memory.size > 0 || size_in_file > 0)
    }
}

fn program_headers(file: Bytes<'_>) -> Result<Vec<ProgramHeader>, Error> {
    check_ident(file)?;
    file.check("ELF header", 0, HEADER_SIZE)?;
    let kind = file.u16(16);
    if kind != ET_EXEC && kind != ET_DYN {
        return Err(Error::NotExecutable(kind));
    }
    let (offset, size, count) = (file.u64(32), file.u16(54), file.u16(56));
    if size != PROGRAM_HEADER_SIZE || offset < HEADER_SIZE || !(1..=SEGMENTS_MAX).contains(&count) {
        return Err(Error::BadProgramHeaders { count, size, offset });
    }
    file.check("program headers", offset, u64::from(size) * u64::from(count))?;
    let read = |index| {
        let at = offset + index * u64::from(PROGRAM_HEADER_SIZE);
        let segment = Segment {
            offset: file.u64(at + 8),
            size_in_file: file.u64(at + 32),
            memory: Range { start: file.u64(at + 24), size: file.u64(at + 40) },
            is_writable: file.u32(at + 4) & PF_W != 0,
        };
        ProgramHeader { kind: file.u32(at), segment }
    };
    Ok((0..u64::from(count)).map(read).collect())
}

fn check_ident(file: Bytes<'_>) -> Result<(), Error> {
    if !file.0.starts_with(b"\x7fELF") {
        return Err(Error::NotElf);
    }
    file.check("ELF header", 0, 20)?;
    match file.0[EI_CLASS] {
        CLASS_64 => {}
        CLASS_32 => return Err(Error::Elf32),
        _ => return Err(Error::BadIdent),
    }
    if file.0[EI_DATA] != LITTLE_ENDIAN || file.0[EI_VERSION] != 1 {
        return Err(Error::BadIdent);
    }
    match file.u16(18) {
        EM_X86_64 => Ok(()),
        machine => Err(Error::WrongMachine(machine)),
    }
}

fn check_segment(
    segment: &Segment,
    file: Bytes<'_>,
    ram: &RamMap,
    earlier: &[Segment],
) -> Result<(), Error> {
    let Segment { size_in_file, memory: Range { start, size }, .. } = *segment;
    file.check("loadable segment", segment.offset, size_in_file)?;
    if size_in_file > size {
        return Err(Error::BadSegmentSize { start, in_file: size_in_file, in_memory: size });
    }
    if start < KERNEL_LOAD_MIN {
        return Err(Error::SegmentTooLow(start));
    }
    if !ram.ranges().any(|range| range.contains(segment.memory)) {
        let (end, ram_end) = (segment.memory.end(), ram.low.end());
        return Err(Error::SegmentOutsideRam { start, end, ram_end });
    }
    match earlier.iter().find(|other| other.memory.overlaps(segment.memory)) {
        Some(other) => Err(Error::SegmentsOverlap(other.memory.start, start)),
        None => Ok(()),
    }
}

/// What the notes tell.
#[derive(Default)]
struct Notes {
    entry: Option<u64>,
    record: Option<u64>,
    early_memory_end: Option<u64>,
    console_block: Option<u64>,
}

impl Notes {
    /// Reads one PT_NOTE segment: header, name, descriptor, each padded to 4.
    fn read(&mut self, file: Bytes<'_>, segment: &Segment) -> Result<(), Error> {
        file.check("note segment", segment.offset, segment.size_in_file)?;
        let end = segment.offset + segment.size_in_file;
        let mut at = segment.offset;
        while at + NOTE_HEADER_SIZE <= end {
            let (name_size, size) = (u64::from(file.u32(at)), u64::from(file.u32(at + 4)));
            let name_at = at + NOTE_HEADER_SIZE;
            let data_at = name_at + name_size.next_multiple_of(NOTE_ALIGN);
            if data_at + size > end {
                return Err(Error::BadNote(at));
            }
            let name = file.slice(name_at, name_size);
            match (name, file.u32(at + 8)) {
                (name, pvh::NOTE_PHYS32_ENTRY) if name == pvh::NOTE_NAME => {
                    self.entry = Some(match size {
                        4 => file.u32(data_at).into(),
                        8 => file.u64(data_at),
                        _ => return Err(Error::BadPvhNote(size)),
                    });
                }
                (name, record::NOTE_RECORD) if name == record::NOTE_NAME => {
                    self.record = match size {
                        8 => Some(file.u64(data_at)),
                        _ => return Err(Error::BadRecordNote),
                    };
                }
                (name, NOTE_EARLY_MEMORY) if name == record::NOTE_NAME && size == 8 => {
                    let early = file.u64(data_at);
                    self.early_memory_end = early.is_multiple_of(PAGE_SIZE).then_some(early);
                }
                (name, NOTE_CONSOLE_BLOCK) if name == record::NOTE_NAME && size == 8 => {
                    self.console_block = Some(file.u64(data_at));
                }
                _ => {}
            }
            at = data_at + size.next_multiple_of(NOTE_ALIGN);
        }
        Ok(())
    }
}

/// The file, read by offset. Offsets must have been found inside by [`Bytes::check`] before.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn check(self, what: &'static str, offset: u64, size: u64) -> Result<(), Error> {
        let length = self.0.len() as u64;
        let end = offset.saturating_add(size);
        if end <= length { Ok(()) } else { Err(Error::Truncated { what, end, length }) }
    }

    fn slice(self, offset: u64, size: u64) -> &'a [u8] {
        &self.0[offset as usize..(offset + size) as usize]
    }

    fn array<const N: usize>(self, offset: u64) -> [u8; N] {
        let bytes = self.slice(offset, N as u64);
        std::array::from_fn(|index| bytes[index])
    }

    fn u16(self, offset: u64) -> u16 {
        u16::from_le_bytes(self.array(offset))
    }

    fn u32(self, offset: u64) -> u32 {
        u32::from_le_bytes(self.array(offset))
    }

    fn u64(self, offset: u64) -> u64 {
        u64::from_le_bytes(self.array(offset))
    }
}

#[cfg(test)]
mod tests;
