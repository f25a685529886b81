// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Room for files, and advice about them: `fallocate`, `fadvise64` and their like.

use super::{Answer, limits};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{InodeId, Kind};
use crate::kernel::Kernel;
use crate::proc::descriptors::Target;

const FALLOC_FL_KEEP_SIZE: u64 = 1;
const FALLOC_FL_PUNCH_HOLE: u64 = 2;
const FALLOC_FL_ZERO_RANGE: u64 = 16;

/// Advice of `posix_fadvise`, `POSIX_FADV_NOREUSE` being the last.
const ADVICE_MAX: u64 = 5;

/// Flags of `sync_file_range`.
const SYNC_FLAGS: u64 = 7;

/// Memory is given when it is written, so there is only the size to be set.
pub(super) fn fallocate(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (mode, offset, len) = (call.argument(1) & 0xffff_ffff, call.argument(2), call.argument(3));
    let file = kernel.process.descriptors.file(call.argument(0))?;
    if offset.cast_signed() < 0 || len.cast_signed() <= 0 {
        return Err(Errno::EINVAL.into());
    }
    let is_writable = file.is_writable();
    let target = file.target.clone();
    let is_kept = mode & FALLOC_FL_KEEP_SIZE != 0;
    let clears = match mode & !FALLOC_FL_KEEP_SIZE {
        0 => false,
        FALLOC_FL_PUNCH_HOLE if is_kept => true,
        FALLOC_FL_ZERO_RANGE => true,
        _ => {
            kernel.missing.note(call.rax);
            return Err(Errno::EOPNOTSUPP.into());
        }
    };
    if !is_writable {
        return Err(Errno::EBADF.into());
    }
    let inode = regular(kernel, &target)?;
    let end = offset.saturating_add(len);
    if end.cast_signed() < 0 {
        return Err(Errno::EFBIG.into());
    }
    let (before, now) = (kernel.fs.size(inode)?, kernel.now());
    let grows = !is_kept && end > before;
    if grows {
        limits::check_file_size(kernel, end)?;
    }
    if clears {
        kernel.fs.clear(inode, offset, end, now)?;
    }
    if grows {
        kernel.fs.truncate(inode, end, now)?;
    }
    kernel.fs.note_change(inode, now);
    Ok(0)
}

fn regular(kernel: &Kernel, target: &Target) -> Result<InodeId, Errno> {
    match *target {
        Target::Inode(inode) => match kernel.fs.kind(inode) {
            Kind::Regular => Ok(inode),
            Kind::Directory => Err(Errno::EISDIR),
            _ => Err(Errno::ENODEV),
        },
        Target::Pipe(..) => Err(Errno::ESPIPE),
        _ => Err(Errno::ENODEV),
    }
}

/// Files are in memory, whatever a program plans to do with them.
pub(super) fn fadvise64(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = kernel.process.descriptors.file(call.argument(0))?;
    if matches!(file.target, Target::Pipe(..)) {
        return Err(Errno::ESPIPE.into());
    }
    if call.argument(2).cast_signed() < 0 || call.argument(3) & 0xffff_ffff > ADVICE_MAX {
        return Err(Errno::EINVAL.into());
    }
    Ok(0)
}

/// Files are in memory already.
pub(super) fn readahead(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = kernel.process.descriptors.file(call.argument(0))?;
    if !file.is_readable() {
        return Err(Errno::EBADF.into());
    }
    let target = file.target.clone();
    regular(kernel, &target).map_err(|_| Errno::EINVAL)?;
    Ok(0)
}

/// Files are as durable as they get.
pub(super) fn sync_file_range(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (offset, len, flags) = (call.argument(1), call.argument(2), call.argument(3));
    let target = kernel.process.descriptors.file(call.argument(0))?.target.clone();
    let is_bad = flags & 0xffff_ffff & !SYNC_FLAGS != 0
        || offset.cast_signed() < 0
        || len.cast_signed() < 0
        || offset.checked_add(len).is_none_or(|end| end.cast_signed() < 0);
    if is_bad {
        return Err(Errno::EINVAL.into());
    }
    match target {
        Target::Inode(inode) if !matches!(kernel.fs.kind(inode), Kind::Character(_)) => Ok(0),
        _ => Err(Errno::ESPIPE.into()),
    }
}
