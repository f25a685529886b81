// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Loading a program: a fresh address space with its segments, its heap and its stack.
//!
//! Nothing is read but the headers. Segments are private mappings of the file, whose pages come in
//! when they are touched; only the tail of a segment that goes on as zeros is copied.

use super::elf::{ElfError, Executable, Segment};
use super::limits::STACK_DEFAULT;
pub use super::stack::Strings;
use super::stack::{self, STACK_TOP};
use crate::arch::{
    layout::PAGE_SIZE,
    paging::{FaultAccess, PageTables},
    trap::Registers,
};
use crate::errno::Errno;
use crate::fs::{FileSystem, Follow, InodeId, Kind};
use crate::init;
use crate::mm::address::UserAddr;
use crate::mm::space::{Access, AddressSpace, Area, Backing};
use crate::mm::transfer;
use crate::mm::user::{Ranges, UserMemory};
use crate::shown::Shown;
use alloc::vec::Vec;
use core::fmt;

/// Permission bits, one of which makes a file executable.
const EXECUTABLE_BITS: u16 = 0o111;

/// Scripts that are the interpreters of scripts, at most.
const SCRIPT_DEPTH_MAX: u32 = 5;

/// Bytes of a script's first line that are looked at, as on Linux.
const SCRIPT_LINE_MAX: usize = 256;

/// Why a program cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecError {
    /// Its path leads nowhere.
    Path(Errno),
    /// It is no regular file.
    NotRegular,
    /// Its mode has no execute bit.
    NotExecutable,
    /// Somebody has it open to be written.
    Written,
    /// It is no executable that can run here.
    Elf(ElfError),
    /// The interpreter at this path, which its first line names, cannot be had.
    Interpreter(Vec<u8>, Errno),
    /// Its arguments are too large, or memory ran out.
    Setup(Errno),
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(Errno::ENOENT) => write!(f, "not there"),
            Self::Path(errno) => write!(f, "cannot be reached ({errno:?})"),
            Self::NotRegular => write!(f, "not a regular file"),
            Self::NotExecutable => write!(f, "its mode has no execute permission"),
            Self::Written => write!(f, "open to be written"),
            Self::Elf(error) => error.fmt(f),
            Self::Interpreter(path, errno) => {
                let path = Shown(path);
                match errno {
                    Errno::ENOENT => write!(f, "its interpreter {path} is not there"),
                    errno => write!(f, "its interpreter {path} cannot be used ({errno:?})"),
                }
            }
            Self::Setup(Errno::E2BIG) => write!(f, "arguments and environment are too large"),
            Self::Setup(errno) => write!(f, "its memory cannot be set up ({errno:?})"),
        }
    }
}

impl ExecError {
    /// What `execve` returns for it.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Self::Path(errno) | Self::Interpreter(_, errno) | Self::Setup(errno) => *errno,
            Self::NotRegular | Self::NotExecutable => Errno::EACCES,
            Self::Written => Errno::ETXTBSY,
            Self::Elf(error) => error.errno(),
        }
    }
}

/// A program that is ready to run.
#[derive(Debug)]
pub struct Loaded {
    /// Its memory.
    pub space: AddressSpace,
    /// Where it starts.
    pub start: Start,
}

/// Where a program starts.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    entry: UserAddr,
    stack: UserAddr,
}

impl Start {
    /// The registers at the first instruction: made where they are needed, as they are large.
    #[must_use]
    #[inline]
    pub fn registers(self) -> Registers {
        Registers::at_start(self.entry, self.stack)
    }
}

/// Finds the program at a path.
///
/// # Errors
/// [`ExecError::Path`].
pub fn find(fs: &mut FileSystem, start: InodeId, path: &[u8]) -> Result<InodeId, ExecError> {
    fs.resolve(start, path, Follow::Last).map_err(ExecError::Path)
}

/// Checks that a file may be executed.
///
/// # Errors
/// It is none that may.
pub fn check(fs: &FileSystem, inode: InodeId) -> Result<(), ExecError> {
    if fs.kind(inode) != Kind::Regular {
        return Err(ExecError::NotRegular);
    }
    if fs.permissions(inode) & EXECUTABLE_BITS == 0 {
        return Err(ExecError::NotExecutable);
    }
    Ok(())
}

