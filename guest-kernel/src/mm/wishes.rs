// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a program wishes for areas, besides what they hold: `mlock(2)`, and what `madvise(2)` keeps.
//!
//! Memory is never given up but on advice, so a lock is a mark that refuses such advice.

use super::space::AddressSpace;
use crate::errno::Errno;
use crate::fs::FileSystem;

/// Wishes for an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes(u8);

impl Wishes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Its pages stay in memory.
    pub const LOCKED: Self = Self(1 << 0);
    /// Children do not get it.
    pub const NOT_FOR_CHILDREN: Self = Self(1 << 1);
    /// Children find zeros.
    pub const EMPTY_FOR_CHILDREN: Self = Self(1 << 2);

    /// Whether one of these is among them.
    #[must_use]
    pub const fn has(self, wishes: Self) -> bool {
        self.0 & wishes.0 != 0
    }

    /// With and without some.
    #[must_use]
    pub const fn changed(self, added: Self, removed: Self) -> Self {
        Self(self.0 & !removed.0 | added.0)
    }
}

impl AddressSpace {
    /// Adds and takes back wishes for `[start, end)`.
    ///
    /// # Errors
    /// `ENOMEM` if part of the range has no area, the rest being changed; or memory ran out.
    pub fn wish(
        &mut self,
        fs: &mut FileSystem,
        (start, end): (u64, u64),
        added: Wishes,
        removed: Wishes,
    ) -> Result<(), Errno> {
        if added != removed {
            self.make_border(fs, start)?;
            self.make_border(fs, end)?;
        }
        for area in self.areas_mut().iter_mut() {
            if start <= area.start && area.end <= end {
                area.wishes = area.wishes.changed(added, removed);
            }
        }
        if self.covers(start, end) { Ok(()) } else { Err(Errno::ENOMEM) }
    }

    /// The same for all areas, those included that come later: they get what `future` says.
    pub fn wish_for_all(&mut self, added: Wishes, removed: Wishes, future: Wishes) {
        for area in self.areas_mut().iter_mut() {
            area.wishes = area.wishes.changed(added, removed);
        }
        self.wishes_for_new = future;
    }
}
