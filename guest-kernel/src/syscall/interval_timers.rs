// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Timers of a process that send it a signal: `timer_create` and its companions.

use super::timer::put;
use super::{Answer, kill, time};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::interval_timer::IntervalTimer;
use crate::proc::limits::Resource;
use crate::proc::signal::Signal;

const SIGEV_SIGNAL: u32 = 0;
const SIGEV_NONE: u32 = 1;
const SIGEV_THREAD_ID: u32 = 4;

const TIMER_ABSTIME: u64 = 1;

pub(super) fn timer_create(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (event, place) = (call.argument(1), call.argument(2));
    let origin_ns = time::origin(kernel, call.argument(0))?;
    let notice = match event {
        0 => Some((Signal::SIGALRM, None)),
        _ => read_event(kernel, event)?,
    };
    let limit = kernel.process.limits.of(Resource::SIGPENDING).soft;
    let id = kernel.process.timers.make(notice, origin_ns, limit).ok_or(Errno::EAGAIN)?;
    if let Err(error) = kernel.memory().write(UserAddr(place), &id.to_le_bytes()) {
        kernel.process.timers.remove(id);
        return Err(error.into());
    }
    Ok(0)
}

/// What a `struct sigevent` wants sent: a signal with a value, or nothing.
fn read_event(kernel: &mut Kernel, event: u64) -> Result<Option<(Signal, Option<u64>)>, Errno> {
    let value = kernel.memory().read_u64(UserAddr(event))?;
    let number = kernel.memory().read_u32(UserAddr(event.wrapping_add(8)))?;
    let kind = kernel.memory().read_u32(UserAddr(event.wrapping_add(12)))?;
    match kind {
        SIGEV_NONE => return Ok(None),
        SIGEV_SIGNAL => {}
        SIGEV_THREAD_ID => {
            let thread = kernel.memory().read_u32(UserAddr(event.wrapping_add(16)))?;
            if thread != kernel.process.pid {
                return Err(Errno::EINVAL);
            }
        }
        _ => return Err(Errno::EINVAL),
    }
    let signal = kill::signal(number.into())?.ok_or(Errno::EINVAL)?;
    Ok(Some((signal, Some(value))))
}

fn find<'a>(kernel: &'a mut Kernel, call: &Registers) -> Result<&'a mut IntervalTimer, Errno> {
    let id = (call.argument(0) & 0xffff_ffff) as u32;
    kernel.process.timers.find(id).ok_or(Errno::EINVAL)
}

pub(super) fn timer_settime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (flags, new, old) = (call.argument(1), call.argument(2), call.argument(3));
    if new == 0 {
        return Err(Errno::EINVAL.into());
    }
    let interval = time::read_duration(kernel, new)?;
    let value = time::read_duration(kernel, new.wrapping_add(16))?;
    let now = kernel.now();
    let timer = find(kernel, call)?;
    let before = timer.setting(now);
    let origin = if flags & TIMER_ABSTIME != 0 { timer.origin_ns } else { now };
    let due = (value > 0).then(|| origin.saturating_add(value));
    timer.set(due, interval);
    if let Some(due) = due {
        let pid = kernel.process.pid;
        kernel.processes.add_timer(due, pid);
    }
    kernel.set_attention();
    if old != 0 {
        put(kernel, old, before)?;
    }
    Ok(0)
}

pub(super) fn timer_gettime(kernel: &mut Kernel, call: &Registers) -> Answer {
    let now = kernel.now();
    let setting = find(kernel, call)?.setting(now);
    put(kernel, call.argument(1), setting)?;
    Ok(0)
}

pub(super) fn timer_getoverrun(kernel: &mut Kernel, call: &Registers) -> Answer {
    Ok(find(kernel, call)?.overrun().into())
}

pub(super) fn timer_delete(kernel: &mut Kernel, call: &Registers) -> Answer {
    let id = (call.argument(0) & 0xffff_ffff) as u32;
    if kernel.process.timers.remove(id) { Ok(0) } else { Err(Errno::EINVAL.into()) }
}
