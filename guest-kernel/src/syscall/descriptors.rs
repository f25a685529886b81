// SPDX-License-Identifier: Apache-2.0 OR MIT

//! File descriptors: closing, duplicating and asking about them.

use super::locks::{Belongs, Wanted, record_lock};
use super::{Answer, console, memfd, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::Kind;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Descriptor, O_NONBLOCK, O_PATH, OpenFile, Target};
use alloc::rc::Rc;
use alloc::vec::Vec;

const O_CLOEXEC: u64 = 0o2_000_000;
const FD_CLOEXEC: u64 = 1;

const F_DUPFD: u64 = 0;
const F_GETFD: u64 = 1;
const F_SETFD: u64 = 2;
const F_GETFL: u64 = 3;
const F_SETFL: u64 = 4;
const F_GETLK: u64 = 5;
const F_SETLK: u64 = 6;
const F_SETLKW: u64 = 7;
const F_GETOWN: u64 = 9;
const F_GETSIG: u64 = 11;
const F_OFD_GETLK: u64 = 36;
const F_OFD_SETLK: u64 = 37;
const F_OFD_SETLKW: u64 = 38;
const F_NOTIFY: u64 = 1026;
const F_DUPFD_CLOEXEC: u64 = 1030;
const F_SETPIPE_SZ: u64 = 1031;
const F_GETPIPE_SZ: u64 = 1032;
const F_ADD_SEALS: u64 = 1033;
const F_GET_SEALS: u64 = 1034;

const FIONREAD: u64 = 0x541b;
const FIONBIO: u64 = 0x5421;
const FIONCLEX: u64 = 0x5450;
const FIOCLEX: u64 = 0x5451;

const CLOSE_RANGE_UNSHARE: u64 = 2;
const CLOSE_RANGE_CLOEXEC: u64 = 4;

/// Status flags that `F_SETFL` may change: `O_APPEND`, `O_NONBLOCK`, `O_NOATIME`. The others that
/// Linux would change are ignored there too or have no meaning here.
const SETTABLE_FLAGS: u32 = 0o2000 | 0o4000 | 0o1_000_000;

/// Gives something that was opened for it a descriptor; if there is none left, it is let go.
#[inline(never)]
pub(super) fn insert(
    kernel: &mut Kernel,
    target: Target,
    status: u32,
    close_on_exec: bool,
) -> Answer {
    let descriptor = Descriptor { file: Rc::new(OpenFile::new(target, status)), close_on_exec };
    let result = kernel.process.descriptors.insert(descriptor.clone(), 0);
    if result.is_err() {
        kernel.let_go(descriptor);
    }
    Ok(result?)
}

pub(super) fn close(kernel: &mut Kernel, call: &Registers) -> Answer {
    let descriptor = kernel.process.descriptors.remove(call.argument(0) & 0xffff_ffff)?;
    kernel.release(descriptor);
    Ok(0)
}

pub(super) fn dup(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file_or_place(call.argument(0))?);
    Ok(kernel.process.descriptors.insert(Descriptor { file, close_on_exec: false }, 0)?)
}

pub(super) fn dup2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (old, new) = (call.argument(0), call.argument(1));
    if old == new {
        kernel.process.descriptors.file_or_place(old)?;
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
    let file = Rc::clone(kernel.process.descriptors.file_or_place(old)?);
    let replaced = kernel.process.descriptors.replace(new, Descriptor { file, close_on_exec })?;
    if let Some(replaced) = replaced {
        kernel.release(replaced);
    }
    Ok(new)
}

pub(super) fn fcntl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, command) = (call.argument(0), call.argument(1) & 0xffff_ffff);
    let argument = call.argument(2);
    let descriptor = kernel.process.descriptors.descriptor_mut(fd)?;
    match command {
        F_GETFD => Ok(u64::from(descriptor.close_on_exec)),
        F_SETFD => {
            descriptor.close_on_exec = argument & FD_CLOEXEC != 0;
            Ok(0)
        }
        F_GETFL => Ok(descriptor.file.flags.get().into()),
        F_SETFL if descriptor.file.flags.get() & O_PATH != 0 => Err(Errno::EBADF.into()),
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
        _ => control_file(kernel, call, command),
    }
}

