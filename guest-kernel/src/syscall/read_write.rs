// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reading and writing: `read`, `write` and their vectored and positioned forms.

use super::buffers::{Buffers, COUNT_MAX, check_end, collect};
use super::pipe::{OnBroken, read_pipe, write_pipe};
use super::{Answer, console, event_counter, limits, signal_source, socket, timer};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::drivers::serial;
use crate::errno::Errno;
use crate::fs::{DeviceKind, InodeId, Kind};
use crate::kernel::Kernel;
use crate::mm::frames::frames;
use crate::mm::transfer;
use crate::proc::descriptors::{Blocking, O_APPEND, OpenFile, Target};
use alloc::rc::Rc;

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

    /// As `preadv2` has it: -1 is the file's own position.
    fn from_second_form(offset: u64) -> Result<Self, Errno> {
        if offset == u64::MAX { Ok(Self::Current) } else { Self::from_argument(offset) }
    }

    /// What has no positions can only be used where it is.
    fn check_is_current(self) -> Result<(), Errno> {
        if self == Self::Current { Ok(()) } else { Err(Errno::ESPIPE) }
    }
}

/// Flags of `preadv2` and `pwritev2` that memory satisfies as it is: `RWF_HIPRI`, `RWF_DSYNC` and
/// `RWF_SYNC`.
const RWF_SATISFIED: u64 = 1 | 2 | 4;
const RWF_NOWAIT: u64 = 8;
const RWF_APPEND: u64 = 16;

/// How one call differs from what the open file says.
#[derive(Clone, Copy, Default)]
struct Way {
    /// It does not wait.
    is_impatient: bool,
    /// It writes at the end.
    appends: bool,
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

pub(super) fn preadv2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    let position = Position::from_second_form(call.argument(3))?;
    let way = way(kernel, call, OpenFile::is_readable)?;
    read_in_a_way(kernel, call.argument(0), buffers, position, way)
}

pub(super) fn pwritev2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    let position = Position::from_second_form(call.argument(3))?;
    let way = way(kernel, call, OpenFile::is_writable)?;
    write_in_a_way(kernel, call.argument(0), buffers, position, way)
}

fn way(
    kernel: &mut Kernel,
    call: &Registers,
    is_for_this: fn(&OpenFile) -> bool,
) -> Result<Way, Errno> {
    let flags = call.argument(5) & 0xffff_ffff;
    if !is_for_this(kernel.process.descriptors.file(call.argument(0))?) {
        return Err(Errno::EBADF);
    }
    if flags & !(RWF_SATISFIED | RWF_NOWAIT | RWF_APPEND) != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(Way { is_impatient: flags & RWF_NOWAIT != 0, appends: flags & RWF_APPEND != 0 })
}

/// What is read from or written to, as far as it is something in the tree or the console.
enum Object {
    File(InodeId),
    Device(DeviceKind),
}

fn object(kernel: &Kernel, target: &Target, position: Position) -> Result<Object, Errno> {
    let object = match target {
        &Target::Inode(inode) => match kernel.fs.kind(inode) {
            Kind::Regular => Object::File(inode),
            Kind::Character(device) => Object::Device(device),
            Kind::Directory => return Err(Errno::EISDIR),
            Kind::Symlink | Kind::Fifo => return Err(Errno::EBADF),
        },
        _ => Object::Device(DeviceKind::Console),
    };
    let is_stream = matches!(object, Object::Device(DeviceKind::Console | DeviceKind::Tty));
    if is_stream && position != Position::Current { Err(Errno::ESPIPE) } else { Ok(object) }
}

/// Reads from what is neither in the tree nor the console.
fn read_stream(kernel: &mut Kernel, file: &OpenFile, buffers: Buffers, way: Way) -> Answer {
    let blocking = if way.is_impatient { Blocking::No } else { file.blocking() };
    match &file.target {
        Target::Pipe(pipe, _) => read_pipe(kernel, pipe, blocking, buffers),
        Target::Socket(socket) => socket::read(kernel, socket, blocking, buffers),
        Target::EventCounter(counter) => event_counter::read(kernel, counter, blocking, buffers),
        Target::Timer(timer) => timer::read(kernel, timer, blocking, buffers),
        Target::Signals(source) => signal_source::read(kernel, source, blocking, buffers),
        Target::ConsoleInput(input) => console::read(kernel, input, blocking, buffers),
        Target::Inode(_) | Target::Console | Target::Epoll(_) | Target::Process(_) => {
            Err(Errno::EINVAL.into())
        }
    }
}

