// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What processes used of processor time and memory, and what comes of it: the timers and the limit
//! of processor time.
//!
//! A process's time is that of the run's clock while it runs: a microsecond for each call, and what
//! it was interrupted for. Nothing tells the kernel's part of it from the program's own, so all of it
//! counts as the program's.

use super::interval_timer::next_due;
use super::limits::{Limit, Resource};
use super::process::{Process, State};
use super::signal::{Signal, SignalInfo};
use crate::kernel::Kernel;

const NS_PER_S: u64 = 1_000_000_000;

/// What a process used, or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, in nanoseconds.
    pub time_ns: u64,
    /// Pages of memory that one process had at one time, at most.
    pub peak_pages: u64,
}

impl Usage {
    /// What both used together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            time_ns: self.time_ns + other.time_ns,
            peak_pages: self.peak_pages.max(other.peak_pages),
        }
    }
}

/// An interval timer that is set: when it is due, and the interval after which it is due again, in
/// nanoseconds.
pub type Alarm = (u64, u64);

/// Whether an alarm is due. Then it is set anew, or no more.
pub(super) fn take_due(alarm: &mut Option<Alarm>, now: u64) -> bool {
    let Some((due, interval)) = alarm.filter(|&(due, _)| due <= now) else { return false };
    *alarm = next_due(due, interval, now).1.map(|next| (next, interval));
    true
}

impl Process {
    /// What it used up to now, or up to its end.
    pub fn usage(&mut self) -> Usage {
        self.note_peak();
        self.used
    }

    /// Notes what memory it had, which it is about to give up.
    pub(super) fn note_peak(&mut self) {
        self.used.peak_pages = self.used.peak_pages.max(self.space.tables().peak_pages());
    }
}

impl Kernel {
    /// Counts the time since this was last done as the running process's; returns all that it used.
    pub fn charge(&mut self) -> u64 {
        let now = self.now();
        self.process.used.time_ns += now - self.charged_until;
        self.charged_until = now;
        self.process.used.time_ns
    }

    /// When the running process will have used as much time as one of its timers or its limit says,
    /// if it goes on until then.
    pub(super) fn next_processor_time(&self) -> Option<u64> {
        if self.process.state != State::Ready {
            return None;
        }
        let [_, timers @ ..] = &self.process.alarms;
        // As it is with nearly all, at each turn.
        if *timers == [None; 2] && self.process.limits.are_default() {
            return None;
        }
        let limit = self.process.limits.of(Resource::CPU).soft.saturating_mul(NS_PER_S);
        let due = timers.iter().flatten().map(|&(due, _)| due).fold(limit, u64::min);
        let left = due.saturating_sub(self.process.used.time_ns);
        (due < u64::MAX).then(|| self.charged_until.saturating_add(left))
    }

    /// Sends the running process what is due of the time that it used.
    pub(super) fn serve_processor_timers(&mut self) {
        let (used, pid) = (self.charge(), self.process.pid);
        for (which, signal) in [(1, Signal::SIGVTALRM), (2, Signal::SIGPROF)] {
            if take_due(&mut self.process.alarms[which], used) {
                self.send(pid, signal, SignalInfo::of_kernel());
            }
        }
        let Limit { soft, hard } = self.process.limits.of(Resource::CPU);
        let seconds = used / NS_PER_S;
        if seconds >= hard {
            self.send(pid, Signal::SIGKILL, SignalInfo::default());
        } else if seconds >= soft {
            // It is told again after each second more.
            self.process.limits.raise(Resource::CPU, seconds + 1);
            self.send(pid, Signal::SIGXCPU, SignalInfo::of_kernel());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_due_once_unless_it_has_an_interval() {
        let mut once = Some((100, 0));
        assert!(!take_due(&mut once, 99));
        assert!(take_due(&mut once, 100) && once.is_none());
        let mut often = Some((100, 30));
        assert!(take_due(&mut often, 120));
        assert_eq!(often, Some((130, 30)));
    }

    #[test]
    fn times_add_up_and_peaks_do_not() {
        let one = Usage { time_ns: 3, peak_pages: 70 };
        let other = Usage { time_ns: 4, peak_pages: 50 };
        assert_eq!(one.and(other), Usage { time_ns: 7, peak_pages: 70 });
    }
}
