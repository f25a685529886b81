// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a process wants done with signals, and waiting for them.

use super::{Answer, Fail};
use crate::arch::{
    signal_frame::{self, Info},
    trap::Registers,
};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::signal::{Action, AlternateStack, Signal, SignalSet};

const SIG_BLOCK: u64 = 0;
const SIG_UNBLOCK: u64 = 1;
const SIG_SETMASK: u64 = 2;

/// Size in bytes of a signal set.
const SET_SIZE: u64 = 8;

/// Size in bytes of `stack_t`, its flags, and the smallest stack.
const STACK_SIZE: usize = 24;
const SS_ONSTACK: u64 = 1;
const SS_DISABLE: u64 = 2;
const STACK_MIN: u64 = 2048;

pub(super) fn rt_sigaction(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (number, new, old) = (call.argument(0), call.argument(1), call.argument(2));
    let signal = Signal::from_number(number).ok_or(Errno::EINVAL)?;
    let is_fixed = matches!(signal, Signal::SIGKILL | Signal::SIGSTOP) && new != 0;
    if call.argument(3) != SET_SIZE || is_fixed {
        return Err(Errno::EINVAL.into());
    }
    let before = kernel.process.signals.action(signal);
    if new != 0 {
        let mut bytes = [0; Action::SIZE];
        kernel.memory().read(UserAddr(new), &mut bytes)?;
        let action = Action::parse(&bytes);
        let has_handler = !matches!(action.handler, Action::DEFAULT | Action::IGNORE);
        if has_handler && action.flags & Action::RESTORER == 0 {
            // There is no code of the kernel's in a program's memory that it could return to.
            return Err(Errno::EINVAL.into());
        }
        kernel.process.signals.set_action(signal, action);
    }
    if old != 0 {
        kernel.memory().write(UserAddr(old), &before.to_bytes())?;
    }
    Ok(0)
}

pub(super) fn rt_sigprocmask(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (how, new, old) = (call.argument(0), call.argument(1), call.argument(2));
    if call.argument(3) != SET_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let before = kernel.process.signals.blocked.0;
    if new != 0 {
        let set = kernel.memory().read_u64(UserAddr(new))?;
        kernel.process.signals.blocked = SignalSet::blockable(match how {
            SIG_BLOCK => before | set,
            SIG_UNBLOCK => before & !set,
            SIG_SETMASK => set,
            _ => return Err(Errno::EINVAL.into()),
        });
    }
    if old != 0 {
        kernel.memory().write(UserAddr(old), &before.to_le_bytes())?;
    }
    Ok(0)
}

pub(super) fn rt_sigreturn(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    if kernel.return_from_handler(registers).is_err() {
        let info = crate::proc::signal::SignalInfo { code: 0x80, ..Default::default() };
        kernel.process.signals.set_action(Signal::SIGSEGV, Action::default());
        kernel.process.signals.blocked.remove(Signal::SIGSEGV);
        kernel.process.signals.raise(Signal::SIGSEGV, info);
    }
    Err(Fail::Settled)
}

pub(super) fn rt_sigpending(kernel: &mut Kernel, call: &Registers) -> Answer {
    let signals = &kernel.process.signals;
    let pending = signals.pending.0 & signals.blocked.0;
    kernel.memory().write(UserAddr(call.argument(0)), &pending.to_le_bytes())?;
    Ok(0)
}

/// Waits for a signal with another mask, which lasts until its handler has returned.
pub(super) fn rt_sigsuspend(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1) != SET_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let mask = kernel.memory().read_u64(UserAddr(call.argument(0)))?;
    let signals = &mut kernel.process.signals;
    if signals.saved_mask.is_none() {
        signals.saved_mask = Some(signals.blocked);
        signals.blocked = SignalSet::blockable(mask);
    }
    if signals.is_any_due() { Err(Errno::EINTR.into()) } else { Err(Fail::Wait) }
}

pub(super) fn pause(kernel: &mut Kernel, _: &Registers) -> Answer {
    if kernel.process.signals.is_any_due() { Err(Errno::EINTR.into()) } else { Err(Fail::Wait) }
}

/// Takes a pending signal of a set, or waits for one.
pub(super) fn rt_sigtimedwait(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (set, buffer, timeout) = (call.argument(0), call.argument(1), call.argument(2));
    if call.argument(3) != SET_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let set = SignalSet::blockable(kernel.memory().read_u64(UserAddr(set))?);
    if let Some((signal, info)) = kernel.process.signals.take_of(set) {
        if buffer != 0 {
            let (number, first) = (signal.number(), info.pid.into());
            let info = Info { number, code: info.code, first, status: info.status };
            kernel.memory().write(UserAddr(buffer), &signal_frame::info_bytes(&info))?;
        }
        return Ok(signal.number().into());
    }
    if timeout != 0 {
        let duration = super::time::read_duration(kernel, timeout)?;
        if kernel.is_past_deadline(duration) {
            return Err(Errno::EAGAIN.into());
        }
    }
    Err(Fail::Wait)
}

pub(super) fn sigaltstack(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (new, old) = (call.argument(0), call.argument(1));
    let before = kernel.process.signals.stack;
    let is_on_it = before.size > 0 && call.rsp.wrapping_sub(before.start) <= before.size;
    if new != 0 {
        let start = kernel.memory().read_u64(UserAddr(new))?;
        let flags = kernel.memory().read_u64(UserAddr(new + 8))? & 0xffff_ffff;
        let size = kernel.memory().read_u64(UserAddr(new + 16))?;
        if is_on_it {
            return Err(Errno::EPERM.into());
        }
        kernel.process.signals.stack = match flags {
            SS_DISABLE => AlternateStack::default(),
            0 | SS_ONSTACK if size < STACK_MIN => return Err(Errno::ENOMEM.into()),
            0 | SS_ONSTACK => AlternateStack { start, size },
            _ => return Err(Errno::EINVAL.into()),
        };
    }
    if old != 0 {
        let flags = match before.size {
            0 => SS_DISABLE,
            _ if is_on_it => SS_ONSTACK,
            _ => 0,
        };
        let mut bytes = [0; STACK_SIZE];
        bytes[..8].copy_from_slice(&before.start.to_le_bytes());
        bytes[8..16].copy_from_slice(&flags.to_le_bytes());
        bytes[16..].copy_from_slice(&before.size.to_le_bytes());
        kernel.memory().write(UserAddr(old), &bytes)?;
    }
    Ok(0)
}
