// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sending signals.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::proc::process::FIRST_PID;
use crate::proc::signal::{Signal, SignalInfo};
use alloc::vec::Vec;

/// `si_code` of `kill` and of `tgkill`.
const SI_USER: i32 = 0;
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
    send(kernel, &targets, call.argument(1), SI_USER)
}

pub(super) fn tkill(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = u32::try_from(call.argument(0)).map_err(|_| Errno::EINVAL)?;
    send(kernel, &[target], call.argument(1), SI_TKILL)
}

/// A thread group has one thread, of the same number.
pub(super) fn tgkill(kernel: &mut Kernel, call: &Registers) -> Answer {
    let group = u32::try_from(call.argument(0)).map_err(|_| Errno::EINVAL)?;
    let thread = u32::try_from(call.argument(1)).map_err(|_| Errno::EINVAL)?;
    if group != thread {
        return Err(Errno::ESRCH.into());
    }
    send(kernel, &[thread], call.argument(2), SI_TKILL)
}

fn send(kernel: &mut Kernel, targets: &[u32], number: u64, code: i32) -> Answer {
    let signal = match number {
        0 => None,
        _ => Some(Signal::from_number(number).ok_or(Errno::EINVAL)?),
    };
    let info = SignalInfo { code, pid: kernel.process.pid, ..SignalInfo::default() };
    let mut is_any_there = false;
    for &target in targets {
        if !kernel.exists(target) {
            continue;
        }
        is_any_there = true;
        if let Some(signal) = signal
            && !is_shielded(kernel, target, signal)
        {
            kernel.send(target, signal, info);
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
