// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Process groups, as terminals and their keys see them (`credentials(7)`).

use super::process::FIRST_PID;
use super::signal::{Signal, SignalInfo};
use crate::kernel::Kernel;
use alloc::vec::Vec;

impl Kernel {
    /// Sends a signal of the kernel's to each process of a group.
    pub fn signal_group(&mut self, group: u32, signal: Signal) {
        let mut pids = Vec::new();
        self.for_each_process(|process| {
            if process.group == group {
                pids.push(process.pid);
            }
        });
        for pid in pids {
            self.send(pid, signal, SignalInfo::of_kernel());
        }
    }

    /// Whether nobody looks after a group who could make it go on: no process of it has a parent in
    /// another group of its session. The first process's group has nobody outside, and who was left
    /// to the first process was left alone.
    #[must_use]
    pub fn is_group_orphaned(&self, group: u32) -> bool {
        let mut parents = Vec::new();
        self.for_each_process(|process| {
            if process.group == group && !process.is_orphan && !process.is_over() {
                parents.push((process.parent, process.session));
            }
        });
        let mut is_looked_after = false;
        self.for_each_process(|process| {
            is_looked_after |=
                process.group != group && parents.contains(&(process.pid, process.session));
        });
        group == FIRST_PID || !is_looked_after
    }
}
