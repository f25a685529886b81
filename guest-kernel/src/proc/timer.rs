// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Timers that can be read: `timerfd_create(2)`, on the run's clock.

use super::waiters::Waiters;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::Cell;

/// A timer.
#[derive(Debug, Default)]
pub struct Timer {
    /// Where its clock starts to count, in nanoseconds of the run's clock.
    pub origin_ns: u64,
    /// When it expires next, in nanoseconds of the run's clock.
    due: Cell<Option<u64>>,
    /// After how long it expires again, or 0.
    interval_ns: Cell<u64>,
    /// Expirations that nobody has read.
    nr_expired: Cell<u64>,
    /// All expirations.
    nr_expired_ever: Cell<u64>,
    /// Who waits for one.
    pub waiters: Waiters,
}

impl Timer {
    /// Time until the next expiration and the interval, both 0 if there is none.
    #[must_use]
    pub fn setting(&self, now: u64) -> (u64, u64) {
        self.advance(now);
        let left = self.due.get().map_or(0, |due| due.saturating_sub(now).max(1));
        (left, self.interval_ns.get())
    }

    /// Sets when it expires, or that it does not; forgets what nobody has read.
    pub fn set(&self, due: Option<u64>, interval_ns: u64) {
        self.due.set(due);
        self.interval_ns.set(interval_ns);
        self.nr_expired.set(0);
    }

    /// Expirations that nobody has read.
    #[must_use]
    pub fn nr_expired(&self, now: u64) -> u64 {
        self.advance(now);
        self.nr_expired.get()
    }

    /// All expirations, read or not.
    #[must_use]
    pub fn nr_expired_ever(&self, now: u64) -> u64 {
        self.advance(now);
        self.nr_expired_ever.get()
    }

    /// Reads the number of expirations.
    pub fn take(&self, now: u64) -> u64 {
        self.advance(now);
        self.nr_expired.take()
    }

    /// Counts the expirations up to now.
    fn advance(&self, now: u64) {
        let Some(due) = self.due.get().filter(|&due| due <= now) else { return };
        let interval = self.interval_ns.get();
        let count = 1 + (now - due).checked_div(interval).unwrap_or(0);
        self.nr_expired.set(self.nr_expired.get() + count);
        self.nr_expired_ever.set(self.nr_expired_ever.get() + count);
        self.due.set((interval > 0).then(|| due.saturating_add(count.saturating_mul(interval))));
    }

    /// When somebody who waits is to be woken.
    fn wake_time(&self) -> Option<u64> {
        self.due.get().filter(|_| !self.waiters.is_empty())
    }
}

/// The timers that there are.
#[derive(Debug, Default)]
pub struct Timers(Vec<Weak<Timer>>);

impl Timers {
    /// Makes one, whose clock starts to count at a time of the run's clock.
    pub fn make(&mut self, origin_ns: u64) -> Rc<Timer> {
        self.0.retain(|timer| timer.strong_count() > 0);
        let timer = Rc::new(Timer { origin_ns, ..Timer::default() });
        self.0.push(Rc::downgrade(&timer));
        timer
    }

    /// The next time at which somebody is to be woken.
    #[must_use]
    pub fn next_time(&self) -> Option<u64> {
        self.0.iter().filter_map(|timer| timer.upgrade()?.wake_time()).min()
    }

    /// Processes to be woken at this time.
    pub fn take_due(&self, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        for timer in self.0.iter().filter_map(Weak::upgrade) {
            if timer.wake_time().is_some_and(|time| time <= now) {
                due.append(&mut timer.waiters.take());
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_periodic_timer_counts_what_it_missed() {
        let timer = Timer::default();
        timer.set(Some(100), 30);
        assert_eq!(timer.nr_expired(99), 0);
        assert_eq!(timer.setting(99), (1, 30));
        assert_eq!(timer.nr_expired(100), 1);
        assert_eq!(timer.take(189), 3);
        assert_eq!((timer.take(189), timer.setting(189)), (0, (1, 30)));
        assert_eq!(timer.take(190), 1);
    }

    #[test]
    fn a_single_timer_expires_once() {
        let timer = Timer::default();
        timer.set(Some(5), 0);
        assert_eq!((timer.take(1000), timer.take(2000)), (1, 0));
        assert_eq!(timer.setting(2000), (0, 0));
    }
}
