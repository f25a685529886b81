// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Process groups, as terminals and their keys see them (`credentials(7)`).

use super::process::{FIRST_PID, Process, State};
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
        let mut is_looked_after = false;
        self.for_each_process(|process| {
            if process.group == group && !process.is_orphan && !process.is_over() {
                is_looked_after |= self.process(process.parent).is_some_and(|parent| {
                    parent.group != group && parent.session == process.session
                });
            }
        });
        group == FIRST_PID || !is_looked_after
    }

    /// Groups that the end of the running process may leave alone, if somebody is stopped: those of
    /// its children, if others than its own, and its own, if its parent is in another one.
    pub(super) fn groups_looked_after(&self) -> Vec<u32> {
        if !self.processes.iter().any(|process| process.state == State::Stopped) {
            return Vec::new();
        }
        let Process { pid, parent, group, session, .. } = *self.process;
        let mut groups = Vec::new();
        for other in self.processes.iter() {
            if other.group == group || other.session != session {
                continue;
            }
            if other.parent == pid {
                groups.push(other.group);
            }
            if other.pid == parent {
                groups.push(group);
            }
        }
        groups
    }

    /// Ends those, or lets them go on, who are stopped in a group that nobody looks after any more.
    pub(super) fn release_if_orphaned(&mut self, group: u32) {
        let has_stopped =
            |process: &Process| process.group == group && process.state == State::Stopped;
        if self.processes.iter().any(has_stopped) && self.is_group_orphaned(group) {
            self.signal_group(group, Signal::SIGHUP);
            self.signal_group(group, Signal::SIGCONT);
        }
    }
}
