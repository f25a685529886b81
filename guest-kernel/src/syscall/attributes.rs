// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Extended attributes: there are none, and none can be set.

use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::Kind;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;
use core::ops::RangeInclusive;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

/// Longest name of an attribute.
const NAME_MAX: u64 = 255;

/// `setxattr`, `lsetxattr` and `fsetxattr`, which have flags: `XATTR_CREATE` and `XATTR_REPLACE`.
const SETTING: RangeInclusive<u64> = 188..=190;
const GETTING: RangeInclusive<u64> = 191..=193;

fn by_path(kernel: &mut Kernel, call: &Registers, flags: u64) -> Result<Target, Errno> {
    path::target(kernel, AT_FDCWD, call.argument(0), flags)
}

/// No attribute of any name is supported, if it is a name.
fn refuse(kernel: &mut Kernel, call: &Registers, target: &Target) -> Answer {
    if SETTING.contains(&call.rax) && call.argument(4) & 0xffff_fffc != 0 {
        return Err(Errno::EINVAL.into());
    }
    let name = UserAddr(call.argument(1));
    let name = kernel.memory().read_string(name, NAME_MAX, Errno::ERANGE)?;
    let may_be_users = match *target {
        Target::Inode(inode) => matches!(kernel.fs.kind(inode), Kind::Regular | Kind::Directory),
        _ => false,
    };
    let error = match () {
        () if name.is_empty() => Errno::ERANGE,
        () if may_be_users || !name.starts_with(b"user.") => Errno::EOPNOTSUPP,
        () if GETTING.contains(&call.rax) => Errno::ENODATA,
        () => Errno::EPERM,
    };
    Err(error.into())
}

/// `setxattr`, `getxattr` and `removexattr`.
pub(super) fn of_path(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = by_path(kernel, call, 0)?;
    refuse(kernel, call, &target)
}

/// `lsetxattr`, `lgetxattr` and `lremovexattr`.
pub(super) fn of_link(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = by_path(kernel, call, path::AT_SYMLINK_NOFOLLOW)?;
    refuse(kernel, call, &target)
}

/// `fsetxattr`, `fgetxattr` and `fremovexattr`.
pub(super) fn of_descriptor(kernel: &mut Kernel, call: &Registers) -> Answer {
    let file = kernel.file(call.argument(0))?;
    refuse(kernel, call, &file.target)
}

pub(super) fn listxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    by_path(kernel, call, 0).map(|_| 0).map_err(Into::into)
}

pub(super) fn llistxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    by_path(kernel, call, path::AT_SYMLINK_NOFOLLOW).map(|_| 0).map_err(Into::into)
}

pub(super) fn flistxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.descriptors.file(call.argument(0))?;
    Ok(0)
}
