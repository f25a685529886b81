// SPDX-License-Identifier: Apache-2.0 OR MIT

//! File descriptors and the open files behind them.
//!
//! A descriptor is a number of one process; the open file that it names has the position and the
//! status flags, and may be shared by several descriptors and processes.

use super::pipe::Pipe;
use super::waiters::Waiters;
use crate::errno::Errno;
use crate::fs::{Cursor, FileSystem, InodeId};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// Descriptors that a process may have: `RLIMIT_NOFILE`.
pub const NOFILE_MAX: usize = 1024;

/// What an open file leads to.
#[derive(Clone, Debug)]
pub enum Target {
    /// Something in the tree.
    Inode(InodeId),
    /// The console, as a process is born with it.
    Console,
    /// The reading side of a pipe.
    PipeReader(Rc<Pipe>),
    /// The writing side of a pipe.
    PipeWriter(Rc<Pipe>),
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
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    table: Vec<Option<Descriptor>>,
}

impl Descriptors {
    /// Descriptors 0, 1 and 2 on the console.
    #[must_use]
    pub fn on_console() -> Self {
        const O_RDWR: u32 = 2;
        let file = Rc::new(OpenFile::new(Target::Console, O_RDWR));
        let descriptor = Descriptor { file, close_on_exec: false };
        let table =
            alloc::vec![Some(descriptor.clone()), Some(descriptor.clone()), Some(descriptor)];
        Self { table }
    }

    /// The open file behind a descriptor.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn file(&self, fd: u64) -> Result<&Rc<OpenFile>, Errno> {
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
        if min >= NOFILE_MAX as u64 {
            return Err(Errno::EINVAL);
        }
        let free = (index(min)..NOFILE_MAX)
            .find(|&fd| self.table.get(fd).is_none_or(Option::is_none))
            .ok_or(Errno::EMFILE)?;
        self.put(free, Some(descriptor));
        Ok(free as u64)
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
        if fd >= NOFILE_MAX as u64 {
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
    pub fn release(self, fs: &mut FileSystem) -> Option<Waiters> {
        let file = Rc::into_inner(self.file)?;
        let (pipe, side) = match file.target {
            Target::Inode(inode) => {
                fs.close(inode);
                return None;
            }
            Target::Console => return None,
            Target::PipeReader(ref pipe) => (pipe, &pipe.readers),
            Target::PipeWriter(ref pipe) => (pipe, &pipe.writers),
        };
        side.set(side.get() - 1);
        Some(pipe.waiters.take())
    }
}

/// A number as an index; one that is too large for any table stays too large.
fn index(fd: u64) -> usize {
    usize::try_from(fd).unwrap_or(usize::MAX)
}
