// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Clocks: one, and it only moves when programs call.

use super::{Answer, Fail};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const NS_PER_S: u64 = 1_000_000_000;

/// Clocks of Linux, from `CLOCK_REALTIME` to `CLOCK_TAI`. Those that count from the start of the
/// machine count from the start of the run.
const CLOCK_MAX: i32 = 11;
const CLOCK_REALTIME: i32 = 0;
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
const CLOCK_MONOTONIC_RAW: i32 = 4;
const CLOCK_REALTIME_COARSE: i32 = 5;
const CLOCK_MONOTONIC_COARSE: i32 = 6;
const CLOCK_REALTIME_ALARM: i32 = 8;
const CLOCK_TAI: i32 = 11;

/// A number that Linux gave up.
const CLOCK_SGI_CYCLE: i32 = 10;

/// Parts of the number of a clock that belongs to a process: the kind of its time, whether it is
/// that of one thread, and above them the complement of the process's number.
const CLOCK_OF_PROCESS_KIND: i32 = 3;
const CLOCK_OF_PROCESS_SHIFT: i32 = 3;

/// What the number of a clock that is an open device ends in. There is no such device.
const CLOCK_OF_DEVICE: i32 = 3;
const CLOCK_DEVICE_MASK: i32 = 7;

const TIMER_ABSTIME: u64 = 1;

/// The number of a clock as an argument gives it.
fn clock_number(argument: u64) -> i32 {
    (argument as u32).cast_signed()
}

fn read_clock(kernel: &mut Kernel, clock: u64) -> Result<u64, Errno> {
    match clock_number(clock) {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_REALTIME_ALARM | CLOCK_TAI => {
            Ok(kernel.now())
        }
        CLOCK_PROCESS_CPUTIME_ID | CLOCK_THREAD_CPUTIME_ID => Ok(kernel.charge()),
        CLOCK_SGI_CYCLE => Err(Errno::EINVAL),
        0..=CLOCK_MAX => Ok(kernel.now() - kernel.settings.epoch_ns),
        clock => read_process_clock(kernel, clock),
    }
}

/// The time that a process used.
fn read_process_clock(kernel: &mut Kernel, clock: i32) -> Result<u64, Errno> {
    let pid = u32::try_from(!(clock >> CLOCK_OF_PROCESS_SHIFT)).map_err(|_| Errno::EINVAL)?;
    let is_known = clock & CLOCK_OF_PROCESS_KIND != CLOCK_OF_PROCESS_KIND;
    let own = kernel.charge();
    match (is_known, pid) {
        (false, _) => Err(Errno::EINVAL),
        (true, 0) => Ok(own),
        (true, _) => Ok(kernel.process_mut(pid).ok_or(Errno::EINVAL)?.used.time_ns),
    }
}

/// Checks that a call can wait for a time of this clock.
fn check_is_waitable(clock: i32) -> Result<(), Errno> {
    match clock {
        CLOCK_MONOTONIC_RAW | CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE => {
            Err(Errno::EOPNOTSUPP)
        }
        ..0 if clock & CLOCK_DEVICE_MASK == CLOCK_OF_DEVICE => Err(Errno::EOPNOTSUPP),
        _ => Ok(()),
    }
}

/// Where a clock that timers may follow starts to count, in nanoseconds of the run's clock.
pub(super) fn origin(kernel: &mut Kernel, clock: u64) -> Result<u64, Errno> {
    check_is_waitable(clock_number(clock))?;
    let time = read_clock(kernel, clock)?;
    Ok(kernel.now() - time)
}

/// The clock is the run's, and is never set.
pub(super) fn clock_settime(kernel: &mut Kernel, call: &Registers) -> Answer {
    match clock_number(call.argument(0)) {
        CLOCK_REALTIME => {
            read_duration(kernel, call.argument(1))?;
            Err(Errno::EPERM.into())
        }
        _ => Err(Errno::EINVAL.into()),
    }
}

fn put_pair(kernel: &mut Kernel, address: u64, pair: [u64; 2]) -> Answer {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&pair[0].to_le_bytes());
    bytes[8..].copy_from_slice(&pair[1].to_le_bytes());
    kernel.memory().write(UserAddr(address), &bytes)?;
    Ok(0)
}

pub(super) fn clock_gettime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let time = read_clock(kernel, call.argument(0))?;
    put_pair(kernel, call.argument(1), [time / NS_PER_S, time % NS_PER_S])
}

pub(super) fn clock_getres(kernel: &mut Kernel, call: &Registers) -> Answer {
    read_clock(kernel, call.argument(0))?;
    match call.argument(1) {
        0 => Ok(0),
        address => put_pair(kernel, address, [0, 1]),
    }
}

pub(super) fn gettimeofday(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (time, zone) = (call.argument(0), call.argument(1));
    let now = kernel.now();
    if time != 0 {
        put_pair(kernel, time, [now / NS_PER_S, now % NS_PER_S / 1000])?;
    }
    if zone != 0 {
        kernel.memory().write(UserAddr(zone), &[0; 8])?;
    }
    Ok(0)
}

pub(super) fn time(kernel: &mut Kernel, call: &Registers) -> Answer {
    let seconds = kernel.now() / NS_PER_S;
    if call.argument(0) != 0 {
        kernel.memory().write(UserAddr(call.argument(0)), &seconds.to_le_bytes())?;
    }
    Ok(seconds)
}

pub(super) fn nanosleep(kernel: &mut Kernel, call: &Registers) -> Answer {
    let duration = read_duration(kernel, call.argument(0))?;
    sleep(kernel, duration, call.argument(1))
}

pub(super) fn clock_nanosleep(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (clock, flags) = (call.argument(0), call.argument(1));
    check_is_waitable(clock_number(clock))?;
    let now = read_clock(kernel, clock)?;
    if clock_number(clock) == CLOCK_THREAD_CPUTIME_ID {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let duration = read_duration(kernel, call.argument(2))?;
    match flags & TIMER_ABSTIME {
        0 => sleep(kernel, duration, call.argument(3)),
        _ => sleep(kernel, duration.saturating_sub(now), 0),
    }
}

/// Sleeps. If a signal may end that, the program is told how long it still would.
fn sleep(kernel: &mut Kernel, duration_ns: u64, left_address: u64) -> Answer {
    if kernel.is_past_deadline(duration_ns) {
        return Ok(0);
    }
    if left_address != 0 && kernel.process.signals.is_any_due() {
        let left = kernel.process.deadline.unwrap_or(0).saturating_sub(kernel.now());
        put_pair(kernel, left_address, [left / NS_PER_S, left % NS_PER_S])?;
    }
    Err(Fail::Wait)
}

/// Reads a `struct timespec` that says how long, in nanoseconds.
pub(super) fn read_duration(kernel: &mut Kernel, address: u64) -> Result<u64, Errno> {
    let seconds = kernel.memory().read_u64(UserAddr(address))?;
    let nanoseconds = kernel.memory().read_u64(UserAddr(address + 8))?;
    if seconds.cast_signed() < 0 || nanoseconds >= NS_PER_S {
        return Err(Errno::EINVAL);
    }
    // Longer than the clock can count is as long as it can count.
    Ok(seconds.saturating_mul(NS_PER_S).saturating_add(nanoseconds).min(u64::MAX / 4))
}
