// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Address kinds that must not mix: physical addresses, frames and user-virtual addresses.

use crate::arch::layout::{PAGE_SIZE, USER_END};

/// A guest-physical address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysAddr(pub u64);

impl PhysAddr {
    /// The address `bytes` further on.
    #[must_use]
    pub const fn add(self, bytes: u64) -> Self {
        Self(self.0 + bytes)
    }

    /// The frame that the address lies in.
    #[must_use]
    pub const fn frame(self) -> Frame {
        #[expect(clippy::cast_possible_truncation, reason = "RAM ends far below 16 TiB")]
        Frame((self.0 / PAGE_SIZE) as u32)
    }
}

/// A 4 KiB frame of physical memory, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frame(pub u32);

impl Frame {
    /// The frame's first byte.
    #[must_use]
    pub const fn start(self) -> PhysAddr {
        PhysAddr(self.0 as u64 * PAGE_SIZE)
    }

    /// The frame `count` further on.
    #[must_use]
    pub const fn add(self, count: u32) -> Self {
        Self(self.0 + count)
    }
}

/// An address that a program gave: a claim, not a pointer. Only page tables and the user copy
/// routines make something of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserAddr(pub u64);

impl UserAddr {
    /// The start of the page that the address lies in.
    #[must_use]
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE_SIZE - 1))
    }

    /// The offset in its page.
    #[must_use]
    pub const fn page_offset(self) -> u64 {
        self.0 & (PAGE_SIZE - 1)
    }

    /// Whether `len` bytes from here lie below the end of user addresses.
    #[must_use]
    pub const fn is_range_below_end(self, len: u64) -> bool {
        self.0 <= USER_END && len <= USER_END - self.0
    }
}

/// `value` rounded up to a page; `None` on overflow.
#[must_use]
pub const fn page_up(value: u64) -> Option<u64> {
    match value.checked_add(PAGE_SIZE - 1) {
        Some(sum) => Some(sum & !(PAGE_SIZE - 1)),
        None => None,
    }
}
