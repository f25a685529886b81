// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reading and writing: `read`, `write` and their vectored and positioned forms.

use super::{Answer, Fail};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::drivers::serial;
use crate::errno::Errno;
use crate::fs::{DeviceKind, InodeId, Kind};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;
use crate::mm::transfer;
use crate::mm::user::UserMemory;
use crate::proc::descriptors::{OpenFile, Target};
use crate::proc::pipe::{ATOMIC_BYTES, Pipe};
use crate::proc::signal::{Signal, SignalInfo};
use alloc::rc::Rc;

/// Access mode in the flags of an open file.
const O_ACCMODE: u32 = 3;
const O_RDONLY: u32 = 0;
const O_WRONLY: u32 = 1;
const O_APPEND: u32 = 0o2000;
const O_NONBLOCK: u32 = 0o4000;

/// Bytes that one call moves, at most: Linux's `MAX_RW_COUNT`.
const COUNT_MAX: u64 = 0x7fff_f000;

/// Buffers in a vector, at most: `IOV_MAX`.
const IOV_MAX: u64 = 1024;

/// Which bytes of the file are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Those at the file's own position, which moves.
    Current,
    /// Those at an offset.
    At(u64),
}

impl Position {
    fn from_argument(offset: u64) -> Result<Self, Errno> {
        if offset.cast_signed() < 0 { Err(Errno::EINVAL) } else { Ok(Self::At(offset)) }
    }
}

/// Which buffers of the program are meant.
#[derive(Clone, Copy)]
enum Buffers {
    One { address: u64, len: u64 },
    Vector { address: u64, count: u64 },
}

pub(super) fn read(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::One { address: call.argument(1), len: call.argument(2) };
    read_into(kernel, call.argument(0), buffers, Position::Current)
}

pub(super) fn write(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::One { address: call.argument(1), len: call.argument(2) };
    write_from(kernel, call.argument(0), buffers, Position::Current)
}

pub(super) fn pread64(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::One { address: call.argument(1), len: call.argument(2) };
    read_into(kernel, call.argument(0), buffers, Position::from_argument(call.argument(3))?)
}

pub(super) fn pwrite64(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::One { address: call.argument(1), len: call.argument(2) };
    write_from(kernel, call.argument(0), buffers, Position::from_argument(call.argument(3))?)
}

pub(super) fn readv(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    read_into(kernel, call.argument(0), buffers, Position::Current)
}

pub(super) fn writev(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    write_from(kernel, call.argument(0), buffers, Position::Current)
}

pub(super) fn preadv(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    read_into(kernel, call.argument(0), buffers, Position::from_argument(call.argument(3))?)
}

pub(super) fn pwritev(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    write_from(kernel, call.argument(0), buffers, Position::from_argument(call.argument(3))?)
}

/// What is read from or written to, after all checks of the descriptor.
enum Object {
    File(InodeId),
    Device(DeviceKind),
    Pipe(Rc<Pipe>),
}

fn object(kernel: &Kernel, file: &OpenFile, position: Position) -> Result<Object, Errno> {
    let object = match &file.target {
        Target::Console => Object::Device(DeviceKind::Console),
        Target::PipeReader(pipe) | Target::PipeWriter(pipe) => Object::Pipe(Rc::clone(pipe)),
        &Target::Inode(inode) => match kernel.fs.kind(inode) {
            Kind::Regular => Object::File(inode),
            Kind::Character(device) => Object::Device(device),
            Kind::Directory => return Err(Errno::EISDIR),
            Kind::Symlink => return Err(Errno::EBADF),
            Kind::Fifo => return Err(Errno::ENXIO),
        },
    };
    let is_stream =
        matches!(object, Object::Pipe(_) | Object::Device(DeviceKind::Console | DeviceKind::Tty));
    if is_stream && position != Position::Current { Err(Errno::ESPIPE) } else { Ok(object) }
}

fn read_into(kernel: &mut Kernel, fd: u64, buffers: Buffers, position: Position) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(fd)?);
    if file.flags.get() & O_ACCMODE == O_WRONLY {
        return Err(Errno::EBADF.into());
    }
    let object = object(kernel, &file, position)?;
    match object {
        Object::File(inode) => {
            let offset = match position {
                Position::Current => file.offset.get(),
                Position::At(offset) => offset,
            };
            // What lies behind the end is not read, so the buffer is not touched for it.
            let left = kernel.fs.size(inode)?.saturating_sub(offset);
            let len = collect(kernel, buffers, left, FaultAccess::Write)?;
            transfer::read(kernel.fs.segments(inode, offset, len)?, &kernel.ranges);
            let len = len.min(left);
            if position == Position::Current {
                file.offset.set(offset + len);
            }
            Ok(len)
        }
        Object::Pipe(pipe) => read_pipe(kernel, &pipe, &file, buffers),
        // Nothing is typed in: reading the console is reading the end of a file.
        Object::Device(DeviceKind::Null | DeviceKind::Console | DeviceKind::Tty) => Ok(0),
        Object::Device(DeviceKind::Zero | DeviceKind::Full) => {
            let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Write)?;
            transfer::zero(&kernel.ranges);
            Ok(len)
        }
        Object::Device(DeviceKind::Random | DeviceKind::Urandom) => {
            let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Write)?;
            fill_random(kernel);
            Ok(len)
        }
    }
}

