// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The interval timers of a process: `alarm` and `setitimer`. One goes by the run's clock, the others
//! by the time that the process used.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_US: u64 = 1000;

const ITIMER_REAL: usize = 0;

/// Number of timers: the others are `ITIMER_VIRTUAL` and `ITIMER_PROF`.
const COUNT: usize = 3;

pub(super) fn alarm(kernel: &mut Kernel, call: &Registers) -> Answer {
    let seconds = call.argument(0) & 0xffff_ffff;
    let (left, _) = setting(kernel, ITIMER_REAL);
    set(kernel, ITIMER_REAL, seconds * NS_PER_S, 0);
    Ok(left.div_ceil(NS_PER_S))
}

pub(super) fn setitimer(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (new, old) = (call.argument(1), call.argument(2));
    let (interval, value) = match new {
        0 => (0, 0),
        _ => (read_time(kernel, new)?, read_time(kernel, new + 16)?),
    };
    let which = which(call)?;
    let before = setting(kernel, which);
    set(kernel, which, value, interval);
    if old != 0 {
        put(kernel, before, old)?;
    }
    Ok(0)
}

pub(super) fn getitimer(kernel: &mut Kernel, call: &Registers) -> Answer {
    let setting = setting(kernel, which(call)?);
    put(kernel, setting, call.argument(1))
}

/// The timer that is meant.
fn which(call: &Registers) -> Result<usize, Errno> {
    match call.argument(0) as u32 as usize {
        which @ 0..COUNT => Ok(which),
        _ => Err(Errno::EINVAL),
    }
}

/// What the clock of a timer says.
fn clock(kernel: &mut Kernel, which: usize) -> u64 {
    if which == ITIMER_REAL { kernel.now() } else { kernel.charge() }
}

/// What is left until a timer is due, and its interval.
fn setting(kernel: &mut Kernel, which: usize) -> (u64, u64) {
    let now = clock(kernel, which);
    let alarm = kernel.process.alarms[which];
    alarm.map_or((0, 0), |(due, interval)| (due.saturating_sub(now).max(1), interval))
}

fn set(kernel: &mut Kernel, which: usize, value_ns: u64, interval_ns: u64) {
    let due = clock(kernel, which).saturating_add(value_ns);
    kernel.process.alarms[which] = (value_ns > 0).then_some((due, interval_ns));
    if value_ns > 0 && which == ITIMER_REAL {
        let pid = kernel.process.pid;
        kernel.processes.add_timer(due, pid);
    }
    kernel.set_attention();
}

/// Writes a `struct itimerval`.
fn put(kernel: &mut Kernel, (left, interval): (u64, u64), address: u64) -> Answer {
    let words = [interval, left].map(|time| [time / NS_PER_S, time % NS_PER_S / NS_PER_US]);
    let bytes = words.map(|pair| pair.map(u64::to_le_bytes));
    kernel.memory().write(UserAddr(address), bytes.as_flattened().as_flattened())?;
    Ok(0)
}

/// Reads a `struct timeval`, in nanoseconds.
fn read_time(kernel: &mut Kernel, address: u64) -> Result<u64, Errno> {
    let microseconds = kernel.memory().read_u64(UserAddr(address.wrapping_add(8)))?;
    if microseconds >= NS_PER_S / NS_PER_US {
        return Err(Errno::EINVAL);
    }
    read_sum(kernel, address)
}

/// Reads a `struct timeval` that may have any number of microseconds, in nanoseconds.
pub(super) fn read_sum(kernel: &mut Kernel, address: u64) -> Result<u64, Errno> {
    let seconds = kernel.memory().read_u64(UserAddr(address))?;
    let microseconds = kernel.memory().read_u64(UserAddr(address.wrapping_add(8)))?;
    if seconds.cast_signed() < 0 || microseconds.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    let fraction = microseconds.saturating_mul(NS_PER_US);
    Ok(seconds.saturating_mul(NS_PER_S).saturating_add(fraction).min(u64::MAX / 4))
}
