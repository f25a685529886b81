// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Mapping memory.

use super::Answer;
use super::limits::{self, Purpose};
use crate::arch::{
    layout::{PAGE_SIZE, USER_END},
    trap::Registers,
};
use crate::errno::Errno;
use crate::fs::{DeviceKind, InodeId, Kind, MAX_FILE_SIZE};
use crate::kernel::Kernel;
use crate::mm::address::page_up;
use crate::mm::space::{Access, Area, Backing, Sharing};
use crate::mm::wishes::Wishes;
use crate::proc::descriptors::Target;

const PROT_READ: u64 = 1 << 0;
const PROT_WRITE: u64 = 1 << 1;
const PROT_EXEC: u64 = 1 << 2;
/// Memory for words that processes wait on: it is any memory.
const PROT_SEM: u64 = 1 << 3;
const PROT_ALL: u64 = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM;

const MAP_SHARED: u64 = 1;
const MAP_PRIVATE: u64 = 2;
const MAP_SHARED_VALIDATE: u64 = 3;
const MAP_TYPE: u64 = 0xf;
const MAP_FIXED: u64 = 0x10;
const MAP_GROWSDOWN: u64 = 0x100;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_LOCKED: u64 = 0x2000;
const MAP_HUGETLB: u64 = 0x4_0000;
const MAP_FIXED_NOREPLACE: u64 = 0x10_0000;

/// Flags that are hints or mean nothing here: `DENYWRITE`, `EXECUTABLE`, `NORESERVE`, `POPULATE`,
/// `NONBLOCK`, `STACK`.
const MAP_HINTS: u64 = 0x800 | 0x1000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000;

pub(super) fn mmap(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (hint, length, protection) = (call.argument(0), call.argument(1), call.argument(2));
    let (flags, fd, offset) = (call.argument(3), call.argument(4), call.argument(5));
    let known = MAP_TYPE
        | MAP_FIXED
        | MAP_ANONYMOUS
        | MAP_GROWSDOWN
        | MAP_LOCKED
        | MAP_FIXED_NOREPLACE
        | MAP_HINTS;
    if length == 0 || !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    // Only one type of mapping says so when it does not know a flag; large pages there are none.
    if flags & !known != 0 && flags & MAP_TYPE == MAP_SHARED_VALIDATE {
        return Err(Errno::EOPNOTSUPP.into());
    }
    if flags & MAP_HUGETLB != 0 {
        return Err(Errno::ENOMEM.into());
    }
    let length = page_up(length).ok_or(Errno::ENOMEM)?;
    let access = access_from(protection & PROT_ALL)?;
    let is_file = flags & MAP_ANONYMOUS == 0;
    let sharing = match flags & MAP_TYPE {
        MAP_PRIVATE => Sharing::Private,
        MAP_SHARED => Sharing::Shared,
        MAP_SHARED_VALIDATE if is_file => Sharing::Shared,
        _ => return Err(Errno::EINVAL.into()),
    };
    let (source, may_write) = match is_file {
        true if offset.saturating_add(length) > MAX_FILE_SIZE => {
            kernel.process.descriptors.file(fd & 0xffff_ffff)?;
            return Err(Errno::EOVERFLOW.into());
        }
        true => mapped_file(kernel, fd, access, sharing)?,
        false => (None, true),
    };
    let grows_down = flags & MAP_GROWSDOWN != 0;
    if grows_down && (source.is_some() || sharing == Sharing::Shared) {
        return Err(Errno::EINVAL.into());
    }
    let start = place(kernel, hint, length, flags)?;
    let is_data = access.write && sharing == Sharing::Private;
    limits::check_memory(kernel, length, if is_data { Purpose::Data } else { Purpose::Other })?;
    let backing = match (source, sharing) {
        (Some(inode), _) => Backing::File { inode, offset },
        (None, Sharing::Private) => Backing::Anonymous,
        (None, Sharing::Shared) => {
            let now = kernel.now();
            let inode = kernel.fs.make_unnamed(0o777, now);
            kernel.fs.truncate(inode, length, now)?;
            Backing::File { inode, offset: 0 }
        }
    };
    if let Backing::File { inode, .. } = backing {
        kernel.fs.open(inode);
    }
    let was_writable = access.write;
    let end = start.saturating_add(length);
    let wishes = if flags & MAP_LOCKED != 0 { Wishes::LOCKED } else { Wishes::NONE };
    let area =
        Area { start, end, access, was_writable, may_write, backing, sharing, grows_down, wishes };
    if let Err(error) = kernel.process.space.map(&mut kernel.fs, area) {
        if let Backing::File { inode, .. } = backing {
            kernel.fs.close(inode);
        }
        return Err(error.into());
    }
    Ok(start)
}

