// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Advisory locks: `flock`, and the record locks of `fcntl`.

use super::{Answer, Fail};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::Kind;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{OpenFile, Target};
use crate::proc::locks::{Lock, LockKind, LockMode, Owner, Wait};
use alloc::rc::Rc;

const LOCK_SH: u64 = 1;
const LOCK_EX: u64 = 2;
const LOCK_NB: u64 = 4;
const LOCK_UN: u64 = 8;

const F_RDLCK: u16 = 0;
const F_WRLCK: u16 = 1;
const F_UNLCK: u16 = 2;

const SEEK_SET: u16 = 0;
const SEEK_CUR: u16 = 1;
const SEEK_END: u16 = 2;

/// Size of `struct flock`.
const FLOCK_SIZE: usize = 32;

pub(super) fn flock(kernel: &mut Kernel, call: &Registers) -> Answer {
    let operation = call.argument(1) & 0xffff_ffff;
    let mode = match operation & !LOCK_NB {
        LOCK_SH => Some(LockMode::Shared),
        LOCK_EX => Some(LockMode::Exclusive),
        LOCK_UN => None,
        _ => return Err(Errno::EINVAL.into()),
    };
    let file = kernel.file(call.argument(0))?;
    let lock = Lock {
        kind: LockKind::WholeFile,
        file: file.target.identity(),
        owner: Owner::file(&file),
        mode: mode.unwrap_or(LockMode::Shared),
        start: 0,
        end: u64::MAX,
    };
    if mode.is_none() {
        return clear(kernel, &lock);
    }
    if kernel.processes.shared().locks.conflict(&lock).is_none() {
        return set(kernel, lock);
    }
    if operation & LOCK_NB != 0 {
        return Err(Errno::EAGAIN.into());
    }
    // What was held is given up before the wait, as on Linux.
    clear(kernel, &lock)?;
    kernel.processes.shared().locks.waiters.add(kernel.process.pid);
    Err(Fail::Wait)
}

/// What a record lock belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// The process: `F_SETLK` and its companions.
    ToProcess,
    /// The open file: `F_OFD_SETLK` and its companions.
    ToFile,
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// To know what stands in the way.
    Get,
    /// To lock, or fail.
    Set,
    /// To lock, or wait.
    SetAndWait,
}

/// `fcntl` with a `struct flock` at `address`.
pub(super) fn record_lock(
    kernel: &mut Kernel,
    file: &Rc<OpenFile>,
    wanted: Wanted,
    belongs: Belongs,
    address: u64,
) -> Answer {
    let mut bytes = [0; FLOCK_SIZE];
    kernel.memory().read(UserAddr(address), &mut bytes)?;
    let [t0, t1, ..] = bytes;
    let mode = match u16::from_le_bytes([t0, t1]) {
        F_RDLCK => Some(LockMode::Shared),
        F_WRLCK => Some(LockMode::Exclusive),
        F_UNLCK if wanted != Wanted::Get => None,
        _ => return Err(Errno::EINVAL.into()),
    };
    let (start, end) = range(kernel, file, &bytes)?;
    let owner = match belongs {
        Belongs::ToFile if bytes[24..28] != [0; 4] => return Err(Errno::EINVAL.into()),
        Belongs::ToFile => Owner::file(file),
        Belongs::ToProcess => Owner::Process(kernel.process.pid),
    };
    let lock = Lock {
        kind: LockKind::Range,
        file: file.target.identity(),
        owner,
        mode: mode.unwrap_or(LockMode::Shared),
        start,
        end,
    };
    match (wanted, mode) {
        (Wanted::Get, _) => tell_conflict(kernel, &lock, address),
        (_, None) => clear(kernel, &lock),
        (_, Some(LockMode::Shared)) if !file.is_readable() => Err(Errno::EBADF.into()),
        (_, Some(LockMode::Exclusive)) if !file.is_writable() => Err(Errno::EBADF.into()),
        _ => lock_range(kernel, lock, wanted),
    }
}

fn lock_range(kernel: &mut Kernel, lock: Lock, wanted: Wanted) -> Answer {
    let pid = kernel.process.pid;
    let locks = &mut kernel.processes.shared().locks;
    let Some(owner) = locks.conflict(&lock).map(|held| held.owner.clone()) else {
        locks.forget_wait(pid);
        return set(kernel, lock);
    };
    if wanted == Wanted::Set {
        return Err(Errno::EAGAIN.into());
    }
    if locks.note_wait(pid, &owner) == Wait::IsCircle {
        return Err(Errno::EDEADLK.into());
    }
    locks.waiters.add(pid);
    Err(Fail::Wait)
}

/// Sets a lock; it may be a weaker one than before, which others wait for.
fn set(kernel: &mut Kernel, lock: Lock) -> Answer {
    kernel.processes.shared().locks.set(lock)?;
    kernel.wake_lock_waiters();
    Ok(0)
}

fn clear(kernel: &mut Kernel, range: &Lock) -> Answer {
    kernel.processes.shared().locks.clear(range)?;
    kernel.wake_lock_waiters();
    Ok(0)
}

/// The bytes that a `struct flock` means.
fn range(kernel: &Kernel, file: &OpenFile, bytes: &[u8; FLOCK_SIZE]) -> Result<(u64, u64), Errno> {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        i64::from_le_bytes(word)
    };
    let (offset, length) = (word(8), word(16));
    let base = match u16::from_le_bytes([bytes[2], bytes[3]]) {
        SEEK_SET => 0,
        SEEK_CUR => file.offset.get(),
        SEEK_END => match file.target {
            Target::Inode(inode) if kernel.fs.kind(inode) == Kind::Regular => {
                kernel.fs.size(inode)?
            }
            _ => 0,
        },
        _ => return Err(Errno::EINVAL),
    };
    let start = base.cast_signed().checked_add(offset).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match length {
        0 => (start, i64::MAX),
        // The last byte may be the last one that there can be.
        1.. => {
            let last = start.checked_add(length - 1).ok_or(Errno::EOVERFLOW)?;
            (start, last.saturating_add(1))
        }
        _ => (start.checked_add(length).ok_or(Errno::EINVAL)?, start),
    };
    let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
    Ok((start, if end == i64::MAX { u64::MAX } else { end.cast_unsigned() }))
}

/// Writes the lock that stands in the way, or that there is none.
fn tell_conflict(kernel: &mut Kernel, lock: &Lock, address: u64) -> Answer {
    let Some(held) = kernel.processes.shared().locks.conflict(lock) else {
        kernel.memory().write(UserAddr(address), &F_UNLCK.to_le_bytes())?;
        return Ok(0);
    };
    let kind = match held.mode {
        LockMode::Shared => F_RDLCK,
        LockMode::Exclusive => F_WRLCK,
    };
    let pid = match held.owner {
        Owner::Process(pid) => pid,
        Owner::File(_) => u32::MAX,
    };
    let length = if held.end == u64::MAX { 0 } else { held.end - held.start };
    let mut bytes = [0; FLOCK_SIZE];
    bytes[..2].copy_from_slice(&kind.to_le_bytes());
    bytes[8..16].copy_from_slice(&held.start.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    bytes[24..28].copy_from_slice(&pid.to_le_bytes());
    kernel.memory().write(UserAddr(address), &bytes)?;
    Ok(0)
}
