// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is known of a file, in the newer form: `statx`.

use super::stat::{BLOCK_SIZE, Known, seconds_and_rest};
use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::Kind;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const AT_NO_AUTOMOUNT: u64 = 0x800;
/// `AT_STATX_FORCE_SYNC` and `AT_STATX_DONT_SYNC`, of which one may be given: there is nothing to
/// synchronise with.
const AT_STATX_SYNC_TYPE: u64 = 0x6000;

/// `STATX_BASIC_STATS`, which is always filled, and the bit that is reserved.
const STATX_BASIC_STATS: u32 = 0x7ff;
const STATX_RESERVED: u64 = 0x8000_0000;

/// Size of `struct statx`.
const SIZE: usize = 256;

pub(super) fn statx(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (fd, path, flags) = (call.argument(0), call.argument(1), call.argument(2) & 0xffff_ffff);
    let known =
        path::AT_EMPTY_PATH | path::AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
    let is_bad = flags & !known != 0
        || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE
        || call.argument(3) & STATX_RESERVED != 0;
    if is_bad {
        return Err(Errno::EINVAL.into());
    }
    let target = path::target(kernel, fd, path, flags)?;
    let Known { device, mode, stat } = Known::of(kernel, &target);
    let (major, minor) = match stat.kind {
        Kind::Character(device) => device.number(),
        _ => (0, 0),
    };
    let mut bytes = [0; SIZE];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0x00, &STATX_BASIC_STATS.to_le_bytes());
    put(0x04, &BLOCK_SIZE.to_le_bytes()[..4]);
    put(0x10, &stat.nlink.to_le_bytes());
    put(0x14, &stat.owner.user.to_le_bytes());
    put(0x18, &stat.owner.group.to_le_bytes());
    put(0x1c, &mode.to_le_bytes()[..2]);
    put(0x20, &stat.number.to_le_bytes());
    put(0x28, &stat.size.to_le_bytes());
    put(0x30, &stat.nr_blocks.to_le_bytes());
    for (at, time) in [(0x40, stat.atime), (0x60, stat.ctime), (0x70, stat.mtime)] {
        let [seconds, rest] = seconds_and_rest(time);
        put(at, &seconds.to_le_bytes());
        put(at + 8, &rest.to_le_bytes()[..4]);
    }
    put(0x80, &major.to_le_bytes());
    put(0x84, &minor.to_le_bytes());
    // Major number 0, as `stat` has it.
    put(0x8c, &device.to_le_bytes()[..4]);
    kernel.memory().write(UserAddr(call.argument(4)), &bytes)?;
    Ok(0)
}
