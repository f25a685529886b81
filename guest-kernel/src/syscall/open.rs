// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Opening and creating files.

use super::seek::resize;
use super::{Answer, Fail, descriptors, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{Create, DeviceKind, Follow, InodeId, Kind};
use crate::kernel::Kernel;
use crate::proc::descriptors::{Blocking, Target};
use crate::proc::pipe::Side;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

const O_ACCMODE: u64 = 0o3;
const O_WRONLY: u64 = 0o1;
const O_RDONLY: u64 = 0o0;
const O_RDWR: u64 = 0o2;
const O_CREAT: u64 = 0o100;
const O_EXCL: u64 = 0o200;
const O_TRUNC: u64 = 0o1000;
const O_NONBLOCK: u64 = 0o4000;
const O_DIRECTORY: u64 = 0o200_000;
const O_NOFOLLOW: u64 = 0o400_000;
const O_CLOEXEC: u64 = 0o2_000_000;
const O_PATH: u64 = 0o10_000_000;
const O_TMPFILE: u64 = 0o20_000_000;

/// Flags that an open file keeps: the access mode and those that `F_GETFL` shows.
const KEPT_FLAGS: u64 = !(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | 0o400);

/// What every file opened by a 64-bit program has.
const O_LARGEFILE: u64 = 0o100_000;

pub(super) fn open(kernel: &mut Kernel, call: &Registers) -> Answer {
    open_at(kernel, AT_FDCWD, call.argument(0), call.argument(1), call.argument(2))
}

pub(super) fn openat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let fd = call.argument(0);
    open_at(kernel, fd, call.argument(1), call.argument(2), call.argument(3))
}

pub(super) fn creat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = O_CREAT | O_TRUNC | O_WRONLY;
    open_at(kernel, AT_FDCWD, call.argument(0), flags, call.argument(1))
}

fn open_at(kernel: &mut Kernel, fd: u64, path: u64, flags: u64, mode: u64) -> Answer {
    check_flags(flags)?;
    let path = path::read(kernel, path)?;
    // Nothing is made where there is no number for it.
    kernel.process.descriptors.check_is_one_free()?;
    let start = path::start(kernel, fd, &path)?;
    if flags & O_PATH != 0 {
        return open_place(kernel, start, &path, flags);
    }
    let flags = flags | O_LARGEFILE;
    if flags & O_TMPFILE != 0 {
        return open_nameless(kernel, start, &path, flags, mode);
    }
    let follow = match flags & (O_NOFOLLOW | O_EXCL) {
        0 => Follow::Last,
        O_EXCL if flags & O_CREAT == 0 => Follow::Last,
        _ => Follow::NoLast,
    };
    let inode = find(kernel, start, &path, flags, mode, follow)?;
    let kind = kernel.fs.kind(inode.id);
    if kind == Kind::Regular && flags & (O_ACCMODE | O_TRUNC) != O_RDONLY && !inode.is_new {
        kernel.check_is_not_run(inode.id)?;
    }
    if kernel.fs.proc_node(inode.id).is_some() {
        open_proc_text(kernel, inode.id, flags)?;
    }
    let target = match kind {
        Kind::Fifo => open_fifo(kernel, inode.id, flags)?,
        Kind::Symlink => open_again(kernel, inode.id, flags)?,
        Kind::Character(DeviceKind::Tty) if !kernel.has_terminal() => {
            // Programs open it to find out.
            return Err(Errno::ENXIO.into());
        }
        Kind::Character(DeviceKind::Console | DeviceKind::Tty) if kernel.input.is_some() => {
            kernel.input.clone().map_or(Target::Console, Target::ConsoleInput)
        }
        _ => {
            kernel.fs.open(inode.id);
            Target::Inode(inode.id)
        }
    };
    let fd = insert(kernel, target, flags)?;
    if flags & O_TRUNC != 0 && !inode.is_new && kind == Kind::Regular {
        resize(kernel, inode.id, 0)?;
    }
    Ok(fd)
}

