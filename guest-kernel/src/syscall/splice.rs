// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Moving bytes between open files without a program's memory: `sendfile`, `copy_file_range`,
//! `splice` and `tee`.

use super::buffers::{Buffers, check_end};
use super::pipe::{OnBroken, broken, read_pipe, write_pipe};
use super::{Answer, limits};
use crate::arch::trap::Registers;
use crate::drivers::serial;
use crate::errno::Errno;
use crate::fs::{DeviceKind, InodeId, Kind, MAX_FILE_SIZE, Segment};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::transfer;
use crate::proc::descriptors::{Blocking, O_APPEND, OpenFile, Target};
use crate::proc::pipe::{Pipe, Side};
use crate::proc::socket::SocketKind;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Bytes that one call moves, at most.
const MOVE_MAX: u64 = 16 << 20;

const SPLICE_F_NONBLOCK: u64 = 2;
const SPLICE_F_ALL: u64 = 15;

/// Where bytes come from.
enum Source {
    File(InodeId, u64),
    Pipe(Rc<Pipe>),
    Zeros,
}

/// Where bytes go.
enum Sink {
    File(InodeId, u64),
    Pipe(Rc<Pipe>),
    Console,
    Nothing,
}

/// An offset: the file's own, or one of the program's, at an address.
#[derive(Clone, Copy)]
struct Offset {
    value: u64,
    address: u64,
}

impl Offset {
    /// As an argument gives it: a pointer, or 0 for the file's own.
    fn read(kernel: &mut Kernel, file: &OpenFile, address: u64) -> Result<Self, Errno> {
        let value = match address {
            0 => file.offset.get(),
            _ => kernel.memory().read_u64(UserAddr(address))?,
        };
        Ok(Self { value, address })
    }

    /// Moves it behind what was done.
    fn advance(self, kernel: &mut Kernel, file: &OpenFile, count: u64) -> Result<(), Errno> {
        let value = self.value + count;
        if self.address == 0 {
            file.offset.set(value);
            return Ok(());
        }
        kernel.memory().write(UserAddr(self.address), &value.to_le_bytes())
    }
}

fn readable(kernel: &Kernel, fd: u64) -> Result<Rc<OpenFile>, Errno> {
    let file = kernel.process.descriptors.file(fd)?;
    if file.is_readable() { Ok(Rc::clone(file)) } else { Err(Errno::EBADF) }
}

fn writable(kernel: &Kernel, fd: u64) -> Result<Rc<OpenFile>, Errno> {
    let file = kernel.process.descriptors.file(fd)?;
    if file.is_writable() { Ok(Rc::clone(file)) } else { Err(Errno::EBADF) }
}

/// A regular file.
fn regular(kernel: &Kernel, file: &OpenFile) -> Result<InodeId, Errno> {
    match file.target {
        Target::Inode(inode) => match kernel.fs.kind(inode) {
            Kind::Regular => Ok(inode),
            Kind::Directory => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        },
        _ => Err(Errno::EINVAL),
    }
}

fn is_zeros(kernel: &Kernel, inode: InodeId) -> bool {
    matches!(kernel.fs.kind(inode), Kind::Character(DeviceKind::Zero | DeviceKind::Full))
}

/// What has positions, or is without end.
fn source(kernel: &Kernel, file: &OpenFile, offset: u64) -> Result<Source, Errno> {
    match file.target {
        Target::Inode(inode) if is_zeros(kernel, inode) => Ok(Source::Zeros),
        _ => Ok(Source::File(regular(kernel, file).map_err(|_| Errno::EINVAL)?, offset)),
    }
}

fn sink(kernel: &Kernel, file: &OpenFile, offset: u64) -> Result<Sink, Errno> {
    match &file.target {
        Target::Inode(inode) => match kernel.fs.kind(*inode) {
            Kind::Regular => Ok(Sink::File(*inode, offset)),
            Kind::Character(DeviceKind::Console | DeviceKind::Tty) => Ok(Sink::Console),
            Kind::Character(DeviceKind::Full) => Err(Errno::EINVAL),
            Kind::Character(_) => Ok(Sink::Nothing),
            _ => Err(Errno::EINVAL),
        },
        Target::Console => Ok(Sink::Console),
        Target::Pipe(pipe, _) => Ok(Sink::Pipe(Rc::clone(pipe))),
        Target::Socket(socket) if socket.is_writing() && socket.kind == SocketKind::Stream => {
            Ok(Sink::Pipe(Rc::clone(&socket.outgoing.pipe)))
        }
        _ => Err(Errno::EINVAL),
    }
}

