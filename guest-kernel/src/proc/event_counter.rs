// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Counters of events: `eventfd(2)`.

use super::target::Readiness;
use super::waiters::Waiters;
use core::cell::Cell;

/// What a read takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The whole count.
    All,
    /// One: `EFD_SEMAPHORE`.
    One,
}

/// A counter.
#[derive(Debug)]
pub struct EventCounter {
    count: Cell<u64>,
    take: Take,
    /// Who waits for a change.
    pub waiters: Waiters,
}

impl EventCounter {
    /// A counter that starts at `count`.
    #[must_use]
    pub fn new(count: u64, take: Take) -> Self {
        Self { count: Cell::new(count), take, waiters: Waiters::default() }
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.count.get() == 0
    }

    /// Takes what a read takes.
    pub fn take(&self) -> u64 {
        let count = self.count.get();
        let taken = match self.take {
            Take::All => count,
            Take::One => count.min(1),
        };
        self.count.set(count - taken);
        taken
    }

    /// Adds to the count, which stays below its highest value; tells whether there was room.
    #[must_use]
    pub fn add(&self, value: u64) -> bool {
        let sum = self.count.get().checked_add(value).filter(|&sum| sum < u64::MAX);
        if let Some(sum) = sum {
            self.count.set(sum);
        }
        sum.is_some()
    }

    /// What it is ready for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let count = self.count.get();
        Readiness::default()
            .with(Readiness::READ_EVENTS, count > 0)
            .with(Readiness::ADD_EVENTS, count < u64::MAX - 1)
    }
}
