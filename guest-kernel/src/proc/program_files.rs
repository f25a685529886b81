// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Files of programs are either run or written, never both: `ETXTBSY`.
//!
//! Pages of a running program come from its file when they are touched, so its file must keep its
//! content. Nothing is counted for that: whoever opens or executes a file looks at what there is.

use super::descriptors::Target;
use super::process::Process;
use crate::errno::Errno;
use crate::fs::{FileSystem, InodeId};
use crate::kernel::Kernel;
use crate::mm::space::{Area, Backing, Sharing};
use core::iter;

impl Kernel {
    /// Checks that a file may be opened to be written, or cut.
    ///
    /// # Errors
    /// `ETXTBSY`: a process runs it.
    pub fn check_is_not_run(&self, inode: InodeId) -> Result<(), Errno> {
        let is_text = |area: &Area| area.access.execute && area.sharing == Sharing::Private;
        if self.is_mapped(inode, is_text) { Err(Errno::ETXTBSY) } else { Ok(()) }
    }

    /// Whether somebody has mapped a file in this way.
    pub fn is_mapped(&self, inode: InodeId, is_meant: impl Fn(&Area) -> bool) -> bool {
        self.everybody().flat_map(|process| process.space.areas()).any(|area| {
            matches!(area.backing, Backing::File { inode: of, .. } if of == inode) && is_meant(area)
        })
    }

    fn everybody(&self) -> impl Iterator<Item = &Process> {
        iter::once(&*self.process).chain(self.processes.iter())
    }
}

/// Whether a process has a file open to be written.
pub(super) fn is_written<'a>(
    fs: &FileSystem,
    mut processes: impl Iterator<Item = &'a Process>,
    inode: InodeId,
) -> bool {
    // What is made without a name is always open to be written, and executed by its descriptor.
    fs.seals(inode).is_none()
        && processes.any(|process| {
            process.descriptors.files().any(|file| {
                file.is_writable() && matches!(file.target, Target::Inode(of) if of == inode)
            })
        })
}
