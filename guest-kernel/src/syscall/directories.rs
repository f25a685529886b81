// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reading directories, and the working directory.

use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{Entry, Follow, InodeId, Kind};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;
use alloc::vec::Vec;

/// Bytes that one call returns, at most.
const BATCH_MAX: u64 = 32 << 10;

/// The two layouts of an entry.
#[derive(Clone, Copy)]
enum Layout {
    /// `struct linux_dirent`: the type is the last byte.
    Old,
    /// `struct linux_dirent64`: the type stands before the name.
    New,
}

impl Layout {
    /// Size of an entry: number, offset, length, type, name and its zero, rounded up to 8.
    fn size(self, name: &[u8]) -> usize {
        match self {
            Self::Old => 18 + name.len() + 2,
            Self::New => 19 + name.len() + 1,
        }
        .next_multiple_of(8)
    }

    fn append(self, bytes: &mut Vec<u8>, entry: &Entry<'_>) {
        let start = bytes.len();
        let size = self.size(entry.name);
        bytes.extend_from_slice(&entry.number.to_le_bytes());
        bytes.extend_from_slice(&entry.next_offset.to_le_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "names have at most 255 bytes")]
        bytes.extend_from_slice(&(size as u16).to_le_bytes());
        // `d_type` is the file type of `st_mode`, shifted down.
        let kind = (entry.kind.mode_type() >> 12) as u8;
        if let Self::New = self {
            bytes.push(kind);
        }
        bytes.extend_from_slice(entry.name);
        bytes.resize(start + size, 0);
        if let Self::Old = self {
            bytes[start + size - 1] = kind;
        }
    }
}

pub(super) fn getdents(kernel: &mut Kernel, call: &Registers) -> Answer {
    read_entries(kernel, call, Layout::Old)
}

pub(super) fn getdents64(kernel: &mut Kernel, call: &Registers) -> Answer {
    read_entries(kernel, call, Layout::New)
}

fn read_entries(kernel: &mut Kernel, call: &Registers, layout: Layout) -> Answer {
    let (fd, buffer, size) = (call.argument(0), call.argument(1), call.argument(2) & 0xffff_ffff);
    let file = kernel.file(fd)?;
    let Target::Inode(inode) = file.target else { return Err(Errno::ENOTDIR.into()) };
    let max = usize::try_from(size.min(BATCH_MAX)).expect("the kernel is 64 bits wide");
    let mut cursor = file.cursor.borrow().clone();
    let mut bytes = Vec::new();
    for entry in kernel.fs.entries(inode, &cursor.clone())? {
        let length = layout.size(entry.name);
        if bytes.len() + length > max {
            if bytes.is_empty() {
                return Err(Errno::EINVAL.into());
            }
            break;
        }
        bytes.try_reserve(length).map_err(|_| Errno::ENOMEM)?;
        layout.append(&mut bytes, &entry);
        cursor.move_behind(&entry);
    }
    kernel.memory().write(UserAddr(buffer), &bytes)?;
    *file.cursor.borrow_mut() = cursor;
    Ok(bytes.len() as u64)
}

pub(super) fn getcwd(kernel: &mut Kernel, call: &Registers) -> Answer {
    let mut text = kernel.fs.path_of(kernel.process.cwd)?;
    if text.len() as u64 > path::PATH_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    text.push(0);
    if (text.len() as u64) > call.argument(1) {
        return Err(Errno::ERANGE.into());
    }
    kernel.memory().write(UserAddr(call.argument(0)), &text)?;
    Ok(text.len() as u64)
}

pub(super) fn chdir(kernel: &mut Kernel, call: &Registers) -> Answer {
    let text = path::read(kernel, call.argument(0))?;
    let inode = kernel.fs.resolve(kernel.process.cwd, &text, Follow::Last)?;
    set_cwd(kernel, inode)
}

pub(super) fn fchdir(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = path::directory(kernel, call.argument(0))?;
    set_cwd(kernel, inode)
}

fn set_cwd(kernel: &mut Kernel, inode: InodeId) -> Answer {
    if kernel.fs.kind(inode) != Kind::Directory {
        return Err(Errno::ENOTDIR.into());
    }
    kernel.fs.open(inode);
    let old = core::mem::replace(&mut kernel.process.cwd, inode);
    kernel.fs.close(old);
    Ok(0)
}
