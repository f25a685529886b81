// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The interval timer of the run's clock: `alarm` and `setitimer`.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_US: u64 = 1000;

/// The timer of real time, and those of processor time: a program's own instructions take no time by
/// the clock, so these cannot be set.
const ITIMER_REAL: u64 = 0;
const ITIMER_VIRTUAL: u64 = 1;
const ITIMER_PROF: u64 = 2;

pub(super) fn alarm(kernel: &mut Kernel, call: &Registers) -> Answer {
    let seconds = call.argument(0) & 0xffff_ffff;
    let left = time_left(kernel);
    set(kernel, seconds * NS_PER_S, 0);
    Ok(left.div_ceil(NS_PER_S))
}

pub(super) fn setitimer(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (which, new, old) = (call.argument(0), call.argument(1), call.argument(2));
    let (interval, value) = match new {
        0 => (0, 0),
        _ => (read_time(kernel, new)?, read_time(kernel, new + 16)?),
    };
    match which & 0xffff_ffff {
        ITIMER_REAL => {}
        ITIMER_VIRTUAL | ITIMER_PROF if value == 0 => {
            if old != 0 {
                kernel.memory().write(UserAddr(old), &[0; 32])?;
            }
            return Ok(0);
        }
        ITIMER_VIRTUAL | ITIMER_PROF => {
            kernel.missing.note(call.rax);
            return Err(Errno::EINVAL.into());
        }
        _ => return Err(Errno::EINVAL.into()),
    }
    if old != 0 {
        put(kernel, old)?;
    }
    set(kernel, value, interval);
    Ok(0)
}

pub(super) fn getitimer(kernel: &mut Kernel, call: &Registers) -> Answer {
    match call.argument(0) & 0xffff_ffff {
        ITIMER_REAL => put(kernel, call.argument(1))?,
        ITIMER_VIRTUAL | ITIMER_PROF => {
            kernel.memory().write(UserAddr(call.argument(1)), &[0; 32])?;
        }
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(0)
}

fn time_left(kernel: &Kernel) -> u64 {
    kernel.process.alarm.map_or(0, |(time, _)| time.saturating_sub(kernel.now()).max(1))
}

fn set(kernel: &mut Kernel, value_ns: u64, interval_ns: u64) {
    let due = kernel.now().saturating_add(value_ns);
    kernel.process.alarm = (value_ns > 0).then_some((due, interval_ns));
    if value_ns > 0 {
        let pid = kernel.process.pid;
        kernel.processes.add_timer(due, pid);
    }
    kernel.set_attention();
}

fn put(kernel: &mut Kernel, address: u64) -> Result<(), Errno> {
    let interval = kernel.process.alarm.map_or(0, |(_, interval)| interval);
    let mut bytes = [0; 32];
    for (index, time) in [interval, time_left(kernel)].into_iter().enumerate() {
        let (seconds, rest) = (time / NS_PER_S, time % NS_PER_S / NS_PER_US);
        bytes[index * 16..index * 16 + 8].copy_from_slice(&seconds.to_le_bytes());
        bytes[index * 16 + 8..index * 16 + 16].copy_from_slice(&rest.to_le_bytes());
    }
    kernel.memory().write(UserAddr(address), &bytes)
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
