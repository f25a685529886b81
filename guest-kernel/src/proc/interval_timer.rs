// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Timers of a process that send it a signal: `timer_create(2)`.

use super::signal::{Signal, SignalInfo, Signals};
use alloc::vec::Vec;

/// Timers that a process may have.
const TIMERS_MAX: u64 = 64;

/// The highest overrun that is told (`DELAYTIMER_MAX`).
const OVERRUN_MAX: u32 = i32::MAX.cast_unsigned();

/// A timer.
#[derive(Clone, Copy, Debug)]
pub struct IntervalTimer {
    id: u32,
    /// What it sends, with which value: `None` for one that is only asked.
    notice: Option<(Signal, u64)>,
    /// Where its clock starts to count, in nanoseconds of the run's clock.
    pub origin_ns: u64,
    due: Option<u64>,
    interval_ns: u64,
    overrun: u32,
}

impl IntervalTimer {
    /// When it is due.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// What is left until it is due, and after which interval it will be again.
    #[must_use]
    pub fn setting(&self, now: u64) -> (u64, u64) {
        let left = self.due.map_or(0, |due| due.saturating_sub(now).max(1));
        (left, self.interval_ns)
    }

    /// Sets when it is due, or that it is not.
    pub fn set(&mut self, due: Option<u64>, interval_ns: u64) {
        (self.due, self.interval_ns, self.overrun) = (due, interval_ns, 0);
    }

    /// How often it was due again before its last signal could be sent.
    #[must_use]
    pub fn overrun(&self) -> u32 {
        self.overrun
    }
}

/// The timers of a process.
#[derive(Debug, Default)]
pub struct IntervalTimers {
    timers: Vec<IntervalTimer>,
    next_id: u32,
}

impl IntervalTimers {
    /// Makes a timer, which is not set. Without a value of its own its signal carries its number.
    /// Returns the number, or `None` if there are `limit` of them already, or too many.
    pub fn make(
        &mut self,
        notice: Option<(Signal, Option<u64>)>,
        origin_ns: u64,
        limit: u64,
    ) -> Option<u32> {
        if self.timers.len() as u64 >= limit.min(TIMERS_MAX) {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let notice = notice.map(|(signal, value)| (signal, value.unwrap_or(id.into())));
        let timer = IntervalTimer { id, notice, origin_ns, due: None, interval_ns: 0, overrun: 0 };
        self.timers.push(timer);
        Some(id)
    }

    /// A timer.
    pub fn find(&mut self, id: u32) -> Option<&mut IntervalTimer> {
        self.timers.iter_mut().find(|timer| timer.id == id)
    }

    /// Takes a timer away; tells whether there was one.
    pub fn remove(&mut self, id: u32) -> bool {
        let before = self.timers.len();
        self.timers.retain(|timer| timer.id != id);
        self.timers.len() < before
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_time(&self) -> Option<u64> {
        self.timers.iter().filter_map(|timer| timer.due).min()
    }

    /// Takes what is due up to now: signals to send. A timer whose last signal still waits in `signals`
    /// sends no other one, and counts there.
    pub fn take_due(&mut self, now: u64, signals: &mut Signals) -> Vec<(Signal, SignalInfo)> {
        let mut due_signals = Vec::new();
        for timer in &mut self.timers {
            let Some(due) = timer.due.filter(|&due| due <= now) else { continue };
            let (missed, next) = next_due(due, timer.interval_ns, now);
            timer.due = next;
            let missed = u32::try_from(missed).unwrap_or(u32::MAX);
            let Some((signal, value)) = timer.notice else { continue };
            let before = core::mem::replace(&mut timer.overrun, missed);
            let late = before.saturating_add(missed).saturating_add(1).min(OVERRUN_MAX);
            if signals.note_overrun(signal, &SignalInfo::of_timer(timer.id, late, value)) {
                timer.overrun = late;
            } else {
                due_signals.push((signal, SignalInfo::of_timer(timer.id, missed, value)));
            }
        }
        due_signals
    }
}

/// How often what was due once was due again up to now, and when it is next, if it has an interval.
pub(super) fn next_due(due: u64, interval_ns: u64, now: u64) -> (u64, Option<u64>) {
    let missed = (now - due).checked_div(interval_ns).unwrap_or(0);
    (missed, (interval_ns > 0).then(|| due + (missed + 1) * interval_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_late_tells_how_often_it_was_due() {
        let mut timers = IntervalTimers::default();
        let signal = Signal::from_number(10).unwrap();
        let id = timers.make(Some((signal, Some(7))), 0, 1).unwrap();
        timers.find(id).unwrap().set(Some(100), 10);
        let mut signals = Signals::new();
        assert!(timers.take_due(99, &mut signals).is_empty());
        let due = timers.take_due(125, &mut signals);
        assert_eq!((due.len(), timers.next_time()), (1, Some(130)));
        assert_eq!(timers.find(id).unwrap().overrun(), 2);
        signals.raise(due[0].0, due[0].1, 10);
        assert!(timers.take_due(141, &mut signals).is_empty());
        assert_eq!(signals.take().unwrap().1, SignalInfo::of_timer(id, 4, 7));
        assert_eq!(timers.take_due(150, &mut signals).len(), 1);
        assert_eq!(timers.find(id).unwrap().overrun(), 0);
        assert!(timers.remove(id) && !timers.remove(id));
    }
}
