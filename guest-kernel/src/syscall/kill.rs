// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sending signals.

use super::Answer;
use crate::arch::{
    signal_frame::{self, INFO_SIZE},
    trap::Registers,
};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::process::FIRST_PID;
use crate::proc::signal::{Noted, Signal, SignalInfo};
use alloc::vec::Vec;

/// `si_code` of `tgkill`.
const SI_TKILL: i32 = -6;

pub(super) fn kill(kernel: &mut Kernel, call: &Registers) -> Answer {
    let [low @ .., _, _, _, _] = call.argument(0).to_le_bytes();
    let own_group = kernel.process.group;
    let own_pid = kernel.process.pid;
    let mut targets = Vec::new();
    match i32::from_le_bytes(low) {
        pid @ 1.. => targets.push(pid.cast_unsigned()),
        -1 => kernel.for_each_process(|process| {
            if process.pid != FIRST_PID && process.pid != own_pid {
                targets.push(process.pid);
            }
        }),
        group => {
            let group = if group == 0 { own_group } else { group.unsigned_abs() };
            kernel.for_each_process(|process| {
                if process.group == group {
                    targets.push(process.pid);
                }
            });
        }
    }
    send(kernel, &targets, call.argument(1), SignalInfo::USER)
}

pub(super) fn tkill(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = number(call, 0)?;
    send(kernel, &[target], call.argument(1), SI_TKILL)
}

/// A thread group has one thread, of the same number.
pub(super) fn tgkill(kernel: &mut Kernel, call: &Registers) -> Answer {
    let thread = thread(call)?;
    send(kernel, &[thread], call.argument(2), SI_TKILL)
}

/// The number of a process, which is above 0.
pub(super) fn number(call: &Registers, index: u8) -> Result<u32, Errno> {
    let number = (call.argument(index) & 0xffff_ffff) as u32;
    if number.cast_signed() > 0 { Ok(number) } else { Err(Errno::EINVAL) }
}

/// The thread that the first two arguments mean.
fn thread(call: &Registers) -> Result<u32, Errno> {
    let (group, thread) = (number(call, 0)?, number(call, 1)?);
    if group == thread { Ok(thread) } else { Err(Errno::ESRCH) }
}

/// The signal with this number; 0 only asks whether there is somebody to get one.
pub(super) fn signal(number: u64) -> Result<Option<Signal>, Errno> {
    match number & 0xffff_ffff {
        0 => Ok(None),
        number => Signal::from_number(number).map(Some).ok_or(Errno::EINVAL),
    }
}

pub(super) fn rt_sigqueueinfo(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = (call.argument(0) & 0xffff_ffff) as u32;
    queue(kernel, target, call.argument(1), call.argument(2))
}

pub(super) fn rt_tgsigqueueinfo(kernel: &mut Kernel, call: &Registers) -> Answer {
    let mut bytes = [0; INFO_SIZE];
    kernel.memory().read(UserAddr(call.argument(3)), &mut bytes)?;
    let thread = thread(call)?;
    queue(kernel, thread, call.argument(2), call.argument(3))
}

/// Sends a signal with what the program says of it, in a `siginfo_t` at `address`.
pub(super) fn queue(kernel: &mut Kernel, target: u32, number: u64, address: u64) -> Answer {
    let mut bytes = [0; INFO_SIZE];
    kernel.memory().read(UserAddr(address), &mut bytes)?;
    let info = signal_frame::parse_info(&bytes);
    // Nobody pretends to another process that a signal is not from a program's queue.
    if (info.code >= 0 || info.code == SI_TKILL) && target != kernel.process.pid {
        return Err(Errno::EPERM.into());
    }
    let signal = signal(number)?;
    if !kernel.exists(target) {
        return Err(Errno::ESRCH.into());
    }
    match signal {
        Some(signal) if !is_shielded(kernel, target, signal) => {
            match kernel.send(target, signal, info) {
                Noted::Done => Ok(0),
                Noted::Refused => Err(Errno::EAGAIN.into()),
            }
        }
        _ => Ok(0),
    }
}

pub(super) fn send(kernel: &mut Kernel, targets: &[u32], number: u64, code: i32) -> Answer {
    let signal = signal(number)?;
    let info = SignalInfo::of_process(code, kernel.process.pid);
    let mut is_any_there = false;
    for &target in targets {
        is_any_there |= kernel.exists(target);
        if let Some(signal) = signal
            && !is_shielded(kernel, target, signal)
            && kernel.send(target, signal, info) == Noted::Refused
        {
            return Err(Errno::EAGAIN.into());
        }
    }
    if is_any_there { Ok(0) } else { Err(Errno::ESRCH.into()) }
}

/// Others reach the first process only with signals that it handles, as on Linux: nobody else may
/// end the run.
fn is_shielded(kernel: &mut Kernel, target: u32, signal: Signal) -> bool {
    if target != FIRST_PID || kernel.process.pid == FIRST_PID {
        return false;
    }
    let first = kernel.process_mut(target);
    first.is_none_or(|process| process.signals.action(signal).handler == 0)
}
