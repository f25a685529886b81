// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Changing the tree: names, links, permissions and times.

use super::Answer;
use super::path::{self, Place};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{Follow, InodeId, Kind, RenameMode};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();
const AT_REMOVEDIR: u64 = 0x200;
const AT_SYMLINK_FOLLOW: u64 = 0x400;

const S_ISUID: u16 = 0o4000;
const S_ISGID: u16 = 0o2000;
const S_IXGRP: u16 = 0o10;

const RENAME_NOREPLACE: u64 = 1 << 0;
const RENAME_EXCHANGE: u64 = 1 << 1;

pub(super) fn mkdir(kernel: &mut Kernel, call: &Registers) -> Answer {
    make_directory(kernel, AT_FDCWD, call.argument(0), call.argument(1))
}

pub(super) fn mkdirat(kernel: &mut Kernel, call: &Registers) -> Answer {
    make_directory(kernel, call.argument(0), call.argument(1), call.argument(2))
}

fn make_directory(kernel: &mut Kernel, fd: u64, path: u64, mode: u64) -> Answer {
    let place = Place::read(kernel, fd, path)?;
    let (permissions, now) = (kernel.process.masked(mode & 0o1777), kernel.now());
    kernel.fs.make_directory(place.start, &place.text, permissions, now)?;
    Ok(0)
}

pub(super) fn rmdir(kernel: &mut Kernel, call: &Registers) -> Answer {
    remove(kernel, AT_FDCWD, call.argument(0), AT_REMOVEDIR)
}

pub(super) fn unlink(kernel: &mut Kernel, call: &Registers) -> Answer {
    remove(kernel, AT_FDCWD, call.argument(0), 0)
}

pub(super) fn unlinkat(kernel: &mut Kernel, call: &Registers) -> Answer {
    remove(kernel, call.argument(0), call.argument(1), call.argument(2))
}

fn remove(kernel: &mut Kernel, fd: u64, path: u64, flags: u64) -> Answer {
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL.into());
    }
    let place = Place::read(kernel, fd, path)?;
    let now = kernel.now();
    if flags & AT_REMOVEDIR != 0 {
        kernel.fs.remove_directory(place.start, &place.text, now)?;
    } else {
        kernel.fs.unlink(place.start, &place.text, now)?;
    }
    Ok(0)
}

pub(super) fn rename(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (from, to) = (call.argument(0), call.argument(1));
    rename_at(kernel, (AT_FDCWD, from), (AT_FDCWD, to), 0)
}

pub(super) fn renameat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let from = (call.argument(0), call.argument(1));
    rename_at(kernel, from, (call.argument(2), call.argument(3)), 0)
}

pub(super) fn renameat2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let from = (call.argument(0), call.argument(1));
    rename_at(kernel, from, (call.argument(2), call.argument(3)), call.argument(4))
}

fn rename_at(kernel: &mut Kernel, from: (u64, u64), to: (u64, u64), flags: u64) -> Answer {
    let mode = match flags {
        0 => RenameMode::Replace,
        RENAME_NOREPLACE => RenameMode::NoReplace,
        RENAME_EXCHANGE => RenameMode::Exchange,
        _ => return Err(Errno::EINVAL.into()),
    };
    let from = Place::read(kernel, from.0, from.1)?;
    let source = kernel.fs.resolve_parent(from.start, &from.text)?;
    let to = Place::read(kernel, to.0, to.1)?;
    let target = kernel.fs.resolve_parent(to.start, &to.text)?;
    let now = kernel.now();
    kernel.fs.rename(&source, &target, mode, now)?;
    Ok(0)
}

pub(super) fn link(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (from, to) = (call.argument(0), call.argument(1));
    make_link(kernel, (AT_FDCWD, from), (AT_FDCWD, to), 0)
}

pub(super) fn linkat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let from = (call.argument(0), call.argument(1));
    make_link(kernel, from, (call.argument(2), call.argument(3)), call.argument(4))
}

fn make_link(kernel: &mut Kernel, from: (u64, u64), to: (u64, u64), flags: u64) -> Answer {
    if flags & !(AT_SYMLINK_FOLLOW | path::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let follow = if flags & AT_SYMLINK_FOLLOW != 0 { 0 } else { path::AT_SYMLINK_NOFOLLOW };
    let existing = target(kernel, from.0, from.1, flags & path::AT_EMPTY_PATH | follow)?;
    let existing = existing.inode().ok_or(Errno::EXDEV)?;
    let to = Place::read(kernel, to.0, to.1)?;
    let now = kernel.now();
    kernel.fs.link(existing, to.start, &to.text, now)?;
    Ok(0)
}

pub(super) fn symlink(kernel: &mut Kernel, call: &Registers) -> Answer {
    make_symlink(kernel, call.argument(0), AT_FDCWD, call.argument(1))
}

pub(super) fn symlinkat(kernel: &mut Kernel, call: &Registers) -> Answer {
    make_symlink(kernel, call.argument(0), call.argument(1), call.argument(2))
}

fn make_symlink(kernel: &mut Kernel, target: u64, fd: u64, path: u64) -> Answer {
    let target = path::read(kernel, target)?;
    let place = Place::read(kernel, fd, path)?;
    let now = kernel.now();
    kernel.fs.make_symlink(&target, place.start, &place.text, now)?;
    Ok(0)
}

pub(super) fn readlink(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (path, buffer, size) = (call.argument(0), call.argument(1), call.argument(2));
    read_link(kernel, (AT_FDCWD, path), buffer, size)
}

pub(super) fn readlinkat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (buffer, size) = (call.argument(2), call.argument(3));
    read_link(kernel, (call.argument(0), call.argument(1)), buffer, size)
}