/// The commands that a mere place does not take.
fn control_file(kernel: &mut Kernel, call: &Registers, command: u64) -> Answer {
    let argument = call.argument(2);
    let file = kernel.file(call.argument(0))?;
    let (wanted, belongs) = match command {
        F_GETLK => (Wanted::Get, Belongs::ToProcess),
        F_SETLK => (Wanted::Set, Belongs::ToProcess),
        F_SETLKW => (Wanted::SetAndWait, Belongs::ToProcess),
        F_OFD_GETLK => (Wanted::Get, Belongs::ToFile),
        F_OFD_SETLK => (Wanted::Set, Belongs::ToFile),
        F_OFD_SETLKW => (Wanted::SetAndWait, Belongs::ToFile),
        F_GETPIPE_SZ | F_SETPIPE_SZ => {
            let Target::Pipe(pipe, _) = &file.target else { return Err(Errno::EBADF.into()) };
            if command == F_SETPIPE_SZ {
                pipe.set_capacity(argument & 0xffff_ffff)?;
                kernel.wake(&pipe.write_waiters);
            }
            return Ok(pipe.capacity());
        }
        F_ADD_SEALS => return memfd::add_seals(kernel, &file, argument),
        F_GET_SEALS => return memfd::seals(kernel, &file),
        // Nobody can ask to be told of readiness by a signal.
        F_GETOWN | F_GETSIG => return Ok(0),
        _ => {
            if command == F_NOTIFY {
                path::directory(kernel, call.argument(0))?;
            }
            kernel.missing.note(call.rax);
            return Err(Errno::EINVAL.into());
        }
    };
    record_lock(kernel, &file, wanted, belongs, argument)
}

/// The requests that every file takes; `console` has a terminal's.
pub(super) fn ioctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, request, argument) = (call.argument(0), call.argument(1), call.argument(2));
    let file = kernel.file(fd)?;
    match request & 0xffff_ffff {
        FIOCLEX | FIONCLEX => {
            let close_on_exec = request & 0xffff_ffff == FIOCLEX;
            kernel.process.descriptors.descriptor_mut(fd)?.close_on_exec = close_on_exec;
            Ok(0)
        }
        FIONBIO => {
            let is_set = kernel.memory().read_u32(UserAddr(argument))? != 0;
            let kept = file.flags.get() & !O_NONBLOCK;
            file.flags.set(kept | if is_set { O_NONBLOCK } else { 0 });
            Ok(0)
        }
        FIONREAD => {
            let count = match &file.target {
                Target::Pipe(pipe, _) => pipe.nr_bytes(),
                Target::Socket(socket) => socket.nr_readable(),
                Target::ConsoleInput(input) => {
                    kernel.look_for_input();
                    input.nr_readable().unwrap_or(0) as u64
                }
                Target::Inode(inode) if kernel.fs.kind(*inode) == Kind::Regular => {
                    kernel.fs.size(*inode)?.wrapping_sub(file.offset.get())
                }
                _ => return Err(Errno::ENOTTY.into()),
            };
            kernel.memory().write(UserAddr(argument), &count.to_le_bytes()[..4])?;
            Ok(0)
        }
        request => match &file.target {
            Target::ConsoleInput(input) => console::ioctl(kernel, input, request, argument),
            _ => Err(Errno::ENOTTY.into()),
        },
    }
}

/// Closes descriptors, or has `execve` close them. The table is never shared.
pub(super) fn close_range(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (first, last) = (call.argument(0) & 0xffff_ffff, call.argument(1) & 0xffff_ffff);
    let flags = call.argument(2) & 0xffff_ffff;
    if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
        return Err(Errno::EINVAL.into());
    }
    let numbers = kernel.process.descriptors.numbers();
    let numbers: Vec<u64> = numbers.filter(|fd| (first..=last).contains(fd)).collect();
    for fd in numbers {
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            kernel.process.descriptors.descriptor_mut(fd)?.close_on_exec = true;
        } else {
            let descriptor = kernel.process.descriptors.remove(fd)?;
            kernel.release(descriptor);
        }
    }
    Ok(0)
}