/// How programs are loaded.
pub struct Loader<'a> {
    /// The working directory, from which interpreters are looked for.
    pub cwd: InodeId,
    /// The limit of the stack.
    pub stack_limit: u64,
    /// Says whether a file may be executed.
    pub check: &'a dyn Fn(&FileSystem, InodeId) -> Result<(), ExecError>,
}

impl Loader<'_> {
    /// Loads a program, or the interpreter that it names as a script; returns which file that is
    /// and its path as well. `depth` is 0 for what is no interpreter.
    ///
    /// # Errors
    /// See [`ExecError`].
    pub fn load(
        &self,
        fs: &mut FileSystem,
        (inode, path): (InodeId, &[u8]),
        strings: &Strings<'_>,
        depth: u32,
    ) -> Result<(Loaded, InodeId, Vec<u8>), ExecError> {
        (self.check)(fs, inode)?;
        let error = match load(fs, inode, strings, self.stack_limit) {
            Ok(loaded) => return Ok((loaded, inode, path.to_vec())),
            Err(error) => error,
        };
        let line = match &error {
            ExecError::Elf(_) => script_line(fs, inode).ok_or(error)?,
            _ => return Err(error),
        };
        let (interpreter, arguments) = interpret(&line, path, strings.arguments);
        let unusable = |errno| ExecError::Interpreter(interpreter.to_vec(), errno);
        if depth == SCRIPT_DEPTH_MAX {
            return Err(unusable(Errno::ELOOP));
        }
        let inode = find(fs, self.cwd, interpreter).map_err(|error| unusable(error.errno()))?;
        let strings = Strings { arguments: &arguments, ..*strings };
        self.load(fs, (inode, interpreter), &strings, depth + 1)
    }
}

/// Loads the program in a file that was found.
fn load(
    fs: &mut FileSystem,
    inode: InodeId,
    strings: &Strings<'_>,
    stack_limit: u64,
) -> Result<Loaded, ExecError> {
    let executable = Executable::read(fs, inode).map_err(ExecError::Elf)?;
    let tables = PageTables::new(init::table_pattern());
    let tables = tables.map_err(|_| ExecError::Setup(Errno::ENOMEM))?;
    let mut space = AddressSpace::new(tables);
    let mut memory = UserMemory { space: &mut space, fs };
    match map_all(&mut memory, inode, &executable, strings) {
        Ok(stack) => {
            bring_in(&mut memory, &executable);
            space.set_stack_limit(stack_limit);
            let entry = UserAddr(executable.entry);
            Ok(Loaded { space, start: Start { entry, stack } })
        }
        Err(errno) => {
            space.free(fs);
            Err(ExecError::Setup(errno))
        }
    }
}

/// The first line of a file that starts with `#!`, without these two and without its end. None if it
/// names no interpreter, or if the name may go on behind what is looked at.
fn script_line(fs: &FileSystem, inode: InodeId) -> Option<Vec<u8>> {
    let mut bytes = [0; SCRIPT_LINE_MAX];
    fs.read_bytes(inode, 0, &mut bytes).ok()?;
    let line = bytes.strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| matches!(byte, b'\n' | 0));
    let line = trim_blanks(&line[..end.unwrap_or(line.len() - 1)]);
    let is_whole = end.is_some() || line.iter().any(is_blank);
    (is_whole && !line.is_empty()).then(|| line.to_vec())
}

/// What parts words of such a line: nothing else does, not even a carriage return.
fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let is_word = |byte| !is_blank(byte);
    let start = line.iter().position(is_word).unwrap_or(line.len());
    let end = line.iter().rposition(is_word).map_or(start, |last| last + 1);
    &line[start..end]
}

