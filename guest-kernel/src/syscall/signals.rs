// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals: what programs set up for them is taken and remembered nowhere yet, as none is delivered.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

/// Signals are numbered from 1 to 64.
const SIGNAL_MAX: u64 = 64;
const SIGKILL: u64 = 9;
const SIGSTOP: u64 = 19;

/// Size in bytes of a signal set.
const SET_SIZE: u64 = 8;

/// Size in bytes of `struct sigaction` as the kernel has it.
const ACTION_SIZE: usize = 32;

/// Size in bytes of `stack_t`, and its flag for no stack.
const STACK_SIZE: usize = 24;
const SS_DISABLE: u8 = 2;

pub(super) fn rt_sigaction(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (signal, new, old) = (call.argument(0), call.argument(1), call.argument(2));
    let is_fixed = matches!(signal, SIGKILL | SIGSTOP) && new != 0;
    if call.argument(3) != SET_SIZE || signal == 0 || signal > SIGNAL_MAX || is_fixed {
        return Err(Errno::EINVAL);
    }
    if new != 0 {
        kernel.memory().read(UserAddr(new), &mut [0; ACTION_SIZE])?;
    }
    if old != 0 {
        kernel.memory().write(UserAddr(old), &[0; ACTION_SIZE])?;
    }
    Ok(0)
}

pub(super) fn rt_sigprocmask(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (how, new, old) = (call.argument(0), call.argument(1), call.argument(2));
    if call.argument(3) != SET_SIZE {
        return Err(Errno::EINVAL);
    }
    if new != 0 {
        kernel.memory().read_u64(UserAddr(new))?;
        if how > 2 {
            return Err(Errno::EINVAL);
        }
    }
    if old != 0 {
        kernel.memory().write(UserAddr(old), &[0; SET_SIZE as usize])?;
    }
    Ok(0)
}

pub(super) fn sigaltstack(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (new, old) = (call.argument(0), call.argument(1));
    if new != 0 {
        kernel.memory().read(UserAddr(new), &mut [0; STACK_SIZE])?;
    }
    if old != 0 {
        let mut disabled = [0; STACK_SIZE];
        disabled[8] = SS_DISABLE;
        kernel.memory().write(UserAddr(old), &disabled)?;
    }
    Ok(0)
}
