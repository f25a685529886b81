// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Extended attributes: there are none, and none can be set.

use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

fn check_path(kernel: &mut Kernel, path: u64, flags: u64) -> Result<(), Errno> {
    path::target(kernel, AT_FDCWD, path, flags).map(|_| ())
}

/// `setxattr`, `getxattr` and `removexattr`.
pub(super) fn of_path(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_path(kernel, call.argument(0), 0)?;
    Err(Errno::EOPNOTSUPP.into())
}

/// `lsetxattr`, `lgetxattr` and `lremovexattr`.
pub(super) fn of_link(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_path(kernel, call.argument(0), path::AT_SYMLINK_NOFOLLOW)?;
    Err(Errno::EOPNOTSUPP.into())
}

/// `fsetxattr`, `fgetxattr` and `fremovexattr`.
pub(super) fn of_descriptor(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.descriptors.file(call.argument(0))?;
    Err(Errno::EOPNOTSUPP.into())
}

pub(super) fn listxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_path(kernel, call.argument(0), 0)?;
    Ok(0)
}

pub(super) fn llistxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_path(kernel, call.argument(0), path::AT_SYMLINK_NOFOLLOW)?;
    Ok(0)
}

pub(super) fn flistxattr(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.descriptors.file(call.argument(0))?;
    Ok(0)
}