pub(super) fn sendfile(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (address, count) = (call.argument(2), call.argument(3));
    let from = readable(kernel, call.argument(1))?;
    if address != 0 && matches!(from.target, Target::Pipe(..) | Target::Socket(_)) {
        return Err(Errno::ESPIPE.into());
    }
    let offset = Offset::read(kernel, &from, address)?;
    check_end(offset.value, count)?;
    let to = writable(kernel, call.argument(0))?;
    check_end(to.offset.get(), count)?;
    let source = source(kernel, &from, offset.value)?;
    if to.flags.get() & O_APPEND != 0 {
        return Err(Errno::EINVAL.into());
    }
    let target = sink(kernel, &to, to.offset.get())?;
    let moved = transport(kernel, &source, &target, count, to.blocking())?;
    offset.advance(kernel, &from, moved)?;
    if let Sink::File(_, start) = target {
        to.offset.set(start + moved);
    }
    Ok(moved)
}

pub(super) fn copy_file_range(kernel: &mut Kernel, call: &Registers) -> Answer {
    let from = kernel.file(call.argument(0))?;
    let to = kernel.file(call.argument(2))?;
    let start = Offset::read(kernel, &from, call.argument(1))?;
    let end = Offset::read(kernel, &to, call.argument(3))?;
    if call.argument(5) & 0xffff_ffff != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (source, target) = (regular(kernel, &from)?, regular(kernel, &to)?);
    let appends = to.flags.get() & O_APPEND != 0;
    if !from.is_readable() || !to.is_writable() || appends {
        return Err(Errno::EBADF.into());
    }
    kernel.fs.check_same_system(source, target)?;
    let asked = call.argument(4);
    if start.value.max(end.value).checked_add(asked).is_none() {
        return Err(Errno::EOVERFLOW.into());
    }
    if end.value.cast_signed() >= MAX_FILE_SIZE.cast_signed() {
        return Err(Errno::EFBIG.into());
    }
    // What is not there to be copied does not overlap either.
    let count = asked.min(kernel.fs.size(source)?.saturating_sub(start.value));
    if source == target && start.value.abs_diff(end.value) < count {
        return Err(Errno::EINVAL.into());
    }
    check_end(start.value, count)?;
    check_end(end.value, count)?;
    let (from_file, to_file) = (Source::File(source, start.value), Sink::File(target, end.value));
    let moved = transport(kernel, &from_file, &to_file, count, Blocking::Yes)?;
    start.advance(kernel, &from, moved)?;
    end.advance(kernel, &to, moved)?;
    Ok(moved)
}

pub(super) fn splice(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (in_address, out_address) = (call.argument(1), call.argument(3));
    let (count, flags) = (call.argument(4), call.argument(5) & 0xffff_ffff);
    if flags & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL.into());
    }
    if count == 0 {
        return Ok(0);
    }
    let from = kernel.file(call.argument(0))?;
    let to = kernel.file(call.argument(2))?;
    let in_pipe = matches!(from.target, Target::Pipe(..));
    let out_pipe = matches!(to.target, Target::Pipe(..));
    if in_pipe && in_address != 0 || out_pipe && out_address != 0 {
        return Err(Errno::ESPIPE.into());
    }
    let start = Offset::read(kernel, &from, in_address)?;
    let end = Offset::read(kernel, &to, out_address)?;
    if !from.is_readable() || !to.is_writable() {
        return Err(Errno::EBADF.into());
    }
    if !in_pipe && !out_pipe {
        return Err(Errno::EINVAL.into());
    }
    if !out_pipe && to.flags.get() & O_APPEND != 0 {
        return Err(Errno::EINVAL.into());
    }
    for (is_pipe, offset) in [(in_pipe, start), (out_pipe, end)] {
        if !is_pipe {
            check_end(offset.value, count)?;
        }
    }
    let source = match &from.target {
        Target::Pipe(pipe, _) => Source::Pipe(Rc::clone(pipe)),
        _ => self::source(kernel, &from, start.value)?,
    };
    let target = sink(kernel, &to, end.value)?;
    if let (Source::Pipe(one), Sink::Pipe(other)) = (&source, &target)
        && Rc::ptr_eq(one, other)
    {
        return Err(Errno::EINVAL.into());
    }
    let waits = flags & SPLICE_F_NONBLOCK == 0
        && (!in_pipe || from.blocking() == Blocking::Yes)
        && (!out_pipe || to.blocking() == Blocking::Yes);
    let blocking = if waits { Blocking::Yes } else { Blocking::No };
    let moved = transport(kernel, &source, &target, count, blocking)?;
    if let Source::Pipe(pipe) = &source {
        pipe.consume(moved);
        kernel.wake(&pipe.write_waiters);
    } else {
        start.advance(kernel, &from, moved)?;
    }
    if let Sink::File(..) = target {
        end.advance(kernel, &to, moved)?;
    }
    Ok(moved)
}

