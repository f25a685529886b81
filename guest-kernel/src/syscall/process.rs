// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Replacing and ending programs, and what the C libraries set up when they start.

use super::{Answer, Fail, path};
use crate::arch::{layout::USER_END, trap::Registers};
use crate::errno::Errno;
use crate::fs::Kind;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;
use crate::proc::process::{Ending, State};
use alloc::format;
use alloc::vec::Vec;

const ARCH_SET_GS: u64 = 0x1001;
const ARCH_SET_FS: u64 = 0x1002;
const ARCH_GET_FS: u64 = 0x1003;
const ARCH_GET_GS: u64 = 0x1004;

/// Size of `struct robust_list_head`.
const ROBUST_LIST_SIZE: u64 = 24;

/// Arguments and environment strings that `execve` takes, and their bytes, at most.
const STRINGS_MAX: usize = 1 << 16;
const STRING_BYTES_MAX: usize = 2 << 20;

/// Longest single string, its zero not counted, as on Linux.
const STRING_MAX: u64 = (128 << 10) - 1;

pub(super) fn execve(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let path = path::read(kernel, registers.argument(0))?;
    execute(kernel, &path, registers.argument(1), registers.argument(2))
}

pub(super) fn execveat(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let (fd, at, flags) = (registers.argument(0), registers.argument(1), registers.argument(4));
    if flags & !(path::AT_EMPTY_PATH | path::AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let text = path::read_or_empty(kernel, at)?;
    let inode = match path::target(kernel, fd, at, flags)? {
        Target::Inode(inode) => inode,
        _ => return Err(Errno::EACCES.into()),
    };
    if kernel.fs.kind(inode) == Kind::Symlink {
        return Err(Errno::ELOOP.into());
    }
    // What a program is called that is not found from here: as Linux calls it.
    let fd = fd & 0xffff_ffff;
    let name = match text.first() {
        None => format!("/dev/fd/{fd}").into_bytes(),
        Some(b'/') => text,
        Some(_) if path::is_cwd(fd) => text,
        Some(_) => [format!("/dev/fd/{fd}/").as_bytes(), &text].concat(),
    };
    let strings = ProgramStrings::read(kernel, registers.argument(2), registers.argument(3))?;
    kernel.exec_file(inode, &name, &strings.arguments(), &strings.environment())?;
    Err(Fail::Settled)
}

fn execute(kernel: &mut Kernel, path: &[u8], arguments: u64, environment: u64) -> Answer {
    let strings = ProgramStrings::read(kernel, arguments, environment)?;
    kernel.exec(path, &strings.arguments(), &strings.environment())?;
    Err(Fail::Settled)
}

/// Arguments and environment as a program gives them.
struct ProgramStrings {
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
}

impl ProgramStrings {
    fn read(kernel: &mut Kernel, arguments: u64, environment: u64) -> Result<Self, Errno> {
        let arguments = read_strings(kernel, arguments)?;
        Ok(Self { arguments, environment: read_strings(kernel, environment)? })
    }

    /// As Linux since 5.18: a program finds its name there in any case.
    fn arguments(&self) -> Vec<&[u8]> {
        match self.arguments.is_empty() {
            true => Vec::from([b"".as_slice()]),
            false => self.arguments.iter().map(Vec::as_slice).collect(),
        }
    }

    fn environment(&self) -> Vec<&[u8]> {
        self.environment.iter().map(Vec::as_slice).collect()
    }
}

/// The seed's own call: a child runs a program, and the parent goes on when it has ended.
pub(super) fn spawn(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let path = path::read(kernel, registers.argument(0))?;
    let arguments = read_strings(kernel, registers.argument(1))?;
    let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    if path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    let pid = kernel.fork_and_exec(&path, &arguments)?;
    kernel.process.state = State::Lending;
    Ok(pid.into())
}

/// Reads a list of strings that a zero pointer ends. No list at all is an empty one, as on Linux.
fn read_strings(kernel: &mut Kernel, list: u64) -> Result<Vec<Vec<u8>>, Errno> {
    let mut strings = Vec::new();
    let mut bytes = 0;
    let mut at = list;
    if list == 0 {
        return Ok(strings);
    }
    loop {
        let pointer = kernel.memory().read_u64(UserAddr(at))?;
        if pointer == 0 {
            break;
        }
        let string = kernel.memory().read_string(UserAddr(pointer), STRING_MAX, Errno::E2BIG)?;
        bytes += string.len() + 1;
        if strings.len() == STRINGS_MAX || bytes > STRING_BYTES_MAX {
            return Err(Errno::E2BIG);
        }
        strings.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        strings.push(string);
        at += 8;
    }
    Ok(strings)
}

pub(super) fn exit(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let [status, ..] = registers.argument(0).to_le_bytes();
    kernel.end_process(Ending::Exited(status));
    Err(Fail::Settled)
}

pub(super) fn arch_prctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (code, address) = (call.argument(0), call.argument(1));
    match code {
        ARCH_SET_FS | ARCH_SET_GS if address >= USER_END => Err(Errno::EPERM.into()),
        ARCH_SET_FS => {
            let (_, gs) = kernel.process.thread.bases();
            kernel.process.thread.set_bases(address, gs);
            Ok(0)
        }
        ARCH_SET_GS => {
            let (fs, _) = kernel.process.thread.bases();
            kernel.process.thread.set_bases(fs, address);
            Ok(0)
        }
        ARCH_GET_FS => put_base(kernel, kernel.process.thread.bases().0, address),
        ARCH_GET_GS => put_base(kernel, kernel.process.thread.bases().1, address),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn put_base(kernel: &mut Kernel, base: u64, address: u64) -> Answer {
    kernel.memory().write(UserAddr(address), &base.to_le_bytes())?;
    Ok(0)
}

/// The address would be cleared when the thread ends, for others that share its memory; there are
/// none.
pub(super) fn set_tid_address(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.pid.into())
}

/// The list would be walked when the thread ends, for others that wait; there are none.
pub(super) fn set_robust_list(_: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1) == ROBUST_LIST_SIZE { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

/// Not provided: C libraries do without. It is their first question, so it is not counted.
pub(super) fn rseq(_: &mut Kernel, _: &Registers) -> Answer {
    Err(Errno::ENOSYS.into())
}