/// Writes to what is neither in the tree nor the console.
fn write_stream(kernel: &mut Kernel, file: &OpenFile, buffers: Buffers, way: Way) -> Answer {
    let blocking = if way.is_impatient { Blocking::No } else { file.blocking() };
    match &file.target {
        Target::Pipe(pipe, _) => write_pipe(kernel, pipe, blocking, OnBroken::Signal, buffers),
        Target::Socket(socket) => socket::write(kernel, socket, blocking, buffers),
        Target::EventCounter(counter) => event_counter::write(kernel, counter, blocking, buffers),
        Target::ConsoleInput(input) => console::write(kernel, input, blocking, buffers),
        Target::Inode(_)
        | Target::Console
        | Target::Epoll(_)
        | Target::Timer(_)
        | Target::Signals(_)
        | Target::Process(_) => Err(Errno::EINVAL.into()),
    }
}

/// Why a file that is not open for it is not read or written.
fn refusal(file: &OpenFile, position: Position) -> Errno {
    match file.target {
        Target::Inode(_) | Target::Console => Errno::EBADF,
        _ => position.check_is_current().err().unwrap_or(Errno::EBADF),
    }
}

fn read_into(kernel: &mut Kernel, fd: u64, buffers: Buffers, position: Position) -> Answer {
    read_in_a_way(kernel, fd, buffers, position, Way::default())
}

#[inline]
fn read_in_a_way(
    kernel: &mut Kernel,
    fd: u64,
    buffers: Buffers,
    position: Position,
    way: Way,
) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(fd)?);
    if !file.is_readable() {
        return Err(refusal(&file, position).into());
    }
    if !matches!(file.target, Target::Inode(_) | Target::Console) {
        position.check_is_current()?;
        return read_stream(kernel, &file, buffers, way);
    }
    match object(kernel, &file.target, position)? {
        Object::File(inode) => {
            let offset = match position {
                Position::Current => file.offset.get(),
                Position::At(offset) => offset,
            };
            // What lies behind the end is not read, so the buffer is not touched for it.
            let left = kernel.fs.size(inode)?.saturating_sub(offset);
            if left == 0 {
                check_end(offset, buffers.len(kernel)?)?;
            }
            let len = collect(kernel, buffers, left, FaultAccess::Write)?;
            transfer::read(kernel.fs.segments(inode, offset, len)?, &kernel.ranges);
            let len = len.min(left);
            if position == Position::Current {
                file.offset.set(offset + len);
            }
            Ok(len)
        }
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
    write_in_a_way(kernel, fd, buffers, position, Way::default())
}

#[inline]
fn write_in_a_way(
    kernel: &mut Kernel,
    fd: u64,
    buffers: Buffers,
    position: Position,
    way: Way,
) -> Answer {
    let file = Rc::clone(kernel.process.descriptors.file(fd)?);
    if !file.is_writable() {
        return Err(refusal(&file, position).into());
    }
    if !matches!(file.target, Target::Inode(_) | Target::Console) {
        position.check_is_current()?;
        return write_stream(kernel, &file, buffers, way);
    }
    match object(kernel, &file.target, position)? {
        Object::File(inode) => {
            let mut offset = match position {
                Position::Current => file.offset.get(),
                Position::At(offset) => offset,
            };
            let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
            if len == 0 {
                return Ok(0);
            }
            check_end(offset, len)?;
            if way.appends || file.flags.get() & O_APPEND != 0 {
                offset = kernel.fs.size(inode)?;
            }
            let len = limits::file_room(kernel, offset, len)?;
            let now = kernel.now();
            let len = kernel.fs.prepare_write(inode, offset, len, now)?;
            transfer::write(kernel.fs.segments(inode, offset, len)?, &kernel.ranges);
            if position == Position::Current {
                file.offset.set(offset + len);
            }
            Ok(len)
        }
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

/// Fills the collected buffers.
pub(super) fn fill_random(kernel: &mut Kernel) {
    for &(start, len) in kernel.ranges.as_slice() {
        let mut done = 0;
        while done < len {
            let word = kernel.random.next_word().to_le_bytes();
            let count = (len - done).min(8) as usize;
            frames().write(start.add(done), &word[..count]);
            done += count as u64;
        }
    }
}
