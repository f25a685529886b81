// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Setting the times of files.

use super::Answer;
use super::tree::{descriptor_inode, target_inode};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::InodeId;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();
const UTIME_NOW: u64 = 0x3fff_ffff;
const UTIME_OMIT: u64 = 0x3fff_fffe;
const NS_PER_S: u64 = 1_000_000_000;

pub(super) fn utimensat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, path, times) = (call.argument(0), call.argument(1), call.argument(2));
    let inode = match path {
        0 => descriptor_inode(kernel, fd)?,
        _ => target_inode(kernel, fd, path, call.argument(3))?,
    };
    set_times(kernel, inode, times, 1)
}

pub(super) fn utimes(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = target_inode(kernel, AT_FDCWD, call.argument(0), 0)?;
    set_times(kernel, inode, call.argument(1), 1000)
}

/// Directory and path as `utimes` has them; without a path the descriptor itself is meant.
pub(super) fn futimesat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = match call.argument(1) {
        0 => descriptor_inode(kernel, call.argument(0))?,
        path => target_inode(kernel, call.argument(0), path, 0)?,
    };
    set_times(kernel, inode, call.argument(2), 1000)
}

/// Whole seconds: `struct utimbuf`.
pub(super) fn utime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = target_inode(kernel, AT_FDCWD, call.argument(0), 0)?;
    let (times, now) = (call.argument(1), kernel.now());
    let (mut access, mut change) = (now, now);
    if times != 0 {
        access = kernel.memory().read_u64(UserAddr(times))?.saturating_mul(NS_PER_S);
        change = kernel.memory().read_u64(UserAddr(times + 8))?.saturating_mul(NS_PER_S);
    }
    kernel.fs.set_times(inode, Some(access), Some(change), now);
    Ok(0)
}

/// Sets access and modification time from two pairs of seconds and fractions of `unit_ns`.
fn set_times(kernel: &mut Kernel, inode: InodeId, times: u64, unit_ns: u64) -> Answer {
    let now = kernel.now();
    if times == 0 {
        kernel.fs.set_times(inode, Some(now), Some(now), now);
        return Ok(0);
    }
    let mut set = [None; 2];
    for (index, slot) in (0_u64..).zip(&mut set) {
        let seconds = kernel.memory().read_u64(UserAddr(times + index * 16))?;
        let fraction = kernel.memory().read_u64(UserAddr(times + index * 16 + 8))?;
        *slot = match fraction {
            UTIME_NOW => Some(now),
            UTIME_OMIT => None,
            _ => {
                let fraction = fraction.checked_mul(unit_ns).filter(|&ns| ns < NS_PER_S);
                let fraction = fraction.ok_or(Errno::EINVAL)?;
                Some(seconds.saturating_mul(NS_PER_S).saturating_add(fraction))
            }
        };
    }
    kernel.fs.set_times(inode, set[0], set[1], now);
    Ok(0)
}
