// SPDX-License-Identifier: Apache-2.0 OR MIT

//! File descriptors and the open files behind them.
//!
//! A descriptor is a number of one process; the open file that it names has the position and the
//! status flags, and may be shared by several descriptors and processes.

pub use super::target::Target;
use crate::errno::Errno;
use crate::fs::{Cursor, FileSystem};
use crate::kernel::Kernel;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// Descriptors that a process may have, at most.
pub const NOFILE_MAX: usize = 1024;

/// Access mode and status flags of an open file, as in `open(2)`.
pub const O_ACCMODE: u32 = 0o3;
/// Reading alone.
pub const O_RDONLY: u32 = 0o0;
/// Writing alone.
pub const O_WRONLY: u32 = 0o1;
/// Both.
pub const O_RDWR: u32 = 0o2;
/// Writing at the end.
pub const O_APPEND: u32 = 0o2000;
/// No waiting.
pub const O_NONBLOCK: u32 = 0o4000;
/// A place in the tree: neither read nor written.
pub const O_PATH: u32 = 0o10_000_000;

/// Whether calls wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocking {
    /// They do.
    Yes,
    /// They fail instead: `O_NONBLOCK`.
    No,
}

/// An open file.
#[derive(Debug)]
pub struct OpenFile {
    /// What it leads to.
    pub target: Target,
    /// Position in bytes.
    pub offset: Cell<u64>,
    /// Access mode and status flags, as in `open(2)`.
    pub flags: Cell<u32>,
    /// Position in a directory.
    pub cursor: RefCell<Cursor>,
}

impl OpenFile {
    /// An open file at position 0. Its inode has been opened for it.
    #[must_use]
    pub fn new(target: Target, flags: u32) -> Self {
        Self {
            target,
            offset: Cell::new(0),
            flags: Cell::new(flags),
            cursor: RefCell::new(Cursor::default()),
        }
    }

    /// Whether calls on it wait.
    #[must_use]
    pub fn blocking(&self) -> Blocking {
        if self.flags.get() & O_NONBLOCK == 0 { Blocking::Yes } else { Blocking::No }
    }

    /// Whether it may be read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        matches!(self.flags.get() & O_ACCMODE, O_RDONLY | O_RDWR)
    }

    /// Whether it may be written.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        matches!(self.flags.get() & O_ACCMODE, O_WRONLY | O_RDWR)
    }
}

/// A descriptor.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// The open file.
    pub file: Rc<OpenFile>,
    /// Whether `execve` closes it.
    pub close_on_exec: bool,
}

/// The descriptors of a process.
#[derive(Clone, Debug)]
pub struct Descriptors {
    table: Vec<Option<Descriptor>>,
    /// What numbers are below, at most [`NOFILE_MAX`].
    limit: usize,
}

impl Descriptors {
    /// Descriptors 0, 1 and 2 on the console.
    #[must_use]
    pub fn on_console(console: Target) -> Self {
        let file = Rc::new(OpenFile::new(console, O_RDWR));
        let descriptor = Descriptor { file, close_on_exec: false };
        let table =
            alloc::vec![Some(descriptor.clone()), Some(descriptor.clone()), Some(descriptor)];
        Self { table, limit: NOFILE_MAX }
    }

