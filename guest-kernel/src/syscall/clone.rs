// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making processes: `fork`, `vfork`, `clone` and `clone3`, as far as the C libraries use them for
//! processes. Threads and namespaces are not provided.

use super::{Answer, kill};
use crate::arch::{layout::PAGE_SIZE, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::lifecycle::Memory;
use crate::proc::signal::Signal;

const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
const CLONE_PARENT_SETTID: u64 = 0x10_0000;
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;
const CLONE_CHILD_SETTID: u64 = 0x100_0000;
/// Known to `clone3` alone.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// Flags that are provided.
const CLONE_KNOWN: u64 = CLONE_VM
    | CLONE_VFORK
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID
    | CLONE_CHILD_SETTID
    | CLONE_CLEAR_SIGHAND;

/// The signal that a child's end sends, in the low byte of `clone`'s flags.
const CLONE_SIGNAL: u64 = 0xff;

/// `struct clone_args` in its first form and as it is known here, in words.
const CLONE_ARGS_FIRST: usize = 8;
const CLONE_ARGS: usize = 11;

/// What a new process is to be.
struct Request {
    flags: u64,
    signal: u64,
    /// Its stack pointer; 0 for its parent's.
    stack: u64,
    parent_tid: u64,
    child_tid: u64,
}

pub(super) fn fork(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let mut child = *registers;
    child.rax = 0;
    Ok(kernel.fork(child, Memory::Copied)?.into())
}

pub(super) fn vfork(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let mut child = *registers;
    child.rax = 0;
    Ok(kernel.fork(child, Memory::Borrowed)?.into())
}

pub(super) fn clone(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let flags = registers.argument(0) & 0xffff_ffff;
    let request = Request {
        flags: flags & !CLONE_SIGNAL,
        signal: flags & CLONE_SIGNAL,
        stack: registers.argument(1),
        parent_tid: registers.argument(2),
        child_tid: registers.argument(3),
    };
    make(kernel, registers, &request)
}

pub(super) fn clone3(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let arguments = read_arguments(kernel, registers.argument(0), registers.argument(1))?;
    let [flags, _, child_tid, parent_tid, signal, stack, stack_size, _, rest @ ..] = arguments;
    if flags & CLONE_SIGNAL != 0 || signal > CLONE_SIGNAL || (stack == 0) != (stack_size == 0) {
        return Err(Errno::EINVAL.into());
    }
    if rest.iter().any(|&word| word != 0) {
        // Chosen numbers and control groups.
        kernel.missing.note(registers.rax);
        return Err(Errno::EINVAL.into());
    }
    let stack = stack.wrapping_add(stack_size);
    make(kernel, registers, &Request { flags, signal, stack, parent_tid, child_tid })
}

/// Reads `struct clone_args`, whose size tells which of its fields the program knows.
fn read_arguments(
    kernel: &mut Kernel,
    address: u64,
    size: u64,
) -> Result<[u64; CLONE_ARGS], Errno> {
    if size < CLONE_ARGS_FIRST as u64 * 8 {
        return Err(Errno::EINVAL);
    }
    if size > PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    let mut arguments = [0; CLONE_ARGS];
    for (offset, index) in (0..size / 8 * 8).step_by(8).zip(0..) {
        let word = kernel.memory().read_u64(UserAddr(address.wrapping_add(offset)))?;
        match arguments.get_mut(index) {
            Some(argument) => *argument = word,
            None if word != 0 => return Err(Errno::E2BIG),
            None => {}
        }
    }
    Ok(arguments)
}

fn make(kernel: &mut Kernel, registers: &Registers, request: &Request) -> Answer {
    let flags = request.flags;
    let memory = match flags & (CLONE_VM | CLONE_VFORK) {
        0 | CLONE_VFORK => Some(Memory::Copied),
        // Sharing memory while both run is what threads do.
        CLONE_VM => None,
        _ => Some(Memory::Borrowed),
    };
    let end_signal = kill::signal(request.signal)?.map_or(0, Signal::number);
    let Some(memory) = memory.filter(|_| flags & !CLONE_KNOWN == 0) else {
        kernel.missing.note(registers.rax);
        return Err(Errno::EINVAL.into());
    };
    let mut child = *registers;
    child.rax = 0;
    if request.stack != 0 {
        child.rsp = request.stack;
    }
    let pid = kernel.fork(child, memory)?;
    if let Some(child) = kernel.process_mut(pid) {
        child.end_signal = end_signal;
        if flags & CLONE_CLEAR_SIGHAND != 0 {
            child.signals.reset_handlers();
        }
    }
    let bytes = pid.to_le_bytes();
    if flags & CLONE_PARENT_SETTID != 0 {
        // As on Linux, a bad address is the program's own fault. Memory that both have is with the
        // child for now.
        let address = UserAddr(request.parent_tid);
        match memory {
            Memory::Copied => drop(kernel.memory().write(address, &bytes)),
            Memory::Borrowed => kernel.write_to_child(pid, address, &bytes),
        }
    }
    if flags & CLONE_CHILD_SETTID != 0 {
        kernel.write_to_child(pid, UserAddr(request.child_tid), &bytes);
    }
    Ok(pid.into())
}
