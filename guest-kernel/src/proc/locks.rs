// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Advisory locks on files: whole files (`flock(2)`) and ranges (`fcntl(2)`).
//!
//! The two kinds do not see each other. A range belongs to a process or to an open file; a whole
//! file is locked by an open file.

use super::descriptors::{Descriptor, OpenFile};
use super::shared::Shared;
use super::target::Identity;
use super::waiters::Waiters;
use crate::errno::Errno;
use crate::kernel::Kernel;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;

/// Who holds a lock.
#[derive(Clone, Debug)]
pub enum Owner {
    /// A process: it loses the lock when it closes any descriptor of the file.
    Process(u32),
    /// An open file: the lock lasts as long.
    File(Weak<OpenFile>),
}

impl Owner {
    /// The open file as an owner.
    #[must_use]
    pub fn file(file: &Rc<OpenFile>) -> Self {
        Self::File(Rc::downgrade(file))
    }
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Process(one), Self::Process(other)) => one == other,
            (Self::File(one), Self::File(other)) => one.ptr_eq(other),
            _ => false,
        }
    }
}

/// Which call a lock comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// `flock`.
    WholeFile,
    /// `fcntl`.
    Range,
}

/// What a lock keeps others from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Exclusive locks.
    Shared,
    /// All locks.
    Exclusive,
}

/// A lock, held or wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// Where it comes from.
    pub kind: LockKind,
    /// The file.
    pub file: Identity,
    /// Who holds it.
    pub owner: Owner,
    /// What it keeps others from.
    pub mode: LockMode,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset behind its last byte; `u64::MAX` is beyond every file.
    pub end: u64,
}

impl Lock {
    fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind && self.file == other.file && self.owner == other.owner
    }

    fn conflicts_with(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.file == other.file
            && self.owner != other.owner
            && self.start < other.end
            && other.start < self.end
            && (self.mode == LockMode::Exclusive || other.mode == LockMode::Exclusive)
    }
}

/// Locks that may be held. Each call looks through all of them.
const LOCKS_MAX: usize = 8192;

/// All locks.
#[derive(Debug, Default)]
pub struct Locks {
    held: Vec<Lock>,
    /// Who waits for one to go.
    pub waiters: Waiters,
    /// Processes that wait, each with the process that it waits for.
    waits: Vec<(u32, u32)>,
}

impl Locks {
    /// A lock that keeps `wanted` from being set.
    #[must_use]
    pub fn conflict(&self, wanted: &Lock) -> Option<&Lock> {
        self.held.iter().find(|held| held.conflicts_with(wanted))
    }

    /// Sets a lock that has no conflict, in place of what its owner holds there.
    ///
    /// # Errors
    /// `ENOLCK`: there are too many.
    pub fn set(&mut self, mut lock: Lock) -> Result<(), Errno> {
        if self.held.len() >= LOCKS_MAX {
            return Err(Errno::ENOLCK);
        }
        self.clear(&lock)?;
        // Adjacent ranges are one, as `F_GETLK` shows.
        self.keep(&mut |held| {
            let joins = held.is_of(&lock)
                && held.mode == lock.mode
                && (held.end == lock.start || held.start == lock.end);
            if joins {
                lock.start = lock.start.min(held.start);
                lock.end = lock.end.max(held.end);
            }
            !joins
        });
        self.held.push(lock);
        Ok(())
    }

    /// Keeps those locks that `is_kept` says.
    fn keep(&mut self, is_kept: &mut dyn FnMut(&Lock) -> bool) {
        self.held.retain(is_kept);
    }

    /// Clears what the owner of `range` holds there.
    ///
    /// # Errors
    /// `ENOLCK`: it would make two locks of one, and there are too many.
    pub fn clear(&mut self, range: &Lock) -> Result<(), Errno> {
        let splits =
            |held: &Lock| held.is_of(range) && held.start < range.start && range.end < held.end;
        if self.held.len() >= LOCKS_MAX && self.held.iter().any(splits) {
            return Err(Errno::ENOLCK);
        }
        let mut rests = Vec::new();
        self.keep(&mut |held| {
            if !held.is_of(range) || held.end <= range.start || range.end <= held.start {
                return true;
            }
            if held.start < range.start {
                rests.push(Lock { end: range.start, ..held.clone() });
            }
            if range.end < held.end {
                rests.push(Lock { start: range.end, ..held.clone() });
            }
            false
        });
        self.held.extend(rests);
        Ok(())
    }

    /// Notes that a process waits for another one; tells whether that waits for it already.
    pub fn note_wait(&mut self, pid: u32, owner: &Owner) -> Wait {
        self.forget_wait(pid);
        let Owner::Process(mut other) = *owner else { return Wait::CanEnd };
        self.waits.push((pid, other));
        while let Some(&(_, next)) = self.waits.iter().find(|&&(waiting, _)| waiting == other) {
            if next == pid {
                self.forget_wait(pid);
                return Wait::IsCircle;
            }
            other = next;
        }
        Wait::CanEnd
    }

    /// The process does not wait any more.
    pub fn forget_wait(&mut self, pid: u32) {
        self.waits.retain(|&(waiting, _)| waiting != pid);
    }
}

/// Whether a wait can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It can.
    CanEnd,
    /// Those who wait for each other stand in a circle.
    IsCircle,
}

impl Kernel {
    /// Takes away the locks that end with this descriptor of the running process: ranges of the
    /// file that the process holds, and all locks of the open file if nothing else leads to it.
    pub fn unlock_for_close(&mut self, descriptor: &Descriptor) {
        let Some(Shared { locks, .. }) = self.processes.shared_if_any() else { return };
        if locks.held.is_empty() {
            return;
        }
        let pid = self.process.pid;
        let identity = descriptor.file.target.identity();
        let is_last = Rc::strong_count(&descriptor.file) == 1;
        let file = Owner::file(&descriptor.file);
        let before = locks.held.len();
        locks.keep(&mut |held| {
            let is_processes = held.file == identity && held.owner == Owner::Process(pid);
            let is_files = is_last && held.owner == file;
            !(is_processes || is_files)
        });
        if locks.held.len() < before {
            self.wake_lock_waiters();
        }
    }

    /// Lets those look again who wait for a lock.
    pub fn wake_lock_waiters(&mut self) {
        let waiters = core::mem::take(&mut self.processes.shared().locks.waiters);
        self.wake(&waiters);
    }
}
