// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bulk copies of physical memory.

use crate::mm::{address::PhysAddr, frames::frames};

/// Copies `len` bytes between parts of frame memory that do not overlap.
pub fn copy(to: PhysAddr, from: PhysAddr, len: u64) {
    let len = usize::try_from(len).expect("the kernel is 64 bits wide");
    // SAFETY: callers pass ranges of frames that they allocated.
    unsafe {
        core::ptr::copy_nonoverlapping(frames().pointer(from), frames().pointer(to), len);
    }
}

/// Clears `len` bytes of frame memory.
pub fn zero(to: PhysAddr, len: u64) {
    let len = usize::try_from(len).expect("the kernel is 64 bits wide");
    // SAFETY: callers pass ranges of frames that they allocated.
    unsafe { core::ptr::write_bytes(frames().pointer(to), 0, len) }
}
