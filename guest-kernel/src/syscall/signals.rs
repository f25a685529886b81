// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a process wants done with signals, and waiting for them.

use super::{Answer, Fail};
use crate::arch::{signal_frame, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::signal::{Action, AlternateStack, Signal, SignalInfo, SignalSet};

const SIG_BLOCK: u64 = 0;
const SIG_UNBLOCK: u64 = 1;
const SIG_SETMASK: u64 = 2;

/// Size in bytes of a signal set.
pub(super) const SET_SIZE: u64 = 8;

/// Size in bytes of `stack_t`.
const STACK_SIZE: usize = 24;

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
        kernel.force_signal(Signal::SIGSEGV, SignalInfo::of_kernel());
    }
    Err(Fail::Settled)
}

pub(super) fn rt_sigpending(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1) > SET_SIZE {
        return Err(Errno::EINVAL.into());
    }
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
    Err(Fail::Wait)
}

pub(super) fn pause(_: &mut Kernel, _: &Registers) -> Answer {
    Err(Fail::Wait)
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
            let bytes = signal_frame::info_bytes(signal.number(), &info);
            kernel.memory().write(UserAddr(buffer), &bytes)?;
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
    if new != 0 {
        let mut words = [0; 3];
        for (at, word) in (new..).step_by(8).zip(&mut words) {
            *word = kernel.memory().read_u64(UserAddr(at))?;
        }
        if before.has(call.rsp) {
            return Err(Errno::EPERM.into());
        }
        kernel.process.signals.stack = AlternateStack::parse(words)?;
    }
    if old != 0 {
        let mut bytes = [0; STACK_SIZE];
        for (slot, word) in bytes.chunks_exact_mut(8).zip(before.words(call.rsp)) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        kernel.memory().write(UserAddr(old), &bytes)?;
    }
    Ok(0)
}
