// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Priorities, policies and processors. All processes have the same turn, whatever their nice value
//! and their policy, and processor number 0.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::process::Process;
use crate::proc::schedule::TURN_NS;
use core::iter;

const SCHED_OTHER: u64 = 0;
const SCHED_FIFO: u64 = 1;
const SCHED_RR: u64 = 2;
const SCHED_BATCH: u64 = 3;
const SCHED_IDLE: u64 = 5;
const SCHED_DEADLINE: u64 = 6;

const PRIO_PROCESS: u64 = 0;
const PRIO_GROUP: u64 = 1;
const PRIO_USER: u64 = 2;

/// `MEMBARRIER_CMD_*`: the question and what it is answered with, which is all commands but those of
/// other cores and of restartable sequences.
const MEMBARRIER_QUERY: u64 = 0;
const MEMBARRIER_GLOBAL: u64 = 1;
const MEMBARRIER_GLOBAL_EXPEDITED: u64 = 2;
const MEMBARRIER_REGISTER_GLOBAL: u64 = 4;
const MEMBARRIER_PRIVATE: u64 = 8;
const MEMBARRIER_REGISTER_PRIVATE: u64 = 16;
const MEMBARRIER_COMMANDS: u64 = 0x1f;

/// Nice values.
const NICE_MIN: i32 = -20;
const NICE_MAX: i32 = 19;

/// A process by its number; 0 is the caller.
fn find(kernel: &mut Kernel, pid: u64) -> Result<&mut Process, Errno> {
    match pid as u32 {
        0 => Ok(&mut kernel.process),
        pid if pid.cast_signed() < 0 => Err(Errno::EINVAL),
        pid => kernel.process_mut(pid).ok_or(Errno::ESRCH),
    }
}

/// 20 less the lowest nice value of those who are meant.
pub(super) fn getpriority(kernel: &mut Kernel, call: &Registers) -> Answer {
    let meant = Meant::from_arguments(kernel, call)?;
    let everybody = iter::once(&*kernel.process).chain(kernel.processes.iter());
    let lowest = everybody.filter(|process| meant.is(process)).map(|process| process.nice).min();
    Ok((20 - i64::from(lowest.ok_or(Errno::ESRCH)?)).cast_unsigned())
}

/// Turns are fixed, so that nice values are advice that nobody takes. They are kept, as those who set
/// them ask for them, and take a refusal for a failure.
pub(super) fn setpriority(kernel: &mut Kernel, call: &Registers) -> Answer {
    let meant = Meant::from_arguments(kernel, call)?;
    let nice = (call.argument(2) as u32).cast_signed().clamp(NICE_MIN, NICE_MAX) as i8;
    let everybody = iter::once(&mut *kernel.process).chain(kernel.processes.iter_mut());
    let mut result = Err(Errno::ESRCH);
    for process in everybody.filter(|process| meant.is(process)) {
        process.nice = nice;
        result = Ok(0);
    }
    Ok(result?)
}

/// Whose nice value is meant.
#[derive(Clone, Copy)]
enum Meant {
    Process(u32),
    Group(u32),
    /// All processes are user 0's.
    Everybody,
}

impl Meant {
    fn from_arguments(kernel: &Kernel, call: &Registers) -> Result<Self, Errno> {
        let (which, who) = (call.argument(0) & 0xffff_ffff, call.argument(1) as u32);
        let own = &kernel.process;
        match which {
            PRIO_PROCESS => Ok(Self::Process(if who == 0 { own.pid } else { who })),
            PRIO_GROUP => Ok(Self::Group(if who == 0 { own.group } else { who })),
            PRIO_USER if who != 0 => Err(Errno::ESRCH),
            PRIO_USER => Ok(Self::Everybody),
            _ => Err(Errno::EINVAL),
        }
    }

    fn is(self, process: &Process) -> bool {
        match self {
            Self::Process(pid) => process.pid == pid,
            Self::Group(group) => process.group == group,
            Self::Everybody => true,
        }
    }
}

/// How long a turn is, by the run's clock.
pub(super) fn sched_rr_get_interval(kernel: &mut Kernel, call: &Registers) -> Answer {
    find(kernel, call.argument(0))?;
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&TURN_NS.to_le_bytes());
    kernel.memory().write(UserAddr(call.argument(1)), &bytes)?;
    Ok(0)
}

