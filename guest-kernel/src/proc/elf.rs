// SPDX-License-Identifier: Apache-2.0 OR MIT

//! ELF executables: their headers, read and checked.
//!
//! Follows the System V ABI (generic chapters 4 and 5, x86-64 supplement chapter 5).

use crate::arch::layout::{PAGE_SIZE, USER_END, USER_START};
use crate::errno::Errno;
use crate::fs::{FileSystem, InodeId};
use crate::mm::address::PhysAddr;
use crate::mm::frames::frames;
use crate::shown::Shown;
use alloc::vec::Vec;
use core::fmt;

/// First bytes of every ELF file.
const MAGIC: [u8; 4] = *b"\x7fELF";

const HEADER_SIZE: usize = 64;
const PROGRAM_HEADER_SIZE: usize = 56;

/// Program headers that an executable may have; Linux takes a page full.
const PROGRAM_HEADERS_MAX: u16 = 73;

const CLASS_64: u8 = 2;
const DATA_LITTLE_ENDIAN: u8 = 1;
const TYPE_EXECUTABLE: u16 = 2;
const TYPE_SHARED: u16 = 3;
const MACHINE_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PF_X: u32 = 1 << 0;
const PF_W: u32 = 1 << 1;
const PF_R: u32 = 1 << 2;

/// Where position-independent executables go, as on Linux without ASLR.
const SHARED_BASE: u64 = 0x5555_5555_4000;

/// Why a file cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// It does not start as an ELF file does.
    NotElf,
    /// It is shorter than its headers.
    Truncated,
    /// It is for 32-bit or for big-endian machines.
    WrongClass,
    /// It is for another machine; its `e_machine`.
    WrongMachine(u16),
    /// It is neither executable nor position-independent; its `e_type`.
    WrongType(u16),
    /// It asks for a program interpreter, by this path.
    Interpreter(Vec<u8>),
    /// A program header makes no sense; its number.
    BadSegment(u16),
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => write!(f, "not an ELF file"),
            Self::Truncated => write!(f, "the file ends before its ELF headers do"),
            Self::WrongClass => write!(f, "not a 64-bit little-endian ELF file"),
            Self::WrongMachine(machine) => {
                write!(f, "for machine {machine}, not for x86-64 ({MACHINE_X86_64})")
            }
            Self::WrongType(kind) => write!(f, "ELF type {kind} is no executable"),
            Self::Interpreter(path) => {
                write!(f, "dynamically linked: needs {}; link it statically", Shown(path))
            }
            Self::BadSegment(number) => write!(f, "ELF program header {number} is not possible"),
        }
    }
}

impl ElfError {
    /// What `execve` returns for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Interpreter(_) => Errno::ENOENT,
            _ => Errno::ENOEXEC,
        }
    }
}

/// A loadable segment, at its final addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) memory_size: u64,
    pub(super) offset: u64,
    pub(super) file_size: u64,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) execute: bool,
}

/// What is needed to load an executable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Executable {
    pub(super) entry: u64,
    /// Address of the program headers in memory, 0 if they are not loaded.
    pub(super) headers_address: u64,
    pub(super) nr_headers: u16,
    pub(super) segments: Vec<Segment>,
}

impl Executable {
    /// Size in bytes of one program header.
    pub(super) const HEADER_ENTRY_SIZE: u64 = PROGRAM_HEADER_SIZE as u64;

    /// Reads and checks the headers of a file.
    pub(super) fn read(fs: &FileSystem, inode: InodeId) -> Result<Self, ElfError> {
        let file = File::open(fs, inode).ok_or(ElfError::NotElf)?;
        let Some(header) = file.read::<HEADER_SIZE>(0) else {
            let is_elf = file.read::<4>(0) == Some(MAGIC);
            return Err(if is_elf { ElfError::Truncated } else { ElfError::NotElf });
        };
        if !header.starts_with(&MAGIC) {
            return Err(ElfError::NotElf);
        }
        if header[4] != CLASS_64 || header[5] != DATA_LITTLE_ENDIAN {
            return Err(ElfError::WrongClass);
        }
        let machine = le16(&header, 18);
        if machine != MACHINE_X86_64 {
            return Err(ElfError::WrongMachine(machine));
        }
        let base = match le16(&header, 16) {
            TYPE_EXECUTABLE => 0,
            TYPE_SHARED => SHARED_BASE,
            other => return Err(ElfError::WrongType(other)),
        };
        let (headers_offset, nr_headers) = (le64(&header, 32), le16(&header, 56));
        if usize::from(le16(&header, 54)) != PROGRAM_HEADER_SIZE || nr_headers > PROGRAM_HEADERS_MAX
        {
            return Err(ElfError::BadSegment(0));
        }
        let mut executable = Self {
            entry: le64(&header, 24).wrapping_add(base),
            headers_address: 0,
            nr_headers,
            segments: Vec::with_capacity(4),
        };
        executable.read_segments(&file, headers_offset, base)?;
        Ok(executable)
    }

