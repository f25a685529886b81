// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Users and groups: there is user 0 and group 0, and a process may become what it is.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

/// An identity that is to stay as it is.
const UNCHANGED: u64 = 0xffff_ffff;

/// `setuid`, `setgid`, `setreuid`, `setregid`: nobody could come back from another identity, as no
/// file belongs to one, so only 0 can be taken.
fn take(ids: &[u64]) -> Answer {
    let is_own = |&id: &u64| matches!(id & UNCHANGED, 0 | UNCHANGED);
    if ids.iter().all(is_own) { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

pub(super) fn setuid(_: &mut Kernel, call: &Registers) -> Answer {
    match call.argument(0) & UNCHANGED {
        0 => Ok(0),
        _ => Err(Errno::EINVAL.into()),
    }
}

pub(super) fn setreuid(_: &mut Kernel, call: &Registers) -> Answer {
    take(&[call.argument(0), call.argument(1)])
}

pub(super) fn setresuid(_: &mut Kernel, call: &Registers) -> Answer {
    take(&[call.argument(0), call.argument(1), call.argument(2)])
}

/// `setfsuid` and `setfsgid` return the identity before, whether they changed it or not.
pub(super) fn setfsuid(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}

/// `getresuid` and `getresgid`.
pub(super) fn getresuid(kernel: &mut Kernel, call: &Registers) -> Answer {
    for index in 0..3 {
        kernel.memory().write(UserAddr(call.argument(index)), &[0; 4])?;
    }
    Ok(0)
}

/// There are no supplementary groups.
pub(super) fn getgroups(_: &mut Kernel, call: &Registers) -> Answer {
    if (call.argument(0) as u32).cast_signed() < 0 { Err(Errno::EINVAL.into()) } else { Ok(0) }
}

/// Gives up all supplementary groups, or takes group 0, which is the process's own already.
pub(super) fn setgroups(kernel: &mut Kernel, call: &Registers) -> Answer {
    match call.argument(0) & UNCHANGED {
        0 => Ok(0),
        1 if kernel.memory().read_u32(UserAddr(call.argument(1)))? == 0 => Ok(0),
        _ => Err(Errno::EINVAL.into()),
    }
}
