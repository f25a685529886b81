// SPDX-License-Identifier: Apache-2.0 OR MIT

//! File descriptors: closing, duplicating and asking about them.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::proc::descriptors::Descriptor;
use alloc::rc::Rc;

const O_CLOEXEC: u64 = 0o2_000_000;
const FD_CLOEXEC: u64 = 1;

const F_DUPFD: u64 = 0;
const F_GETFD: u64 = 1;
const F_SETFD: u64 = 2;
const F_GETFL: u64 = 3;
const F_SETFL: u64 = 4;
const F_DUPFD_CLOEXEC: u64 = 1030;

/// Status flags that `F_SETFL` may change: `O_APPEND`, `O_NONBLOCK`, `O_NOATIME`. The others that
/// Linux would change are ignored there too or have no meaning here.
const SETTABLE_FLAGS: u32 = 0o2000 | 0o4000 | 0o1_000_000;

pub(super) fn close(kernel: &mut Kernel, call: &Registers) -> Answer {
    let descriptor = kernel.process.descriptors.remove(call.argument(0) & 0xffff_ffff)?;
    kernel.release(descriptor);
    Ok(0)
}

pub(super) fn dup(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(call.argument(0))?);
    Ok(kernel.process.descriptors.insert(Descriptor { file, close_on_exec: false }, 0)?)
}

pub(super) fn dup2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (old, new) = (call.argument(0), call.argument(1));
    if old == new {
        kernel.process.descriptors.file(old)?;
        return Ok(new);
    }
    duplicate_to(kernel, old, new, false)
}

pub(super) fn dup3(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (old, new, flags) = (call.argument(0), call.argument(1), call.argument(2));
    if old == new || flags & !O_CLOEXEC != 0 {
        return Err(Errno::EINVAL.into());
    }
    duplicate_to(kernel, old, new, flags != 0)
}

fn duplicate_to(kernel: &mut Kernel, old: u64, new: u64, close_on_exec: bool) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(old)?);
    let replaced = kernel.process.descriptors.replace(new, Descriptor { file, close_on_exec })?;
    if let Some(replaced) = replaced {
        kernel.release(replaced);
    }
    Ok(new)
}

pub(super) fn fcntl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, command, argument) = (call.argument(0), call.argument(1), call.argument(2));
    let descriptor = kernel.process.descriptors.descriptor_mut(fd)?;
    match command {
        F_GETFD => Ok(u64::from(descriptor.close_on_exec)),
        F_SETFD => {
            descriptor.close_on_exec = argument & FD_CLOEXEC != 0;
            Ok(0)
        }
        F_GETFL => Ok(descriptor.file.flags.get().into()),
        F_SETFL => {
            let kept = descriptor.file.flags.get() & !SETTABLE_FLAGS;
            let set = (argument & u64::from(SETTABLE_FLAGS)) as u32;
            descriptor.file.flags.set(kept | set);
            Ok(0)
        }
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let copy = Descriptor {
                file: Rc::clone(&descriptor.file),
                close_on_exec: command == F_DUPFD_CLOEXEC,
            };
            Ok(kernel.process.descriptors.insert(copy, argument)?)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}

/// Nothing here is a terminal or takes other requests.
pub(super) fn ioctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.descriptors.file(call.argument(0))?;
    Err(Errno::ENOTTY.into())
}