fn read_link(kernel: &mut Kernel, from: (u64, u64), buffer: u64, size: u64) -> Answer {
    let size = i32::try_from(size.cast_signed()).unwrap_or(i32::MAX);
    let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or(Errno::EINVAL)?;
    let inode = link_inode(kernel, from.0, from.1)?;
    let text = match kernel.proc_link_text(inode) {
        Some(text) => text?,
        None => kernel.fs.read_link(inode)?.to_vec(),
    };
    put_text(kernel, &text, buffer, size)
}

/// The link that is read: an empty path means one that was opened as a place.
fn link_inode(kernel: &mut Kernel, fd: u64, path: u64) -> Result<InodeId, Errno> {
    let text = path::read_or_empty(kernel, path)?;
    if !text.is_empty() {
        let start = path::start(kernel, fd, &text)?;
        return kernel.fs.resolve(start, &text, Follow::NoLast);
    }
    match path::target(kernel, fd, path, path::AT_EMPTY_PATH)? {
        Target::Inode(inode) if kernel.fs.kind(inode) == Kind::Symlink => Ok(inode),
        _ => Err(Errno::ENOENT),
    }
}

fn put_text(kernel: &mut Kernel, text: &[u8], buffer: u64, size: usize) -> Answer {
    let text = &text[..text.len().min(size)];
    kernel.memory().write(UserAddr(buffer), text)?;
    Ok(text.len() as u64)
}

pub(super) fn chmod(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = target_inode(kernel, AT_FDCWD, call.argument(0), 0)?;
    set_mode(kernel, inode, call.argument(1))
}

pub(super) fn fchmod(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = descriptor_inode(kernel, call.argument(0))?;
    set_mode(kernel, inode, call.argument(1))
}

pub(super) fn fchmodat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = target_inode(kernel, call.argument(0), call.argument(1), 0)?;
    set_mode(kernel, inode, call.argument(2))
}

fn set_mode(kernel: &mut Kernel, inode: InodeId, mode: u64) -> Answer {
    if kernel.fs.proc_node(inode).is_some() {
        return Err(Errno::EPERM.into());
    }
    let now = kernel.now();
    kernel.fs.set_permissions(inode, (mode & 0o7777) as u16, now);
    Ok(0)
}

pub(super) fn chown(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = target(kernel, AT_FDCWD, call.argument(0), 0)?;
    set_owner(kernel, &target, call.argument(1), call.argument(2))
}

pub(super) fn lchown(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = target(kernel, AT_FDCWD, call.argument(0), path::AT_SYMLINK_NOFOLLOW)?;
    set_owner(kernel, &target, call.argument(1), call.argument(2))
}

pub(super) fn fchown(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = kernel.file(call.argument(0))?;
    set_owner(kernel, &file.target, call.argument(1), call.argument(2))
}

pub(super) fn fchownat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = target(kernel, call.argument(0), call.argument(1), call.argument(4))?;
    set_owner(kernel, &target, call.argument(2), call.argument(3))
}

/// Owners are kept, for programs that look at them; what has no inode stays user 0's. As with any
/// change of owners, a program no longer runs as its owner.
fn set_owner(kernel: &mut Kernel, target: &Target, user: u64, group: u64) -> Answer {
    let [user, group] = [user, group].map(|id| Some(id as u32).filter(|&id| id != u32::MAX));
    let Some(inode) = target.inode() else {
        let is_kept = [user, group].into_iter().flatten().all(|id| id == 0);
        return if is_kept { Ok(0) } else { Err(Errno::EPERM.into()) };
    };
    kernel.fs.set_owner(inode, user, group);
    let now = kernel.now();
    let mut permissions = kernel.fs.permissions(inode);
    if kernel.fs.kind(inode) != Kind::Directory {
        permissions &= !S_ISUID;
        if permissions & S_IXGRP != 0 {
            permissions &= !S_ISGID;
        }
    }
    kernel.fs.set_permissions(inode, permissions, now);
    Ok(0)
}

/// What is changed, by a path or with `AT_EMPTY_PATH` by a descriptor.
fn target(kernel: &mut Kernel, fd: u64, path: u64, flags: u64) -> Result<Target, Errno> {
    if flags & !(path::AT_EMPTY_PATH | path::AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    path::target(kernel, fd, path, flags)
}

/// The same, where only inodes can be changed.
pub(super) fn target_inode(
    kernel: &mut Kernel,
    fd: u64,
    path: u64,
    flags: u64,
) -> Result<InodeId, Errno> {
    target(kernel, fd, path, flags)?.inode().ok_or(Errno::EPERM)
}

pub(super) fn descriptor_inode(kernel: &Kernel, fd: u64) -> Result<InodeId, Errno> {
    kernel.process.descriptors.file(fd)?.target.inode().ok_or(Errno::EPERM)
}
