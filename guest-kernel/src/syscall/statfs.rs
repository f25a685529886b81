// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is known of the one file system: `statfs` and `fstatfs`.

use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::fs::{Follow, InodeId};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;
use crate::proc::descriptors::Target;

/// `TMPFS_MAGIC`.
const TMPFS: u64 = 0x0102_1994;

/// `PROC_SUPER_MAGIC`.
const PROC: u64 = 0x9fa0;

const BLOCK_SIZE: u64 = 4096;
const NAME_MAX: u64 = 255;

/// `ST_VALID` and `ST_RELATIME`.
const MOUNT_FLAGS: u64 = 0x20 | 0x1000;

pub(super) fn statfs(kernel: &mut Kernel, call: &Registers) -> Answer {
    let text = path::read(kernel, call.argument(0))?;
    let inode = kernel.fs.resolve(kernel.process.cwd, &text, Follow::Last)?;
    put(kernel, Some(inode), call.argument(1))
}

pub(super) fn fstatfs(kernel: &mut Kernel, call: &Registers) -> Answer {
    let inode = match kernel.process.descriptors.file_or_place(call.argument(0))?.target {
        Target::Inode(inode) => Some(inode),
        _ => None,
    };
    put(kernel, inode, call.argument(1))
}

/// `struct statfs` of x86-64 as words (`asm-generic/statfs.h`).
fn put(kernel: &mut Kernel, inode: Option<InodeId>, buffer: u64) -> Answer {
    let is_proc = inode.is_some_and(|inode| kernel.fs.proc_node(inode).is_some());
    let counts = frames().counts();
    let nr_inodes = kernel.fs.nr_inodes();
    let words = [
        if is_proc { PROC } else { TMPFS },
        BLOCK_SIZE,
        counts.total,
        counts.free,
        counts.free,
        counts.total,
        counts.total.saturating_sub(nr_inodes),
        0,
        NAME_MAX,
        BLOCK_SIZE,
        MOUNT_FLAGS,
        0,
        0,
        0,
        0,
    ];
    let mut bytes = [0; 15 * 8];
    for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    kernel.memory().write(UserAddr(buffer), &bytes)?;
    Ok(0)
}

/// Nothing has to reach a disk.
pub(super) fn syncfs(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.descriptors.file(call.argument(0))?;
    Ok(0)
}