fn access_from(protection: u64) -> Result<Access, Errno> {
    if protection & !PROT_ALL != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(Access {
        read: protection & PROT_READ != 0,
        write: protection & PROT_WRITE != 0,
        execute: protection & PROT_EXEC != 0,
    })
}

/// The file that is mapped, if its descriptor allows it, and whether the mapping may be written. A
/// device of zeros is mapped like no file.
fn mapped_file(
    kernel: &Kernel,
    fd: u64,
    access: Access,
    sharing: Sharing,
) -> Result<(Option<InodeId>, bool), Errno> {
    let file = kernel.process.descriptors.file(fd & 0xffff_ffff)?;
    let is_written = sharing == Sharing::Shared && access.write;
    if !file.is_readable() || is_written && !file.is_writable() {
        return Err(Errno::EACCES);
    }
    let Target::Inode(inode) = file.target else { return Err(Errno::ENODEV) };
    let source = match kernel.fs.kind(inode) {
        Kind::Regular => Some(inode),
        Kind::Character(DeviceKind::Zero) => None,
        _ => return Err(Errno::ENODEV),
    };
    let is_sealed = sharing == Sharing::Shared && kernel.fs.is_sealed_to_write(inode);
    if is_sealed && access.write {
        return Err(Errno::EPERM);
    }
    Ok((source, sharing == Sharing::Private || file.is_writable() && !is_sealed))
}

/// Where a mapping goes.
fn place(kernel: &Kernel, hint: u64, length: u64, flags: u64) -> Answer {
    let space = &kernel.process.space;
    if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) == 0 {
        return Ok(space.find_free(hint, length).ok_or(Errno::ENOMEM)?);
    }
    if !hint.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL.into());
    }
    if hint.checked_add(length).is_none_or(|end| end > USER_END) {
        return Err(Errno::ENOMEM.into());
    }
    if flags & MAP_FIXED_NOREPLACE != 0 && space.find_free(hint, length) != Some(hint) {
        return Err(Errno::EEXIST.into());
    }
    // Page 0 is never mapped, as on a Linux with the usual `mmap_min_addr`.
    if hint < PAGE_SIZE { Err(Errno::EPERM.into()) } else { Ok(hint) }
}

pub(super) fn munmap(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (start, end) = range(call.argument(0), call.argument(1), Errno::EINVAL)?;
    if start == end {
        return Err(Errno::EINVAL.into());
    }
    kernel.process.space.unmap(&mut kernel.fs, start, end)?;
    Ok(0)
}

pub(super) fn mprotect(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (start, end) = range(call.argument(0), call.argument(1), Errno::ENOMEM)?;
    if start == end {
        return Ok(0);
    }
    let access = access_from(call.argument(2))?;
    kernel.process.space.protect(&mut kernel.fs, start, end, access)?;
    Ok(0)
}

/// The pages of a range that begins with one; what it is to be too long for all addresses.
pub(super) fn range(start: u64, length: u64, too_long: Errno) -> Result<(u64, u64), Errno> {
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let end = page_up(length).and_then(|length| start.checked_add(length));
    end.map(|end| (start, end)).ok_or(too_long)
}

pub(super) fn brk(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (_, end) = kernel.process.space.heap();
    let growth = call.argument(0).saturating_sub(end);
    if growth > 0 && limits::check_memory(kernel, growth, Purpose::Data).is_err() {
        return Ok(end);
    }
    Ok(kernel.process.space.set_brk(&mut kernel.fs, call.argument(0)))
}
