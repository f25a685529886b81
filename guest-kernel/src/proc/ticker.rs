// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The tick: the last resort against a process that computes without making a call.
//!
//! Turns and time go by system calls, which is the same in every run. Who makes none would keep the
//! processor for ever, and time would stand still for all others. So a timer interrupts programs
//! while somebody else could run or waits for a time. It counts how long there was no call: others
//! get their turn, and times come, once that is long enough. What happens then depends on the
//! processor's speed, so it is counted and the run's end says so.

use crate::arch::{local_apic, port};
use crate::kernel::{Kernel, Progress};

/// Time from one tick to the next, in nanoseconds.
const TICK_NS: u64 = 10_000_000;

/// Time that a process may compute without a call while others are ready, in nanoseconds: long
/// enough for a compiler's longest silence.
const PATIENCE_NS: u64 = 1_000_000_000;

/// The state of the tick.
#[derive(Debug)]
pub struct Ticker {
    is_on: bool,
    /// Number of calls at the last tick.
    calls: u64,
    /// Number of calls when the turn of the running process began.
    calls_at_turn: u64,
    /// Time without any call.
    silence_ns: u64,
    /// The part of it that belongs to the turn of the running process.
    turn_ns: u64,
    interruptions: u64,
}

impl Ticker {
    /// Off.
    pub(super) const fn new() -> Self {
        Self {
            is_on: false,
            calls: 0,
            calls_at_turn: 0,
            silence_ns: 0,
            turn_ns: 0,
            interruptions: 0,
        }
    }

    /// Sees to it that there are ticks.
    #[inline]
    pub fn start(&mut self) {
        if !self.is_on {
            self.is_on = true;
            local_apic::start_timer(TICK_NS);
        }
    }

    /// Waits for the next tick; returns how long that may have taken.
    pub(super) fn wait(&mut self) -> u64 {
        self.start();
        port::halt_until_interrupt();
        local_apic::end_of_interrupt();
        TICK_NS
    }

    /// Notes that real time had a part in the run.
    pub(super) fn note_interruption(&mut self) {
        self.interruptions += 1;
    }

    fn stop(&mut self) {
        self.is_on = false;
        local_apic::stop_timer();
    }

    /// Another process runs from here on.
    #[inline]
    pub(super) fn begin_turn(&mut self, calls: u64) {
        self.calls_at_turn = calls;
        self.turn_ns = 0;
    }

    /// How often a process was interrupted.
    #[must_use]
    pub const fn interruptions(&self) -> u64 {
        self.interruptions
    }
}

impl Kernel {
    /// Serves the timer's interrupt.
    pub fn serve_tick(&mut self) -> Progress {
        local_apic::end_of_interrupt();
        let has_terminal = self.has_terminal();
        let has_host_clock = self.host_clock.is_some();
        let next_time = self.next_time();
        let (calls, now) = (self.nr_calls, self.now());
        let has_time_come = has_host_clock && next_time.is_some_and(|time| time <= now);
        if has_terminal && self.look_for_input() || has_time_come {
            self.yield_turn();
            return Progress::Unsettled;
        }
        let is_anyone_ready = self.processes.is_anyone_ready();
        let ticker = self.processes.ticker();
        if next_time.is_none() && !is_anyone_ready && !has_terminal {
            ticker.stop();
            return Progress::Settled;
        }
        if ticker.calls != calls {
            ticker.calls = calls;
            (ticker.silence_ns, ticker.turn_ns) = (0, 0);
            if calls > ticker.calls_at_turn {
                self.process.is_silent = false;
            }
            return Progress::Settled;
        }
        ticker.silence_ns += TICK_NS;
        ticker.turn_ns += TICK_NS;
        let due = next_time.map(|time| time.saturating_sub(now));
        let due = due.filter(|&left| !has_host_clock && left <= ticker.silence_ns);
        // One that was interrupted before, and has called nothing since, is not waited for again.
        let is_turn_over = self.process.is_silent || ticker.turn_ns >= PATIENCE_NS;
        if due.is_none() && !(is_anyone_ready && is_turn_over) {
            return Progress::Settled;
        }
        ticker.note_interruption();
        if let Some(time_left) = due {
            ticker.silence_ns -= time_left;
            self.slept_ns += time_left;
        }
        self.process.is_silent |= is_turn_over;
        self.yield_turn();
        Progress::Unsettled
    }
}
