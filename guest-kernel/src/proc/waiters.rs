// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes that wait for a change of something.
//!
//! Whoever waits is noted where the change will happen, and its call is made again when it does:
//! the call itself finds out whether the change was the right one. So an entry too many only costs
//! time, and nothing has to be taken out when a wait ends otherwise.

use alloc::vec::Vec;

/// Numbers of processes.
#[derive(Debug, Default)]
pub struct Waiters {
    pids: Vec<u32>,
    /// Changes so far, for those who ask whether there was one.
    nr_changes: u64,
}

impl Waiters {
    /// Notes a process.
    pub fn add(&mut self, pid: u32) {
        if !self.pids.contains(&pid) {
            self.pids.push(pid);
        }
    }

    /// Takes all out, as there was a change.
    pub fn take(&mut self) -> Vec<u32> {
        self.nr_changes += 1;
        core::mem::take(&mut self.pids)
    }

    /// Takes all out without a change, to see who waits still.
    pub fn take_unchanged(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.pids)
    }

    /// Changes so far.
    #[must_use]
    pub fn nr_changes(&self) -> u64 {
        self.nr_changes
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pids.is_empty()
    }
}