/// Copies from pipe to pipe; the first one keeps its bytes.
pub(super) fn tee(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (count, flags) = (call.argument(2), call.argument(3) & 0xffff_ffff);
    if flags & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL.into());
    }
    if count == 0 {
        return Ok(0);
    }
    let from = readable(kernel, call.argument(0))?;
    let to = writable(kernel, call.argument(1))?;
    let (Target::Pipe(source, _), Target::Pipe(target, _)) = (&from.target, &to.target) else {
        return Err(Errno::EINVAL.into());
    };
    if Rc::ptr_eq(source, target) {
        return Err(Errno::EINVAL.into());
    }
    let blocking = if flags & SPLICE_F_NONBLOCK != 0 { Blocking::No } else { Blocking::Yes };
    let (source, target) = (Source::Pipe(Rc::clone(source)), Sink::Pipe(Rc::clone(target)));
    transport(kernel, &source, &target, count, blocking)
}

/// Copies bytes; as many as there are and as there is room for, or waits for the first. Taking
/// them from a pipe is left to the caller.
fn transport(
    kernel: &mut Kernel,
    source: &Source,
    sink: &Sink,
    count: u64,
    blocking: Blocking,
) -> Answer {
    if let Sink::Pipe(pipe) = sink
        && !pipe.is_open(Side::Reader)
    {
        return Err(broken(kernel, OnBroken::Signal).into());
    }
    let mut count = count.min(MOVE_MAX);
    count = match source {
        Source::File(inode, offset) => count.min(kernel.fs.size(*inode)?.saturating_sub(*offset)),
        Source::Zeros => count,
        Source::Pipe(pipe) if pipe.nr_bytes() > 0 => count.min(pipe.nr_bytes()),
        Source::Pipe(pipe) if !pipe.is_open(Side::Writer) => 0,
        Source::Pipe(pipe) => return Err(kernel.put_off(blocking, &pipe.read_waiters)),
    };
    if count == 0 {
        return Ok(0);
    }
    match sink {
        Sink::File(inode, offset) => {
            let count = limits::file_room(kernel, *offset, count)?;
            let now = kernel.now();
            let count = kernel.fs.prepare_write(*inode, *offset, count, now)?;
            let from = segments(kernel, source, count)?;
            transfer::between(from.into_iter(), kernel.fs.segments(*inode, *offset, count)?);
            Ok(count)
        }
        Sink::Pipe(pipe) => {
            let count = pipe.room_for(count);
            if count == 0 {
                return Err(kernel.put_off(blocking, &pipe.write_waiters));
            }
            let from = segments(kernel, source, count)?;
            let pieces = pipe.writable(count)?;
            let to = pieces.iter().map(|&(start, len)| Segment::Memory(start, len));
            transfer::between(from.into_iter(), to);
            pipe.produce_pages(count);
            kernel.wake(&pipe.read_waiters);
            Ok(count)
        }
        Sink::Console => {
            for segment in segments(kernel, source, count)? {
                print(segment);
            }
            Ok(count)
        }
        Sink::Nothing => Ok(count),
    }
}

/// Where the bytes to copy lie.
fn segments(kernel: &Kernel, source: &Source, count: u64) -> Result<Vec<Segment>, Errno> {
    match source {
        Source::File(inode, offset) => Ok(kernel.fs.segments(*inode, *offset, count)?.collect()),
        Source::Zeros => Ok(Vec::from([Segment::Hole(count)])),
        Source::Pipe(pipe) => {
            let pieces = pipe.readable(count).into_iter();
            Ok(pieces.map(|(start, len)| Segment::Memory(start, len)).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most MOVE_MAX")]
fn print(segment: Segment) {
    match segment {
        Segment::Memory(start, len) => serial::write_frames(start, len as usize),
        Segment::Hole(mut len) => {
            const ZEROS: [u8; 64] = [0; 64];
            while len > 0 {
                let now = len.min(ZEROS.len() as u64);
                serial::write(&ZEROS[..now as usize]);
                len -= now;
            }
        }
    }
}

/// Writes a program's memory to a pipe, or reads a pipe into it. Pages are copied, whatever the
/// flags say of giving them away.
pub(super) fn vmsplice(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(3) & 0xffff_ffff;
    if flags & !SPLICE_F_ALL != 0 {
        return Err(Errno::EINVAL.into());
    }
    let file = kernel.file(call.argument(0))?;
    let Target::Pipe(pipe, side) = &file.target else { return Err(Errno::EBADF.into()) };
    let buffers = Buffers::Vector { address: call.argument(1), count: call.argument(2) };
    let blocking = if flags & SPLICE_F_NONBLOCK != 0 { Blocking::No } else { file.blocking() };
    match side {
        Side::Reader => read_pipe(kernel, pipe, blocking, buffers),
        _ => write_pipe(kernel, pipe, blocking, OnBroken::Signal, buffers),
    }
}