    fn read_segments(
        &mut self,
        file: &File<'_>,
        headers_offset: u64,
        base: u64,
    ) -> Result<(), ElfError> {
        for number in 0..self.nr_headers {
            let offset = headers_offset.wrapping_add(u64::from(number) * Self::HEADER_ENTRY_SIZE);
            let header = file.read::<PROGRAM_HEADER_SIZE>(offset).ok_or(ElfError::Truncated)?;
            match le32(&header, 0) {
                PT_LOAD => {
                    let segment = parse_segment(&header, base, file.size)
                        .ok_or(ElfError::BadSegment(number))?;
                    if self.segments.last().is_some_and(|last| !precedes(last, &segment)) {
                        return Err(ElfError::BadSegment(number));
                    }
                    if let Some(inside) = headers_offset.checked_sub(segment.offset)
                        && inside < segment.file_size
                    {
                        self.headers_address = segment.address + inside;
                    }
                    self.segments.push(segment);
                }
                PT_INTERP => return Err(interpreter(file, &header)),
                _ => {}
            }
        }
        if self.segments.is_empty() { Err(ElfError::BadSegment(0)) } else { Ok(()) }
    }
}

/// A file whose headers are read. They mostly lie in its first piece of memory, from which they are
/// taken with no more ado.
struct File<'a> {
    fs: &'a FileSystem,
    inode: InodeId,
    size: u64,
    /// The first piece: where it lies and how many bytes it has.
    start: PhysAddr,
    length: u64,
}

impl<'a> File<'a> {
    fn open(fs: &'a FileSystem, inode: InodeId) -> Option<Self> {
        let (start, length) = match fs.first_piece(inode).ok()? {
            (Some(start), length) => (start, length),
            (None, _) => (PhysAddr(0), 0),
        };
        Some(Self { fs, inode, size: fs.size(inode).ok()?, start, length })
    }

    /// The `N` bytes at `offset`, if the file has them all.
    #[inline]
    fn read<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        if offset.checked_add(N as u64).is_some_and(|end| end <= self.length) {
            return Some(frames().read_array(self.start.add(offset)));
        }
        let mut bytes = [0; N];
        (self.read_anywhere(offset, &mut bytes) == N).then_some(bytes)
    }

    #[cold]
    fn read_anywhere(&self, offset: u64, bytes: &mut [u8]) -> usize {
        self.fs.read_bytes(self.inode, offset, bytes).unwrap_or(0)
    }
}

#[inline]
fn parse_segment(
    header: &[u8; PROGRAM_HEADER_SIZE],
    base: u64,
    file_length: u64,
) -> Option<Segment> {
    let flags = le32(header, 4);
    let segment = Segment {
        address: le64(header, 16).checked_add(base)?,
        memory_size: le64(header, 40),
        offset: le64(header, 8),
        file_size: le64(header, 32),
        read: flags & PF_R != 0,
        write: flags & PF_W != 0,
        execute: flags & PF_X != 0,
    };
    let end = segment.address.checked_add(segment.memory_size)?;
    let file_end = segment.offset.checked_add(segment.file_size)?;
    let is_possible = segment.address >= USER_START
        && end <= USER_END - PAGE_SIZE
        && segment.file_size <= segment.memory_size
        && file_end <= file_length
        && segment.address % PAGE_SIZE == segment.offset % PAGE_SIZE;
    is_possible.then_some(segment)
}

/// Segments must ascend; they may share a page, as those of small programs do.
fn precedes(lower: &Segment, upper: &Segment) -> bool {
    lower.address + lower.memory_size <= upper.address
}

#[cold]
fn interpreter(file: &File<'_>, header: &[u8; PROGRAM_HEADER_SIZE]) -> ElfError {
    let mut path = [0; 256];
    let length = usize::try_from(le64(header, 32)).unwrap_or(usize::MAX).min(path.len());
    let read = file.read_anywhere(le64(header, 8), &mut path[..length]);
    let text = &path[..read];
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    ElfError::Interpreter(text[..end].to_vec())
}

#[inline]
fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from(le16(bytes, at)) | u32::from(le16(bytes, at + 2)) << 16
}

#[inline]
fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from(le32(bytes, at)) | u64::from(le32(bytes, at + 4)) << 32
}
