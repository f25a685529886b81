// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes as open files name them: `pidfd_open(2)`.

use super::target::Readiness;
use super::waiters::Waiters;
use core::cell::Cell;

/// A process, for as long as somebody has it open.
#[derive(Debug)]
pub struct Handle {
    /// Its number, which no other process ever gets.
    pub pid: u32,
    /// Whether it has ended.
    pub is_over: Cell<bool>,
    /// Who waits for that.
    pub waiters: Waiters,
}

impl Handle {
    /// Names a process.
    #[must_use]
    pub fn new(pid: u32, is_over: bool) -> Self {
        Self { pid, is_over: Cell::new(is_over), waiters: Waiters::default() }
    }

    /// What it is ready for: its end can be read, though not by `read`.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness::default().with(Readiness::READ, self.is_over.get())
    }
}
