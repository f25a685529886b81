// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes that wait for a change of something.
//!
//! Whoever waits is noted where the change will happen, and its call is made again when it does:
//! the call itself finds out whether the change was the right one. So an entry too many only costs
//! time, and nothing has to be taken out when a wait ends otherwise.

use alloc::vec::Vec;

/// Numbers of processes.
#[derive(Debug, Default)]
pub struct Waiters(Vec<u32>);

impl Waiters {
    /// Notes a process.
    pub fn add(&mut self, pid: u32) {
        if !self.0.contains(&pid) {
            self.0.push(pid);
        }
    }

    /// Takes all out.
    pub fn take(&mut self) -> Vec<u32> {
        core::mem::take(&mut self.0)
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
