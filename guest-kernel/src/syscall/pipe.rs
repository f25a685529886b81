// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Pipes: making, reading and writing them.

use super::buffers::{Buffers, COUNT_MAX, collect};
use super::{Answer, Fail};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::transfer;
use crate::proc::descriptors::{Blocking, Descriptor, O_WRONLY, OpenFile, Target};
use crate::proc::pipe::{ATOMIC_BYTES, Pipe, Side};
use crate::proc::signal::{Signal, SignalInfo};
use alloc::rc::Rc;

const O_NONBLOCK: u64 = 0o4000;
const O_CLOEXEC: u64 = 0o2_000_000;

pub(super) fn pipe(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), 0)
}

pub(super) fn pipe2(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), call.argument(1))
}

fn make(kernel: &mut Kernel, address: u64, flags: u64) -> Answer {
    if flags & !(O_NONBLOCK | O_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let pipe = Rc::new(Pipe::new(kernel.processes.shared().next_number()));
    let status = (flags & O_NONBLOCK) as u32;
    let close_on_exec = flags & O_CLOEXEC != 0;
    let reader = OpenFile::new(Target::Pipe(Rc::clone(&pipe), Side::Reader), status);
    let writer = OpenFile::new(Target::Pipe(pipe, Side::Writer), status | O_WRONLY);
    put_pair(kernel, [reader, writer], close_on_exec, address)
}

/// Gives two open files descriptors, and the program their numbers. What cannot be told of is
/// closed again.
pub(super) fn put_pair(
    kernel: &mut Kernel,
    files: [OpenFile; 2],
    close_on_exec: bool,
    address: u64,
) -> Answer {
    let mut bytes = [0; 8];
    let mut made = [None; 2];
    let mut result = Ok(());
    for ((slot, fd_slot), file) in bytes.chunks_exact_mut(4).zip(&mut made).zip(files) {
        let descriptor = Descriptor { file: Rc::new(file), close_on_exec };
        match kernel.process.descriptors.insert(descriptor, 0) {
            Ok(fd) => {
                slot.copy_from_slice(&fd.to_le_bytes()[..4]);
                *fd_slot = Some(fd);
            }
            Err(error) => result = Err(error),
        }
    }
    let result = result.and_then(|()| kernel.memory().write(UserAddr(address), &bytes));
    if let Err(error) = result {
        for fd in made.into_iter().flatten() {
            let descriptor = kernel.process.descriptors.remove(fd)?;
            kernel.release(descriptor);
        }
        return Err(error.into());
    }
    Ok(0)
}

/// What happens to a program that writes where nobody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnBroken {
    /// It gets `SIGPIPE`.
    Signal,
    /// Its call fails: `MSG_NOSIGNAL`.
    Fail,
}

/// Nobody reads what would be written.
pub(super) fn broken(kernel: &mut Kernel, on_broken: OnBroken) -> Errno {
    if on_broken == OnBroken::Signal {
        let pid = kernel.process.pid;
        kernel.send(pid, Signal::SIGPIPE, SignalInfo::of_process(0, pid));
    }
    Errno::EPIPE
}

/// Reads what is there; waits while there is nothing and somebody may still write.
pub(super) fn read_pipe(
    kernel: &mut Kernel,
    pipe: &Pipe,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    if pipe.nr_bytes() == 0 {
        if buffers.is_empty() || !pipe.is_open(Side::Writer) {
            return Ok(0);
        }
        return Err(kernel.put_off(blocking, &pipe.read_waiters));
    }
    let len = collect(kernel, buffers, pipe.nr_bytes(), FaultAccess::Write)?;
    transfer::read_pieces(&pipe.readable(len), &kernel.ranges);
    pipe.consume(len);
    kernel.wake(&pipe.write_waiters);
    Ok(len)
}

/// Writes what there is room for. Small writes are not split, and a write that waits has written
/// nothing of what it still has to: how much it has is kept with the process.
pub(super) fn write_pipe(
    kernel: &mut Kernel,
    pipe: &Pipe,
    blocking: Blocking,
    on_broken: OnBroken,
    buffers: Buffers,
) -> Answer {
    if buffers.is_empty() {
        return Ok(0);
    }
    // What a call that waited wrote before. It is put back only to wait again.
    let written = core::mem::take(&mut kernel.process.written);
    if !pipe.is_open(Side::Reader) {
        if written > 0 {
            return Ok(written);
        }
        return Err(broken(kernel, on_broken).into());
    }
    // Another process may have changed the buffers since.
    let all = match collect(kernel, buffers, COUNT_MAX, FaultAccess::Read) {
        Ok(all) => all,
        Err(_) if written > 0 => return Ok(written),
        Err(error) => return Err(error.into()),
    };
    let Some(len) = all.checked_sub(written).filter(|&len| len > 0) else {
        return Ok(written);
    };
    kernel.ranges.skip(written);
    let room = pipe.room_for(len);
    if room == 0 || len <= ATOMIC_BYTES && room < len {
        if blocking == Blocking::No {
            return if written > 0 { Ok(written) } else { Err(Errno::EAGAIN.into()) };
        }
        kernel.process.written = written;
        pipe.write_waiters.add(kernel.process.pid);
        return Err(Fail::Wait);
    }
    transfer::write_pieces(&pipe.writable(room)?, &kernel.ranges);
    pipe.produce_pages(room);
    kernel.wake(&pipe.read_waiters);
    if room == len || blocking == Blocking::No {
        return Ok(written + room);
    }
    kernel.process.written = written + room;
    pipe.write_waiters.add(kernel.process.pid);
    Err(Fail::Wait)
}
