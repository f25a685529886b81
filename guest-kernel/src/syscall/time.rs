// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Clocks: one, and it only moves when programs call.

use super::{Answer, Fail};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const NS_PER_S: u64 = 1_000_000_000;

/// Clocks of Linux, from `CLOCK_REALTIME` to `CLOCK_TAI`. Those that count from the start of the
/// machine or of the process count from the start of the run.
const CLOCK_MAX: u64 = 11;
const CLOCK_REALTIME: u64 = 0;
const CLOCK_REALTIME_COARSE: u64 = 5;
const CLOCK_REALTIME_ALARM: u64 = 8;
const CLOCK_TAI: u64 = 11;

const TIMER_ABSTIME: u64 = 1;

fn read_clock(kernel: &Kernel, clock: u64) -> Result<u64, Errno> {
    match clock {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_REALTIME_ALARM | CLOCK_TAI => {
            Ok(kernel.now())
        }
        0..=CLOCK_MAX => Ok(kernel.now() - kernel.settings.epoch_ns),
        _ => Err(Errno::EINVAL),
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
    sleep(kernel, duration)
}

pub(super) fn clock_nanosleep(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (clock, flags) = (call.argument(0), call.argument(1));
    let now = read_clock(kernel, clock)?;
    let duration = read_duration(kernel, call.argument(2))?;
    match flags {
        0 => sleep(kernel, duration),
        TIMER_ABSTIME => sleep(kernel, duration.saturating_sub(now)),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn sleep(kernel: &mut Kernel, duration_ns: u64) -> Answer {
    if kernel.is_past_deadline(duration_ns) { Ok(0) } else { Err(Fail::Wait) }
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
