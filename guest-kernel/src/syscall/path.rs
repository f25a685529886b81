// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Paths as system calls get them: a string, and the directory that it starts from.

use crate::errno::Errno;
use crate::fs::{Follow, InodeId, Kind};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;
use alloc::vec::Vec;

/// Longest path, its zero not counted: `PATH_MAX` less one.
pub(super) const PATH_MAX: u64 = 4095;

/// The working directory in place of a descriptor. Linux looks at the low 32 bits.
const AT_FDCWD: u32 = (-100_i32).cast_unsigned();

/// An empty path means the descriptor itself.
pub(super) const AT_EMPTY_PATH: u64 = 0x1000;

/// A symbolic link as the last component is not followed.
pub(super) const AT_SYMLINK_NOFOLLOW: u64 = 0x100;

/// Reads a path from the program. An empty one leads nowhere, whatever it would start from.
pub(super) fn read(kernel: &mut Kernel, address: u64) -> Result<Vec<u8>, Errno> {
    let text = read_or_empty(kernel, address)?;
    if text.is_empty() { Err(Errno::ENOENT) } else { Ok(text) }
}

/// Reads a path for which there is something else to take.
pub(super) fn read_or_empty(kernel: &mut Kernel, address: u64) -> Result<Vec<u8>, Errno> {
    kernel.memory().read_string(UserAddr(address), PATH_MAX, Errno::ENAMETOOLONG)
}

/// A path argument: where it starts, and its text.
pub(super) struct Place {
    pub(super) start: InodeId,
    pub(super) text: Vec<u8>,
}

impl Place {
    pub(super) fn read(kernel: &mut Kernel, fd: u64, path: u64) -> Result<Self, Errno> {
        let text = read(kernel, path)?;
        Ok(Self { start: start(kernel, fd, &text)?, text })
    }
}

/// The directory that a path starts from; absolute ones do not look at the descriptor.
pub(super) fn start(kernel: &Kernel, fd: u64, text: &[u8]) -> Result<InodeId, Errno> {
    match text.first() {
        None => Err(Errno::ENOENT),
        Some(b'/') => Ok(InodeId::ROOT),
        Some(_) if is_cwd(fd) => Ok(kernel.process.cwd),
        Some(_) => directory(kernel, fd),
    }
}

/// The directory behind a descriptor.
pub(super) fn directory(kernel: &Kernel, fd: u64) -> Result<InodeId, Errno> {
    match kernel.process.descriptors.file_or_place(fd)?.target {
        Target::Inode(inode) if kernel.fs.kind(inode) == Kind::Directory => Ok(inode),
        _ => Err(Errno::ENOTDIR),
    }
}

/// What a path, or with `AT_EMPTY_PATH` a descriptor, leads to.
pub(super) fn target(kernel: &mut Kernel, fd: u64, path: u64, flags: u64) -> Result<Target, Errno> {
    let text = read_or_empty(kernel, path)?;
    if text.is_empty() && flags & AT_EMPTY_PATH != 0 {
        if is_cwd(fd) {
            return Ok(Target::Inode(kernel.process.cwd));
        }
        return Ok(kernel.process.descriptors.file_or_place(fd)?.target.clone());
    }
    let follow = if flags & AT_SYMLINK_NOFOLLOW != 0 { Follow::NoLast } else { Follow::Last };
    let start = start(kernel, fd, &text)?;
    let inode = kernel.fs.resolve(start, &text, follow)?;
    match follow {
        Follow::Last => Ok(kernel.linked_target(inode).unwrap_or(Target::Inode(inode))),
        Follow::NoLast => Ok(Target::Inode(inode)),
    }
}

pub(super) fn is_cwd(fd: u64) -> bool {
    (fd & 0xffff_ffff) as u32 == AT_FDCWD
}
