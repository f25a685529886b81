// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Who a process is, and which group and session it belongs to.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;

/// Number of the process, and of its one thread.
pub(super) fn getpid(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.pid.into())
}

pub(super) fn getppid(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.parent.into())
}

/// User and group, real and effective: everybody is user 0.
pub(super) fn zero(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}

pub(super) fn getpgrp(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.group.into())
}

pub(super) fn getpgid(kernel: &mut Kernel, call: &Registers) -> Answer {
    let pid = target(kernel, call.argument(0))?;
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    Ok(process.group.into())
}

pub(super) fn getsid(kernel: &mut Kernel, call: &Registers) -> Answer {
    let pid = target(kernel, call.argument(0))?;
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    Ok(process.session.into())
}

pub(super) fn setsid(kernel: &mut Kernel, _: &Registers) -> Answer {
    let pid = kernel.process.pid;
    let mut is_taken = false;
    kernel.for_each_process(|process| is_taken |= process.group == pid);
    if is_taken {
        return Err(Errno::EPERM.into());
    }
    kernel.process.group = pid;
    kernel.process.session = pid;
    Ok(pid.into())
}

pub(super) fn setpgid(kernel: &mut Kernel, call: &Registers) -> Answer {
    let pid = target(kernel, call.argument(0))?;
    let group = u32::try_from(call.argument(1)).map_err(|_| Errno::EINVAL)?;
    let group = if group == 0 { pid } else { group };
    let (own_pid, session) = (kernel.process.pid, kernel.process.session);
    let mut has_group = group == pid;
    kernel.for_each_process(|process| {
        has_group |= process.group == group && process.session == session;
    });
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    if process.pid != own_pid && process.parent != own_pid {
        return Err(Errno::ESRCH.into());
    }
    if process.session != session {
        return Err(Errno::EPERM.into());
    }
    if process.pid != own_pid && process.has_executed {
        return Err(Errno::EACCES.into());
    }
    if process.session == process.pid || !has_group {
        return Err(Errno::EPERM.into());
    }
    process.group = group;
    Ok(0)
}

/// The process that a number means: 0 is the caller.
fn target(kernel: &mut Kernel, number: u64) -> Result<u32, Errno> {
    match u32::try_from(number).map_err(|_| Errno::ESRCH)? {
        0 => Ok(kernel.process.pid),
        pid => Ok(pid),
    }
}
