// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Files without a name: `memfd_create`, and their seals.

use super::Answer;
use super::descriptors::insert;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{InodeId, seals};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::space::Sharing;
use crate::proc::descriptors::{O_RDWR, OpenFile, Target};

const MFD_CLOEXEC: u64 = 1;
const MFD_ALLOW_SEALING: u64 = 2;

/// Longest name, its zero not counted: `NAME_MAX` less the prefix that Linux shows.
const NAME_MAX: u64 = 249;

const PERMISSIONS: u16 = 0o777;

const ALL_SEALS: u64 =
    (seals::SEAL | seals::SHRINK | seals::GROW | seals::WRITE | seals::FUTURE_WRITE) as u64;

pub(super) fn memfd_create(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (name, flags) = (call.argument(0), call.argument(1) & 0xffff_ffff);
    if flags & !(MFD_CLOEXEC | MFD_ALLOW_SEALING) != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EINVAL.into());
    }
    let name = kernel.memory().read_string(UserAddr(name), NAME_MAX, Errno::EINVAL)?;
    let now = kernel.now();
    let inode = kernel.fs.make_unnamed(PERMISSIONS, now);
    kernel.fs.note_lost_path(inode, [b"/memfd:", &name[..]].concat());
    kernel.fs.set_seals(inode, if flags & MFD_ALLOW_SEALING != 0 { 0 } else { seals::SEAL });
    kernel.fs.open(inode);
    insert(kernel, Target::Inode(inode), O_RDWR, flags & MFD_CLOEXEC != 0)
}

/// `F_GET_SEALS`.
pub(super) fn seals(kernel: &Kernel, file: &OpenFile) -> Answer {
    let (_, seals) = sealable(kernel, file)?;
    Ok(seals.into())
}

/// `F_ADD_SEALS`.
pub(super) fn add_seals(kernel: &mut Kernel, file: &OpenFile, added: u64) -> Answer {
    if !file.is_writable() {
        return Err(Errno::EPERM.into());
    }
    let added = added & 0xffff_ffff;
    if added & !ALL_SEALS != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (inode, held) = sealable(kernel, file)?;
    if held & seals::SEAL != 0 {
        return Err(Errno::EPERM.into());
    }
    let added = added as u8;
    let is_closed_to_writers = added & !held & seals::WRITE != 0;
    if is_closed_to_writers
        && kernel.is_mapped(inode, |area| area.may_write && area.sharing == Sharing::Shared)
    {
        return Err(Errno::EBUSY.into());
    }
    kernel.fs.set_seals(inode, held | added);
    Ok(0)
}

/// A file that can be sealed, and its seals.
fn sealable(kernel: &Kernel, file: &OpenFile) -> Result<(InodeId, u8), Errno> {
    let Target::Inode(inode) = file.target else { return Err(Errno::EINVAL) };
    Ok((inode, kernel.fs.seals(inode).ok_or(Errno::EINVAL)?))
}