/// The interpreter that the line of the script at `path` names, and the arguments it gets: its name,
/// one argument of the line, blanks and all, the script, and the script's own.
fn interpret<'a>(
    line: &'a [u8],
    path: &'a [u8],
    arguments: &[&'a [u8]],
) -> (&'a [u8], Vec<&'a [u8]>) {
    let (interpreter, argument) = match line.iter().position(is_blank) {
        Some(end) => (&line[..end], Some(trim_blanks(&line[end..]))),
        None => (line, None),
    };
    let mut all = Vec::from([interpreter]);
    all.extend(argument);
    all.push(path);
    all.extend(arguments.iter().skip(1));
    (interpreter, all)
}

/// Brings in what the program needs almost at once, as a trap costs more: the page of its first
/// instruction, and the first pages of code and constants. Where that fails, the program faults.
fn bring_in(memory: &mut UserMemory<'_>, executable: &Executable) {
    let entry = UserAddr(executable.entry);
    let _ = memory.page(entry, FaultAccess::Execute);
    for segment in executable.segments.iter().filter(|segment| !segment.write) {
        let _ = memory.page(UserAddr(segment.address), FaultAccess::Read);
    }
}

fn map_all(
    memory: &mut UserMemory<'_>,
    inode: InodeId,
    executable: &Executable,
    strings: &Strings<'_>,
) -> Result<UserAddr, Errno> {
    let mut end = 0;
    for segment in &executable.segments {
        map_segment(memory, inode, segment)?;
        end = segment.address + segment.memory_size;
    }
    memory.space.set_brk_start(end.next_multiple_of(PAGE_SIZE));
    let start = STACK_TOP - PAGE_SIZE;
    let stack = Area::private(start, STACK_TOP, Access::READ_WRITE, Backing::Anonymous);
    memory.space.map(memory.fs, Area { grows_down: true, ..stack })?;
    // What a program starts with fits whatever its limit.
    memory.space.set_stack_limit(STACK_DEFAULT);
    stack::build(memory, executable, strings)
}

/// Maps one segment: the file's whole pages, then the page that the file's bytes and zeros share,
/// then zeros.
fn map_segment(
    memory: &mut UserMemory<'_>,
    inode: InodeId,
    segment: &Segment,
) -> Result<(), Errno> {
    let page_down = |address: u64| address & !(PAGE_SIZE - 1);
    let access = Access { read: segment.read, write: segment.write, execute: segment.execute };
    let (start, end) = (segment.address, segment.address + segment.memory_size);
    let file_end = start + segment.file_size;
    let has_zeros = segment.memory_size > segment.file_size;
    let mapped_end =
        if has_zeros { page_down(file_end) } else { file_end.next_multiple_of(PAGE_SIZE) };
    if page_down(start) < mapped_end {
        memory.fs.open(inode);
        let backing = Backing::File { inode, offset: page_down(segment.offset) };
        map_area(memory, page_down(start), mapped_end, access, backing)?;
    }
    if has_zeros {
        let zeros_start = mapped_end.max(page_down(start));
        let area_end = end.next_multiple_of(PAGE_SIZE);
        map_area(memory, zeros_start, area_end, Access::READ_WRITE, Backing::Anonymous)?;
        copy_tail(memory, inode, segment, zeros_start, file_end)?;
        if access != Access::READ_WRITE {
            memory.space.protect(memory.fs, zeros_start, area_end, access)?;
        }
    }
    Ok(())
}

fn map_area(
    memory: &mut UserMemory<'_>,
    start: u64,
    end: u64,
    access: Access,
    backing: Backing,
) -> Result<(), Errno> {
    memory.space.map(memory.fs, Area::private(start, end, access, backing))
}

/// Copies the file's bytes from `page`, on which its zeros begin, up to `file_end`. What the file
/// has before the segment on that page comes along, as on Linux.
fn copy_tail(
    memory: &mut UserMemory<'_>,
    inode: InodeId,
    segment: &Segment,
    page: u64,
    file_end: u64,
) -> Result<(), Errno> {
    let Some(length) = file_end.checked_sub(page).filter(|&length| length > 0) else {
        return Ok(());
    };
    let offset = (segment.offset + page).wrapping_sub(segment.address);
    let mut ranges = Ranges::new();
    memory.collect(UserAddr(page), length, FaultAccess::Write, &mut ranges)?;
    transfer::read(memory.fs.segments(inode, offset, length)?, &ranges);
    Ok(())
}
