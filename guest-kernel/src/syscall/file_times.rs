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
const NS_PER_S: i64 = 1_000_000_000;
const NS_PER_US: u64 = 1000;

pub(super) fn utimensat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, path, flags) = (call.argument(0), call.argument(1), call.argument(3));
    let times = read_times(kernel, call.argument(2), 1);
    match times {
        Ok([None, None]) => return Ok(0),
        Err(Errno::EFAULT) => return Err(Errno::EFAULT.into()),
        // Times that cannot be are an error of the file that they are for.
        _ => {}
    }
    let inode = match path {
        0 if flags & 0xffff_ffff != 0 => return Err(Errno::EINVAL.into()),
        0 => descriptor_inode(kernel, fd)?,
        _ => target_inode(kernel, fd, path, flags)?,
    };
    set_times(kernel, inode, times?)
}

pub(super) fn utimes(kernel: &mut Kernel, call: &Registers) -> Answer {
    let times = read_times(kernel, call.argument(1), NS_PER_US)?;
    let inode = target_inode(kernel, AT_FDCWD, call.argument(0), 0)?;
    set_times(kernel, inode, times)
}

/// Directory and path as `utimes` has them; without a path the descriptor itself is meant.
pub(super) fn futimesat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let times = read_times(kernel, call.argument(2), NS_PER_US)?;
    let inode = match call.argument(1) {
        0 => descriptor_inode(kernel, call.argument(0))?,
        path => target_inode(kernel, call.argument(0), path, 0)?,
    };
    set_times(kernel, inode, times)
}

/// Whole seconds: `struct utimbuf`.
pub(super) fn utime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (address, now) = (call.argument(1), kernel.now().cast_signed());
    let mut times = [Some(now); 2];
    if address != 0 {
        for (at, time) in (address..).step_by(8).zip(&mut times) {
            *time = Some(since_1970(kernel.memory().read_u64(UserAddr(at))?, 0));
        }
    }
    let inode = target_inode(kernel, AT_FDCWD, call.argument(0), 0)?;
    set_times(kernel, inode, times)
}

/// Access and modification time, to be set where they are there, from two pairs of seconds and
/// fractions of `unit_ns`.
fn read_times(kernel: &mut Kernel, times: u64, unit_ns: u64) -> Result<[Option<i64>; 2], Errno> {
    let now = kernel.now().cast_signed();
    if times == 0 {
        return Ok([Some(now); 2]);
    }
    let mut set = [None; 2];
    for (index, slot) in (0_u64..).zip(&mut set) {
        let at = times.wrapping_add(index * 16);
        let seconds = kernel.memory().read_u64(UserAddr(at))?;
        let fraction = kernel.memory().read_u64(UserAddr(at.wrapping_add(8)))?;
        *slot = match fraction {
            UTIME_NOW if unit_ns == 1 => Some(now),
            UTIME_OMIT if unit_ns == 1 => None,
            _ => {
                let fraction = fraction.checked_mul(unit_ns).map(u64::cast_signed);
                let fraction = fraction.filter(|ns| (0..NS_PER_S).contains(ns));
                Some(since_1970(seconds, fraction.ok_or(Errno::EINVAL)?))
            }
        };
    }
    Ok(set)
}

/// A time as it is kept: the nearest one that can be, within about 292 years of 1970.
fn since_1970(seconds: u64, fraction_ns: i64) -> i64 {
    seconds.cast_signed().saturating_mul(NS_PER_S).saturating_add(fraction_ns)
}

/// What all calls for times end with.
#[inline(never)]
fn set_times(kernel: &mut Kernel, inode: InodeId, [access, change]: [Option<i64>; 2]) -> Answer {
    let now = kernel.now();
    kernel.fs.set_times(inode, access, change, now);
    Ok(0)
}
