// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The buffers of a program that a call reads or fills: one, or a vector of them.

use crate::arch::paging::FaultAccess;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::user::UserMemory;

/// Bytes that one call moves, at most: Linux's `MAX_RW_COUNT`.
pub(super) const COUNT_MAX: u64 = 0x7fff_f000;

/// Buffers in a vector, at most: `IOV_MAX`.
pub(super) const IOV_MAX: u64 = 1024;

/// Which buffers of the program are meant.
#[derive(Clone, Copy)]
pub(super) enum Buffers {
    One { address: u64, len: u64 },
    Vector { address: u64, count: u64 },
}

impl Buffers {
    /// One, as two arguments of a call give it.
    pub(super) const fn one(address: u64, len: u64) -> Self {
        Self::One { address, len }
    }

    /// Whether it is one that is empty.
    pub(super) const fn is_empty(self) -> bool {
        matches!(self, Self::One { len: 0, .. })
    }

    /// Bytes that there is room for.
    pub(super) fn len(self, kernel: &mut Kernel) -> Result<u64, Errno> {
        match self {
            Self::One { len, .. } => Ok(len),
            Self::Vector { address, count } => {
                let mut total = 0_u64;
                for index in 0..count {
                    let at = address.wrapping_add(index * 16 + 8);
                    total = total.saturating_add(kernel.memory().read_u64(UserAddr(at))?);
                }
                Ok(total)
            }
        }
    }
}

/// Checks that no byte lies behind the last position that a file can have.
pub(super) fn check_end(offset: u64, len: u64) -> Result<(), Errno> {
    match offset.checked_add(len).map(u64::cast_signed) {
        Some(0..) => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

/// Collects at most `max` bytes of the buffers.
pub(super) fn collect(
    kernel: &mut Kernel,
    buffers: Buffers,
    max: u64,
    access: FaultAccess,
) -> Result<u64, Errno> {
    let max = max.min(COUNT_MAX);
    match buffers {
        Buffers::One { address, len } => {
            if !UserAddr(address).is_range_below_end(len) {
                return Err(Errno::EFAULT);
            }
            kernel.collect(address, len.min(max), access)
        }
        Buffers::Vector { address, count } => collect_vector(kernel, (address, count), max, access),
    }
}

fn collect_vector(
    kernel: &mut Kernel,
    (address, count): (u64, u64),
    max: u64,
    access: FaultAccess,
) -> Result<u64, Errno> {
    if count > IOV_MAX {
        return Err(Errno::EINVAL);
    }
    kernel.ranges.clear();
    let mut memory = UserMemory { space: &mut kernel.process.space, fs: &mut kernel.fs };
    let mut total = 0;
    let mut is_cut = false;
    for index in 0..count {
        let at = address.checked_add(index * 16).ok_or(Errno::EFAULT)?;
        let base = memory.read_u64(UserAddr(at))?;
        let len = memory.read_u64(UserAddr(at + 8))?;
        if len.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        if !UserAddr(base).is_range_below_end(len) {
            return Err(Errno::EFAULT);
        }
        let wanted = len.min(max - total);
        if wanted == 0 || is_cut {
            continue;
        }
        match memory.collect(UserAddr(base), wanted, access, &mut kernel.ranges) {
            Ok(done) => {
                total += done;
                is_cut = done < wanted;
            }
            Err(error) if total == 0 => return Err(error),
            Err(_) => is_cut = true,
        }
    }
    Ok(total)
}
