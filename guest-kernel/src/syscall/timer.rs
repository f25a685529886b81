// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Timers that can be read, on the run's clock: `timerfd_create` and its companions.

use super::buffers::Buffers;
use super::descriptors::insert;
use super::event_counter::{check_room, put_word};
use super::{Answer, time};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Blocking, O_NONBLOCK, O_RDWR, Target};
use crate::proc::timer::Timer;
use alloc::rc::Rc;

const CLOCK_REALTIME: u64 = 0;
const CLOCK_MONOTONIC: u64 = 1;
const CLOCK_BOOTTIME: u64 = 7;
const CLOCK_REALTIME_ALARM: u64 = 8;
const CLOCK_BOOTTIME_ALARM: u64 = 9;

const TFD_NONBLOCK: u64 = 0o4000;
const TFD_CLOEXEC: u64 = 0o2_000_000;
const TFD_TIMER_ABSTIME: u64 = 1;
const TFD_TIMER_CANCEL_ON_SET: u64 = 2;

const NS_PER_S: u64 = 1_000_000_000;

pub(super) fn timerfd_create(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (clock, flags) = (call.argument(0) & 0xffff_ffff, call.argument(1) & 0xffff_ffff);
    let is_clock = matches!(
        clock,
        CLOCK_REALTIME
            | CLOCK_MONOTONIC
            | CLOCK_BOOTTIME
            | CLOCK_REALTIME_ALARM
            | CLOCK_BOOTTIME_ALARM
    );
    if !is_clock || flags & !(TFD_NONBLOCK | TFD_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let counts_from_start = !matches!(clock, CLOCK_REALTIME | CLOCK_REALTIME_ALARM);
    let origin_ns = if counts_from_start { kernel.settings.epoch_ns } else { 0 };
    let timer = kernel.processes.shared().timers.make(origin_ns);
    let status = O_RDWR | if flags & TFD_NONBLOCK != 0 { O_NONBLOCK } else { 0 };
    insert(kernel, Target::Timer(timer), status, flags & TFD_CLOEXEC != 0)
}

fn timer(kernel: &Kernel, fd: u64) -> Result<Rc<Timer>, Errno> {
    match &kernel.process.descriptors.file(fd)?.target {
        Target::Timer(timer) => Ok(Rc::clone(timer)),
        _ => Err(Errno::EINVAL),
    }
}

pub(super) fn timerfd_settime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (flags, new, old) = (call.argument(1) & 0xffff_ffff, call.argument(2), call.argument(3));
    let interval = time::read_duration(kernel, new)?;
    let value = time::read_duration(kernel, new.wrapping_add(16))?;
    // The clock is never set, so nothing would ever be cancelled.
    if flags & !(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let timer = timer(kernel, call.argument(0))?;
    let before = timer.setting(kernel.now());
    let origin = if flags & TFD_TIMER_ABSTIME != 0 { timer.origin_ns } else { kernel.now() };
    timer.set((value > 0).then(|| origin.saturating_add(value)), interval);
    kernel.wake(&timer.waiters);
    kernel.set_attention();
    if old != 0 {
        put(kernel, old, before)?;
    }
    Ok(0)
}

pub(super) fn timerfd_gettime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let timer = timer(kernel, call.argument(0))?;
    let setting = timer.setting(kernel.now());
    put(kernel, call.argument(1), setting)?;
    Ok(0)
}

/// Writes a `struct itimerspec`.
pub(super) fn put(
    kernel: &mut Kernel,
    address: u64,
    (left, interval): (u64, u64),
) -> Result<(), Errno> {
    let mut bytes = [0; 32];
    let words = [interval / NS_PER_S, interval % NS_PER_S, left / NS_PER_S, left % NS_PER_S];
    for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    kernel.memory().write(UserAddr(address), &bytes)
}

pub(super) fn read(
    kernel: &mut Kernel,
    timer: &Timer,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    check_room(kernel, buffers)?;
    match timer.take(kernel.now()) {
        0 => Err(kernel.put_off(blocking, &timer.waiters)),
        count => put_word(kernel, buffers, count),
    }
}