/// No place for a priority is as wrong as a wrong one.
fn check_place(place: u64) -> Result<(), Errno> {
    if place == 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

pub(super) fn sched_getscheduler(kernel: &mut Kernel, call: &Registers) -> Answer {
    Ok(find(kernel, call.argument(0))?.policy.into())
}

pub(super) fn sched_setscheduler(kernel: &mut Kernel, call: &Registers) -> Answer {
    let policy = call.argument(1) & 0xffff_ffff;
    check_place(call.argument(2))?;
    let priority = kernel.memory().read_u32(UserAddr(call.argument(2)))?;
    let process = find(kernel, call.argument(0))?;
    match (policy, priority) {
        // Turns are fixed: what differs between these is advice, as nice values are.
        (SCHED_OTHER | SCHED_BATCH | SCHED_IDLE, 0) => {
            process.policy = policy as u8;
            Ok(0)
        }
        (SCHED_FIFO | SCHED_RR, 1..=99) => {
            kernel.missing.note(call.rax);
            Err(Errno::EPERM.into())
        }
        _ => Err(Errno::EINVAL.into()),
    }
}

pub(super) fn sched_getparam(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_place(call.argument(1))?;
    find(kernel, call.argument(0))?;
    kernel.memory().write(UserAddr(call.argument(1)), &[0; 4])?;
    Ok(0)
}

pub(super) fn sched_setparam(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_place(call.argument(1))?;
    let priority = kernel.memory().read_u32(UserAddr(call.argument(1)))?;
    find(kernel, call.argument(0))?;
    if priority == 0 { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

pub(super) fn sched_get_priority_max(_: &mut Kernel, call: &Registers) -> Answer {
    priority_limit(call, 99)
}

pub(super) fn sched_get_priority_min(_: &mut Kernel, call: &Registers) -> Answer {
    priority_limit(call, 1)
}

fn priority_limit(call: &Registers, real_time: u64) -> Answer {
    match call.argument(0) & 0xffff_ffff {
        SCHED_FIFO | SCHED_RR => Ok(real_time),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE => Ok(0),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// There is one processor, number 0.
pub(super) fn sched_getaffinity(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (pid, size, buffer) = (call.argument(0), call.argument(1), call.argument(2));
    if size < 8 || !size.is_multiple_of(8) {
        return Err(Errno::EINVAL.into());
    }
    find(kernel, pid).map_err(|_| Errno::ESRCH)?;
    kernel.memory().write(UserAddr(buffer), &1_u64.to_le_bytes())?;
    Ok(8)
}

/// A set must have processor 0; the others that it has do not exist.
pub(super) fn sched_setaffinity(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (pid, size, set) = (call.argument(0), call.argument(1), call.argument(2));
    let mut first = [0];
    if size > 0 {
        kernel.memory().read(UserAddr(set), &mut first)?;
    }
    find(kernel, pid).map_err(|_| Errno::ESRCH)?;
    if first[0] & 1 != 0 { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

pub(super) fn sched_yield(kernel: &mut Kernel, _: &Registers) -> Answer {
    kernel.yield_turn();
    Ok(0)
}

/// Processor 0 of node 0.
pub(super) fn getcpu(kernel: &mut Kernel, call: &Registers) -> Answer {
    for index in 0..2 {
        let address = call.argument(index);
        if address != 0 {
            kernel.memory().write(UserAddr(address), &[0; 4])?;
        }
    }
    Ok(0)
}

/// With one processor, whoever asks has run since everybody else did: there is nothing to wait for.
pub(super) fn membarrier(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1) & 0xffff_ffff != 0 {
        return Err(Errno::EINVAL.into());
    }
    match call.argument(0) & 0xffff_ffff {
        MEMBARRIER_QUERY => Ok(MEMBARRIER_COMMANDS),
        MEMBARRIER_GLOBAL | MEMBARRIER_GLOBAL_EXPEDITED | MEMBARRIER_REGISTER_GLOBAL => Ok(0),
        MEMBARRIER_PRIVATE if kernel.process.has_barriers => Ok(0),
        MEMBARRIER_PRIVATE => Err(Errno::EPERM.into()),
        MEMBARRIER_REGISTER_PRIVATE => {
            kernel.process.has_barriers = true;
            Ok(0)
        }
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::EINVAL.into())
        }
    }
}
