// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Seals: what nobody may do any more with a file in memory (`fcntl(2)`, `F_ADD_SEALS`). They are kept
//! here for what changes files; who may set them, and mappings, are the callers' part.

use super::inode::{FileSystem, InodeId};
use crate::arch::layout::PAGE_SIZE;
use crate::errno::Errno;

/// Against more seals.
pub const SEAL: u8 = 1;
/// Against becoming smaller.
pub const SHRINK: u8 = 2;
/// Against becoming larger.
pub const GROW: u8 = 4;
/// Against every change of what is in it.
pub const WRITE: u8 = 8;
/// The same, but for mappings that there are already.
pub const FUTURE_WRITE: u8 = 16;

impl FileSystem {
    /// The seals of a file; `None` if it is none that can have any.
    #[must_use]
    pub fn seals(&self, id: InodeId) -> Option<u8> {
        self.inode(id).seals
    }

    /// Sets the seals of a file.
    pub fn set_seals(&mut self, id: InodeId, seals: u8) {
        self.inode_mut(id).seals = Some(seals);
    }

    /// Whether a file is sealed against writing from now on.
    #[must_use]
    pub fn is_sealed_to_write(&self, id: InodeId) -> bool {
        self.seals(id).is_some_and(|seals| seals & (WRITE | FUTURE_WRITE) != 0)
    }

    /// How many of `len` bytes at `offset` the seals of a file let be written. One that may not grow
    /// is filled up page by page, as on Linux.
    ///
    /// # Errors
    /// `EPERM`: none.
    pub(super) fn unsealed_len(&self, id: InodeId, offset: u64, len: u64) -> Result<u64, Errno> {
        let Some(seals) = self.seals(id) else { return Ok(len) };
        let size = self.size(id)?;
        let allowed = if seals & (WRITE | FUTURE_WRITE) != 0 {
            0
        } else if seals & GROW != 0 && offset.saturating_add(len) > size {
            (size / PAGE_SIZE * PAGE_SIZE).saturating_sub(offset)
        } else {
            len
        };
        if allowed == 0 && len > 0 { Err(Errno::EPERM) } else { Ok(allowed) }
    }

    /// Checks that the seals of a file let it have this size.
    ///
    /// # Errors
    /// `EPERM`.
    pub(super) fn check_sealed_size(&self, id: InodeId, size: u64) -> Result<(), Errno> {
        let Some(seals) = self.seals(id) else { return Ok(()) };
        let forbidden = match size.cmp(&self.size(id)?) {
            core::cmp::Ordering::Less => SHRINK,
            core::cmp::Ordering::Equal => 0,
            core::cmp::Ordering::Greater => GROW,
        };
        if seals & forbidden != 0 { Err(Errno::EPERM) } else { Ok(()) }
    }
}