fn write_from(kernel: &mut Kernel, fd: u64, buffers: Buffers, position: Position) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(fd)?);
    if file.flags.get() & O_ACCMODE == O_RDONLY {
        return Err(Errno::EBADF.into());
    }
    match object(kernel, &file, position)? {
        Object::File(inode) => {
            let offset = match position {
                _ if file.flags.get() & O_APPEND != 0 => kernel.fs.size(inode)?,
                Position::Current => file.offset.get(),
                Position::At(offset) => offset,
            };
            let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
            if len == 0 {
                return Ok(0);
            }
            let now = kernel.now();
            let len = kernel.fs.prepare_write(inode, offset, len, now)?;
            transfer::write(kernel.fs.segments(inode, offset, len)?, &kernel.ranges);
            if position == Position::Current {
                file.offset.set(offset + len);
            }
            Ok(len)
        }
        Object::Pipe(pipe) => write_pipe(kernel, &pipe, &file, buffers),
        Object::Device(DeviceKind::Full) => Err(Errno::ENOSPC.into()),
        Object::Device(DeviceKind::Console | DeviceKind::Tty) => {
            let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
            for &(start, len) in kernel.ranges.as_slice() {
                #[expect(clippy::cast_possible_truncation, reason = "at most COUNT_MAX")]
                serial::write_frames(start, len as usize);
            }
            Ok(len)
        }
        Object::Device(_) => Ok(collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?),
    }
}

/// Reads what is there; waits while there is nothing and somebody may still write.
fn read_pipe(kernel: &mut Kernel, pipe: &Pipe, file: &OpenFile, buffers: Buffers) -> Answer {
    if pipe.nr_bytes() == 0 {
        if pipe.writers.get() == 0 {
            return Ok(0);
        }
        if file.flags.get() & O_NONBLOCK != 0 {
            return Err(Errno::EAGAIN.into());
        }
        pipe.waiters.borrow_mut().add(kernel.process.pid);
        return Err(Fail::Wait);
    }
    let len = collect(kernel, buffers, pipe.nr_bytes(), FaultAccess::Write)?;
    transfer::read_pieces(&pipe.readable(len), &kernel.ranges);
    pipe.consume(len);
    kernel.wake(&mut pipe.waiters.borrow_mut());
    Ok(len)
}

/// Writes what there is room for. Small writes are not split, and a write that waits has written
/// nothing of what it still has to: how much it has is kept with the process.
fn write_pipe(kernel: &mut Kernel, pipe: &Pipe, file: &OpenFile, buffers: Buffers) -> Answer {
    if pipe.readers.get() == 0 {
        let written = core::mem::take(&mut kernel.process.written);
        if written > 0 {
            return Ok(written);
        }
        let pid = kernel.process.pid;
        kernel.send(pid, Signal::SIGPIPE, SignalInfo { pid, ..SignalInfo::default() });
        return Err(Errno::EPIPE.into());
    }
    let written = kernel.process.written;
    let all = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
    kernel.ranges.skip(written);
    let len = all - written;
    if len == 0 {
        return Ok(0);
    }
    let room = pipe.room();
    if room == 0 || len <= ATOMIC_BYTES && room < len {
        if file.flags.get() & O_NONBLOCK != 0 {
            return Err(Errno::EAGAIN.into());
        }
        pipe.waiters.borrow_mut().add(kernel.process.pid);
        return Err(Fail::Wait);
    }
    let now = len.min(room);
    transfer::write_pieces(&pipe.writable(now)?, &kernel.ranges);
    pipe.produce(now);
    kernel.wake(&mut pipe.waiters.borrow_mut());
    if now == len || file.flags.get() & O_NONBLOCK != 0 {
        kernel.process.written = 0;
        return Ok(written + now);
    }
    kernel.process.written = written + now;
    pipe.waiters.borrow_mut().add(kernel.process.pid);
    Err(Fail::Wait)
}

/// Collects at most `max` bytes of the buffers.
fn collect(
    kernel: &mut Kernel,
    buffers: Buffers,
    max: u64,
    access: FaultAccess,
) -> Result<u64, Errno> {
    let max = max.min(COUNT_MAX);
    match buffers {
        Buffers::One { address, len } => {
            if !UserAddr(address).is_range_below_end(len) {
                return Err(Errno::EFAULT);
            }
            kernel.collect(address, len.min(max), access)
        }
        Buffers::Vector { address, count } => collect_vector(kernel, (address, count), max, access),
    }
}

fn collect_vector(
    kernel: &mut Kernel,
    (address, count): (u64, u64),
    max: u64,
    access: FaultAccess,
) -> Result<u64, Errno> {
    if count > IOV_MAX {
        return Err(Errno::EINVAL);
    }
    kernel.ranges.clear();
    let mut memory = UserMemory { space: &mut kernel.process.space, fs: &mut kernel.fs };
    let mut total = 0;
    let mut is_cut = false;
    for index in 0..count {
        let at = address.checked_add(index * 16).ok_or(Errno::EFAULT)?;
        let base = memory.read_u64(UserAddr(at))?;
        let len = memory.read_u64(UserAddr(at + 8))?;
        if len.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        if !UserAddr(base).is_range_below_end(len) {
            return Err(Errno::EFAULT);
        }
        let wanted = len.min(max - total);
        if wanted == 0 || is_cut {
            continue;
        }
        match memory.collect(UserAddr(base), wanted, access, &mut kernel.ranges) {
            Ok(done) => {
                total += done;
                is_cut = done < wanted;
            }
            Err(error) if total == 0 => return Err(error),
            Err(_) => is_cut = true,
        }
    }
    Ok(total)
}

fn fill_random(kernel: &mut Kernel) {
    for &(start, len) in kernel.ranges.as_slice() {
        let mut done = 0;
        while done < len {
            let word = kernel.random.next_word().to_le_bytes();
            #[expect(clippy::cast_possible_truncation, reason = "at most 8")]
            let count = (len - done).min(8) as usize;
            frames().write(start.add(done), &word[..count]);
            done += count as u64;
        }
    }
}
