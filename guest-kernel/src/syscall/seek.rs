// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Positions and sizes of files, and the calls that make them durable.

use super::{Answer, limits, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{Follow, InodeId, Kind};
use crate::kernel::Kernel;
use crate::proc::descriptors::Target;

const SEEK_SET: u64 = 0;
const SEEK_CUR: u64 = 1;
const SEEK_END: u64 = 2;
const SEEK_DATA: u64 = 3;
const SEEK_HOLE: u64 = 4;

pub(super) fn lseek(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, offset, whence) = (call.argument(0), call.argument(1).cast_signed(), call.argument(2));
    let file = kernel.file(fd)?;
    let inode = match file.target {
        Target::Inode(inode) => inode,
        // Counters, timers and sets have one position, as on Linux.
        Target::EventCounter(_)
        | Target::Timer(_)
        | Target::Epoll(_)
        | Target::Signals(_)
        | Target::Process(_) => return Ok(0),
        Target::Console | Target::ConsoleInput(_) | Target::Pipe(..) | Target::Socket(_) => {
            return Err(Errno::ESPIPE.into());
        }
    };
    let kind = kernel.fs.kind(inode);
    let base = match (whence, kind) {
        (_, Kind::Fifo) => return Err(Errno::ESPIPE.into()),
        // Devices stay where they are.
        (SEEK_SET | SEEK_CUR | SEEK_END, Kind::Character(_)) => return Ok(0),
        (SEEK_SET, _) => 0,
        (SEEK_CUR, Kind::Directory) => file.cursor.borrow().offset(),
        (SEEK_CUR, _) => file.offset.get(),
        (SEEK_END, Kind::Regular) => kernel.fs.size(inode)?,
        (SEEK_DATA | SEEK_HOLE, Kind::Regular) => {
            let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
            let found = match whence {
                SEEK_DATA => kernel.fs.seek_data(inode, from)?,
                _ => kernel.fs.seek_hole(inode, from)?,
            };
            file.offset.set(found);
            return Ok(found);
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    let sum = base.cast_signed().checked_add(offset).ok_or(Errno::EINVAL)?;
    let position = u64::try_from(sum).map_err(|_| Errno::EINVAL)?;
    if kind == Kind::Directory {
        *file.cursor.borrow_mut() = crate::fs::Cursor::at(position);
    } else {
        file.offset.set(position);
    }
    Ok(position)
}

pub(super) fn truncate(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1).cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let text = path::read(kernel, call.argument(0))?;
    let inode = kernel.fs.resolve(kernel.process.cwd, &text, Follow::Last)?;
    kernel.check_is_not_run(inode)?;
    set_size(kernel, inode, call.argument(1))
}

pub(super) fn ftruncate(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1).cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let file = kernel.process.descriptors.file(call.argument(0))?;
    match file.target {
        Target::Inode(inode) if file.is_writable() => set_size(kernel, inode, call.argument(1)),
        _ => Err(Errno::EINVAL.into()),
    }
}

fn set_size(kernel: &mut Kernel, inode: InodeId, size: u64) -> Answer {
    if size > kernel.fs.size(inode)? {
        limits::check_file_size(kernel, size)?;
    }
    resize(kernel, inode, size)?;
    Ok(0)
}

/// Gives a file a size; nobody's mapping shows any longer what it loses by that.
pub(super) fn resize(kernel: &mut Kernel, inode: InodeId, size: u64) -> Result<(), Errno> {
    let (before, now) = (kernel.fs.size(inode)?, kernel.now());
    kernel.fs.truncate(inode, size, now)?;
    if size < before {
        kernel.process.space.cut_file(inode, size);
        kernel.processes.iter_mut().for_each(|process| process.space.cut_file(inode, size));
    }
    Ok(())
}

/// `fsync` and `fdatasync`: files are memory, and memory is as durable as it gets.
pub(super) fn fsync(kernel: &mut Kernel, call: &Registers) -> Answer {
    match kernel.process.descriptors.file(call.argument(0))?.target {
        Target::Inode(inode) if !matches!(kernel.fs.kind(inode), Kind::Character(_)) => Ok(0),
        _ => Err(Errno::EINVAL.into()),
    }
}

/// As `fsync`, for all files.
pub(super) fn sync(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}