    /// Limits the numbers that are given out from now on: `RLIMIT_NOFILE`.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = usize::try_from(limit).unwrap_or(NOFILE_MAX).min(NOFILE_MAX);
    }

    /// What numbers that are given out are below.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The open file behind a descriptor, to do something with.
    ///
    /// # Errors
    /// `EBADF`, also for a mere place.
    #[inline]
    pub fn file(&self, fd: u64) -> Result<&Rc<OpenFile>, Errno> {
        let file = self.file_or_place(fd)?;
        if file.flags.get() & O_PATH == 0 { Ok(file) } else { Err(Errno::EBADF) }
    }

    /// The open file or the place behind a descriptor, to name it.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn file_or_place(&self, fd: u64) -> Result<&Rc<OpenFile>, Errno> {
        self.descriptor(fd).map(|descriptor| &descriptor.file)
    }

    /// A descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn descriptor(&self, fd: u64) -> Result<&Descriptor, Errno> {
        self.table.get(index(fd)).and_then(Option::as_ref).ok_or(Errno::EBADF)
    }

    /// A descriptor, to be changed.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn descriptor_mut(&mut self, fd: u64) -> Result<&mut Descriptor, Errno> {
        self.table.get_mut(index(fd)).and_then(Option::as_mut).ok_or(Errno::EBADF)
    }

    /// Takes the lowest free number that is at least `min`.
    ///
    /// # Errors
    /// `EMFILE`: there is none. `EINVAL`: `min` is no possible number.
    pub fn insert(&mut self, descriptor: Descriptor, min: u64) -> Result<u64, Errno> {
        if min >= self.limit as u64 {
            return Err(Errno::EINVAL);
        }
        let free = self.free(index(min))?;
        self.put(free, Some(descriptor));
        Ok(free as u64)
    }

    /// The lowest free number that is at least `min`.
    fn free(&self, min: usize) -> Result<usize, Errno> {
        (min..self.limit)
            .find(|&fd| self.table.get(fd).is_none_or(Option::is_none))
            .ok_or(Errno::EMFILE)
    }

    /// Checks that a number is left, for what must not be done in vain.
    ///
    /// # Errors
    /// `EMFILE`.
    pub fn check_is_one_free(&self) -> Result<(), Errno> {
        if self.table.len() < self.limit { Ok(()) } else { self.free(0).map(drop) }
    }

    /// Takes all descriptors away.
    pub fn take_all(&mut self) -> impl Iterator<Item = Descriptor> + use<> {
        core::mem::take(&mut self.table).into_iter().flatten()
    }

    /// Takes away what `execve` closes.
    pub fn take_closed_on_exec(&mut self) -> Vec<Descriptor> {
        let closed =
            |slot: &mut Option<Descriptor>| slot.take_if(|descriptor| descriptor.close_on_exec);
        self.table.iter_mut().filter_map(closed).collect()
    }

    /// Numbers that Linux's table would have room for, which grows from 64 by doubling.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.len().next_power_of_two().max(64)
    }

    /// The open files, once for each number.
    pub fn files(&self) -> impl Iterator<Item = &OpenFile> {
        self.table.iter().flatten().map(|descriptor| &*descriptor.file)
    }

    /// The numbers in use, in order.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        (0..).zip(&self.table).filter(|(_, slot)| slot.is_some()).map(|(fd, _)| fd)
    }

    /// Makes `fd` this descriptor; returns what it was before.
    ///
    /// # Errors
    /// `EBADF`: no possible number.
    pub fn replace(
        &mut self,
        fd: u64,
        descriptor: Descriptor,
    ) -> Result<Option<Descriptor>, Errno> {
        if fd >= self.limit as u64 {
            return Err(Errno::EBADF);
        }
        Ok(self.put(index(fd), Some(descriptor)))
    }

    /// Takes a descriptor away, to be released.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn remove(&mut self, fd: u64) -> Result<Descriptor, Errno> {
        self.table.get_mut(index(fd)).and_then(Option::take).ok_or(Errno::EBADF)
    }

    fn put(&mut self, fd: usize, descriptor: Option<Descriptor>) -> Option<Descriptor> {
        if fd >= self.table.len() {
            self.table.resize(fd + 1, None);
        }
        core::mem::replace(&mut self.table[fd], descriptor)
    }
}

impl Descriptor {
    /// Gives up a descriptor. With the last one of an open file what is behind it is let go; those
    /// who wait for that are returned.
    pub fn release(self, fs: &mut FileSystem) -> Vec<u32> {
        Rc::into_inner(self.file).map_or_else(Vec::new, |file| file.target.close(fs))
    }
}

impl Kernel {
    /// The open file behind a descriptor of the running process, to do something with.
    ///
    /// # Errors
    /// As for [`Descriptors::file`].
    #[inline(never)]
    pub fn file(&self, fd: u64) -> Result<Rc<OpenFile>, Errno> {
        self.process.descriptors.file(fd).cloned()
    }
}

/// A number as an index. Linux looks at the low 32 bits.
const fn index(fd: u64) -> usize {
    (fd & 0xffff_ffff) as usize
}
