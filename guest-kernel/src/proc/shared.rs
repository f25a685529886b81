// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What processes share besides files and memory.

use super::fifos::Fifos;
use super::futexes::Futexes;
use super::locks::Locks;
use super::timer::Timers;

/// What processes share.
#[derive(Debug, Default)]
pub struct Shared {
    last_number: u64,
    /// Locks on files.
    pub locks: Locks,
    /// Who waits on a word of memory.
    pub futexes: Futexes,
    /// Named pipes that are open.
    pub fifos: Fifos,
    /// Timers that can be read.
    pub timers: Timers,
}

impl Shared {
    /// A number for something that has no inode, as `stat` shows it.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}
