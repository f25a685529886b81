// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bulk copies as unit tests on a host do them: the interface of `bulk.rs`, plain and simple.

use crate::mm::{address::PhysAddr, frames::frames};

/// Copies `len` bytes between parts of frame memory that do not overlap.
pub fn copy(to: PhysAddr, from: PhysAddr, len: u64) {
    let len = usize::try_from(len).expect("tests run on 64 bits");
    // SAFETY: tests pass ranges of frames that they allocated.
    unsafe {
        core::ptr::copy_nonoverlapping(frames().pointer(from), frames().pointer(to), len);
    }
}

/// Clears `len` bytes of frame memory.
pub fn zero(to: PhysAddr, len: u64) {
    let len = usize::try_from(len).expect("tests run on 64 bits");
    // SAFETY: tests pass ranges of frames that they allocated.
    unsafe { core::ptr::write_bytes(frames().pointer(to), 0, len) }
}

/// Copies as [`copy`] does; real machines may put it off until [`flush`].
pub fn queue_copy(to: PhysAddr, from: PhysAddr, len: u64) {
    copy(to, from, len);
}

/// Clears as [`zero`] does; real machines may put it off until [`flush`].
pub fn queue_zero(to: PhysAddr, len: u64) {
    zero(to, len);
}

/// Works off what was queued.
pub fn flush() {}