/// Refuses flags that cannot go together, whatever the path.
fn check_flags(flags: u64) -> Result<(), Errno> {
    let makes_nameless = flags & O_TMPFILE != 0;
    let is_wrong = match flags & (O_CREAT | O_DIRECTORY) {
        O_DIRECTORY => makes_nameless && flags & O_ACCMODE == O_RDONLY,
        0 | O_CREAT => makes_nameless,
        _ => true,
    };
    if is_wrong && flags & O_PATH == 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Gives a target, which was opened for it, a descriptor.
fn insert(kernel: &mut Kernel, target: Target, flags: u64) -> Answer {
    let status = (flags & KEPT_FLAGS) as u32;
    descriptors::insert(kernel, target, status, flags & O_CLOEXEC != 0)
}

/// Makes the text of a file in `/proc`, none of which can be written.
#[inline(never)]
fn open_proc_text(kernel: &mut Kernel, inode: InodeId, flags: u64) -> Result<(), Errno> {
    if kernel.fs.kind(inode) != Kind::Regular {
        return Ok(());
    }
    if flags & O_ACCMODE != O_RDONLY || flags & O_TRUNC != 0 {
        return Err(Errno::EACCES);
    }
    kernel.make_proc_text(inode)
}

/// Opens what a descriptor leads to once more, by its link in `/proc`.
fn open_again(kernel: &mut Kernel, link: InodeId, flags: u64) -> Result<Target, Fail> {
    match kernel.linked_target(link) {
        Some(console @ (Target::Console | Target::ConsoleInput(_))) => Ok(console),
        Some(Target::Pipe(pipe, _)) => {
            let side = side(flags)?;
            pipe.open(side);
            Ok(Target::Pipe(pipe, side))
        }
        Some(_) => Err(Errno::ENXIO.into()),
        None => Err(Errno::ENOENT.into()),
    }
}

/// What an open file does with a pipe; it cannot do nothing.
fn side(flags: u64) -> Result<Side, Errno> {
    match flags & O_ACCMODE {
        O_RDONLY => Ok(Side::Reader),
        O_WRONLY => Ok(Side::Writer),
        O_RDWR => Ok(Side::Both),
        _ => Err(Errno::EINVAL),
    }
}

/// Opens a side of a named pipe, which may have to wait for the other one.
fn open_fifo(kernel: &mut Kernel, inode: InodeId, flags: u64) -> Result<Target, Fail> {
    let side = side(flags)?;
    let blocking = if flags & O_NONBLOCK == 0 { Blocking::Yes } else { Blocking::No };
    let pipe = kernel.open_fifo(inode, side, blocking)?;
    Ok(Target::Pipe(pipe, side))
}

/// Opens a place in the tree: `O_PATH`, which leaves only `O_CLOEXEC`, `O_DIRECTORY` and
/// `O_NOFOLLOW` a meaning.
fn open_place(kernel: &mut Kernel, start: InodeId, path: &[u8], flags: u64) -> Answer {
    let follow = if flags & O_NOFOLLOW != 0 { Follow::NoLast } else { Follow::Last };
    let inode = kernel.fs.resolve(start, path, follow)?;
    if flags & O_DIRECTORY != 0 && kernel.fs.kind(inode) != Kind::Directory {
        return Err(Errno::ENOTDIR.into());
    }
    kernel.fs.open(inode);
    let flags = flags & (O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
    insert(kernel, Target::Inode(inode), flags)
}

/// Makes a file without a name in the directory's file system: `O_TMPFILE`. With `O_EXCL` it never
/// gets one.
fn open_nameless(
    kernel: &mut Kernel,
    start: InodeId,
    path: &[u8],
    flags: u64,
    mode: u64,
) -> Answer {
    let directory = kernel.fs.resolve(start, path, Follow::Last)?;
    if kernel.fs.kind(directory) != Kind::Directory {
        return Err(Errno::ENOTDIR.into());
    }
    if kernel.fs.proc_node(directory).is_some() {
        return Err(Errno::EOPNOTSUPP.into());
    }
    let (permissions, now) = (kernel.process.masked(mode), kernel.now());
    let is_nameable = flags & O_EXCL == 0;
    let inode = kernel.fs.make_temporary(directory, is_nameable, permissions, now);
    kernel.fs.open(inode);
    insert(kernel, Target::Inode(inode), flags)
}

/// The inode that is opened.
struct Found {
    id: InodeId,
    is_new: bool,
}

fn find(
    kernel: &mut Kernel,
    start: InodeId,
    path: &[u8],
    flags: u64,
    mode: u64,
    follow: Follow,
) -> Result<Found, Errno> {
    let found = if flags & O_CREAT != 0 {
        let create = if flags & O_EXCL != 0 { Create::Exclusive } else { Create::IfAbsent };
        let permissions = kernel.process.masked(mode);
        let now = kernel.now();
        let opened = kernel.fs.open_or_create(start, path, follow, create, permissions, now)?;
        Found { id: opened.inode, is_new: opened.is_new }
    } else {
        Found { id: kernel.fs.resolve(start, path, follow)?, is_new: false }
    };
    match kernel.fs.kind(found.id) {
        // The link of a descriptor in `/proc` that leads to nothing in the tree.
        Kind::Symlink if follow == Follow::Last => Ok(found),
        Kind::Symlink if flags & O_DIRECTORY != 0 => Err(Errno::ENOTDIR),
        Kind::Symlink => Err(Errno::ELOOP),
        Kind::Directory if flags & (O_ACCMODE | O_CREAT | O_TRUNC) != O_RDONLY => {
            Err(Errno::EISDIR)
        }
        Kind::Directory => Ok(found),
        _ if flags & O_DIRECTORY != 0 => Err(Errno::ENOTDIR),
        _ => Ok(found),
    }
}
