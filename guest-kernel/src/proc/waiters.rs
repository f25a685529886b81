// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes that wait for a change of something.
//!
//! Whoever waits is noted where the change will happen, and its call is made again when it does:
//! the call itself finds out whether the change was the right one. So an entry too many only costs
//! time, and nothing has to be taken out when a wait ends otherwise.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// Numbers of processes. Whoever shares the thing that they wait for can change them.
#[derive(Debug, Default)]
pub struct Waiters {
    pids: RefCell<Vec<u32>>,
    /// Changes so far, for those who ask whether there was one.
    nr_changes: Cell<u64>,
}

impl Waiters {
    /// Notes a process.
    pub fn add(&self, pid: u32) {
        let mut pids = self.pids.borrow_mut();
        if !pids.contains(&pid) {
            pids.push(pid);
        }
    }

    /// Takes all out, as there was a change.
    pub fn take(&self) -> Vec<u32> {
        self.nr_changes.update(|count| count + 1);
        self.take_unchanged()
    }

    /// Takes all out without a change, to see who waits still.
    // Not inlined: all that wakes somebody comes through here.
    #[inline(never)]
    pub fn take_unchanged(&self) -> Vec<u32> {
        self.pids.take()
    }

    /// Changes so far.
    #[must_use]
    pub fn nr_changes(&self) -> u64 {
        self.nr_changes.get()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pids.borrow().is_empty()
    }
}
