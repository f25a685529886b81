// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Files without a name: `memfd_create`.

use super::Answer;
use super::event_counter::insert;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{O_RDWR, Target};

const MFD_CLOEXEC: u64 = 1;

/// Longest name, its zero not counted: `NAME_MAX` less the prefix that Linux shows.
const NAME_MAX: u64 = 249;

/// The name is for people who look at `/proc`, where files without a path have none here.
pub(super) fn memfd_create(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (name, flags) = (call.argument(0), call.argument(1) & 0xffff_ffff);
    if flags & !MFD_CLOEXEC != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EINVAL.into());
    }
    kernel.memory().read_string(UserAddr(name), NAME_MAX, Errno::EINVAL)?;
    let now = kernel.now();
    let inode = kernel.fs.make_unnamed(now);
    kernel.fs.open(inode);
    let result = insert(kernel, Target::Inode(inode), O_RDWR, flags != 0);
    if result.is_err() {
        kernel.fs.close(inode);
    }
    result
}
