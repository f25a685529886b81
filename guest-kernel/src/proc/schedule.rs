// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Who runs: processes take turns, and time passes when all of them wait.
//!
//! A process runs until it waits, ends, yields or has made its share of system calls; that is the
//! same in every run, with the exceptions in `ticker`. When nobody can run, the clock moves on to the
//! next time that somebody waits for, so sleeping takes no time on the host; unless input is awaited,
//! or the clock is the host's. A process that waits has a call to be made again.

use super::descriptors::Blocking;
use super::limits::{INFINITY, Resource};
use super::process::{Change, FIRST_PID, Process, State};
use super::shared::Shared;
use super::signal::{Noted, Signal, SignalInfo};
use super::ticker::Ticker;
use super::usage::take_due;
use super::waiters::Waiters;
use crate::end;
use crate::errno::Errno;
use crate::kernel::{Kernel, NS_PER_CALL};
use crate::proc::process::Ending;
use crate::sorted_map::SortedMap;
use crate::syscall::{self, Fail, OnSignal};
use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// System calls that a process makes while others are ready, at most.
const SHARE_CALLS: u64 = 200;

/// The same by the run's clock, in nanoseconds.
pub const TURN_NS: u64 = SHARE_CALLS * NS_PER_CALL;

/// The processes that do not run, those included that ended and nobody waited for.
pub struct Processes {
    all: SortedMap<u32, Box<Process>>,
    /// Those that could run, in the order of their turns.
    ready: VecDeque<u32>,
    /// The next time that a process waits for, or wants an alarm at, and the process. It may want
    /// that no longer; nobody wants an earlier one.
    next_timer: Option<(u64, u32)>,
    last_pid: u32,
    ticker: Ticker,
    /// What they share, once there is something.
    shared: Option<Box<Shared>>,
}

impl Processes {
    /// None but the first, which runs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            all: SortedMap::new(),
            ready: VecDeque::new(),
            next_timer: None,
            last_pid: FIRST_PID,
            ticker: Ticker::new(),
            shared: None,
        }
    }

    /// A number for a new process. Numbers are not used again.
    pub fn next_pid(&mut self) -> u32 {
        self.last_pid += 1;
        self.last_pid
    }

    /// What processes share.
    pub fn shared(&mut self) -> &mut Shared {
        self.shared.get_or_insert_default()
    }

    /// What processes share, if there is something.
    #[must_use]
    #[inline]
    pub fn shared_if_any(&mut self) -> Option<&mut Shared> {
        self.shared.as_deref_mut()
    }

    /// Adds a process that can run.
    fn add_ready(&mut self, process: Box<Process>) {
        self.ready.push_back(process.pid);
        self.all.insert(process.pid, process);
        self.ticker.start();
    }

    /// Keeps a process that has ended.
    pub(super) fn keep(&mut self, process: Box<Process>) {
        self.all.insert(process.pid, process);
    }

    /// Takes away a process that has ended.
    pub fn remove(&mut self, pid: u32) -> Option<Box<Process>> {
        self.all.remove(pid)
    }

    /// Notes a time that a process waits for, or wants an alarm at.
    pub fn add_timer(&mut self, time_ns: u64, pid: u32) {
        let timer = (time_ns, pid);
        self.next_timer = Some(self.next_timer.map_or(timer, |next| next.min(timer)));
    }

    /// Takes out the next one that could run.
    fn take_next(&mut self) -> Option<Box<Process>> {
        loop {
            let pid = self.ready.pop_front()?;
            match self.all.remove(pid) {
                // One that has ended meanwhile cannot run.
                Some(process) if process.is_over() => self.keep(process),
                Some(process) => return Some(process),
                None => {}
            }
        }
    }

    /// Whether somebody could run who does not.
    #[must_use]
    pub fn is_anyone_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// What interrupts a process that makes no calls.
    #[must_use]
    pub fn ticker(&mut self) -> &mut Ticker {
        &mut self.ticker
    }

    /// A process that does not run.
    #[must_use]
    pub fn find(&mut self, pid: u32) -> Option<&mut Process> {
        self.all.get_mut(pid).map(|process| &mut **process)
    }

    /// As [`Processes::find`], to be looked at.
    #[must_use]
    pub fn get(&self, pid: u32) -> Option<&Process> {
        self.all.get(pid).map(|process| &**process)
    }

    /// All that do not run, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.all.values().map(|process| &**process)
    }

    /// As [`Processes::iter`], to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.all.values_mut().map(|process| &mut **process)
    }

    /// Number of processes that do not run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Lets a process go on that was in the given state.
    pub fn set_ready(&mut self, pid: u32, from: State) {
        if let Some(process) = self.all.get_mut(pid)
            && process.state == from
        {
            process.state = State::Ready;
            self.ready.push_back(pid);
            self.ticker.start();
        }
    }
}

impl Default for Processes {
    fn default() -> Self {
        Self::new()
    }
}

impl Kernel {
    /// Why a call has no value that finds nothing to do: it fails, or waits for a change.
    #[inline(never)]
    pub fn put_off(&self, blocking: Blocking, waiters: &Waiters) -> Fail {
        if blocking == Blocking::No {
            return Errno::EAGAIN.into();
        }
        waiters.add(self.process.pid);
        Fail::Wait
    }

    /// Lets those that wait look again.
    pub fn wake(&mut self, waiters: &Waiters) {
        for pid in waiters.take() {
            self.wake_process(pid);
        }
    }

    /// Lets a process go on that waits: another one, or the one that ran last if nobody can run.
    pub(super) fn wake_process(&mut self, pid: u32) {
        if self.process.pid != pid {
            self.processes.set_ready(pid, State::Waiting);
        } else if self.process.state == State::Waiting {
            self.process.state = State::Ready;
        }
    }

    /// Adds a process that can run when its turn comes.
    pub fn admit(&mut self, process: Box<Process>) {
        self.processes.add_ready(process);
        self.attention_at = self.attention_at.min(self.nr_calls + SHARE_CALLS);
    }

    /// Any process, the one that runs included.
    #[inline(never)]
    pub fn process_mut(&mut self, pid: u32) -> Option<&mut Process> {
        if self.process.pid == pid { Some(&mut self.process) } else { self.processes.find(pid) }
    }

    /// Sends a signal to a process, which wakes it if it waits.
    pub fn send(&mut self, pid: u32, signal: Signal, info: SignalInfo) -> Noted {
        let process = self.process_mut(pid).filter(|process| !process.is_over());
        let Some(process) = process else { return Noted::Done };
        let limit = process.limits.of(Resource::SIGPENDING).soft;
        let noted = process.signals.raise(signal, info, limit);
        let is_pending = process.signals.pending.has(signal);
        let is_stopped = process.state == State::Stopped;
        if is_stopped && matches!(signal, Signal::SIGCONT | Signal::SIGKILL) {
            self.processes.set_ready(pid, State::Stopped);
            if signal == Signal::SIGCONT {
                self.report_change(pid, Change::Continued);
            }
        }
        // Also a signal that is blocked: it may be what the process waits for.
        if is_pending {
            self.wake_process(pid);
        }
        noted
    }

    /// Settles everything that stands between a trap and a program's next instruction.
    pub fn settle(&mut self) {
        loop {
            if self.process.state == State::Waiting && self.process.signals.is_any_due() {
                self.interrupt_wait();
            } else if self.process.state != State::Ready {
                self.run_next();
            } else if self.process.has_call {
                self.go_on_with_call();
            } else if self.process.signals.is_any_due() {
                self.deliver_signal();
            } else if core::mem::take(&mut self.process.is_interrupted) {
                self.process.has_call = true;
            } else if let Some(mask) = self.process.signals.saved_mask.take() {
                self.process.signals.blocked = mask;
            } else if self.nr_calls >= self.attention_at {
                self.take_turns();
            } else {
                return;
            }
        }
    }

    /// Makes a call again that waited. What it waited for comes before the signal that woke the
    /// process as well.
    fn go_on_with_call(&mut self) {
        self.process.has_call = false;
        let registers = self.process.thread.registers();
        // SAFETY: the trap code is done with the registers, and `call` does not reach them another
        // way than by the reference that it gets.
        let registers = unsafe { &mut *registers };
        // Whatever is still to be done, `settle` does next.
        let _ = self.make_call(registers);
    }

    /// A signal ends the wait of a call: it returns what it did so far, or fails, or what comes of
    /// the signal decides.
    fn interrupt_wait(&mut self) {
        self.process.state = State::Ready;
        self.process.has_call = false;
        // SAFETY: the trap code is done with the registers, and nobody else looks at them.
        let registers = unsafe { self.process.thread.registers_mut() };
        let written = core::mem::take(&mut self.process.written);
        if written > 0 {
            registers.rax = written;
        } else if syscall::on_signal(registers) == OnSignal::Fail {
            registers.rax = Errno::EINTR.as_return_value();
        } else {
            self.process.is_interrupted = true;
            return;
        }
        self.process.deadline = None;
        self.abandon_wait();
    }

    /// Lets the next one run that can; waits for it if there is none.
    fn run_next(&mut self) {
        let next = loop {
            if let Some(next) = self.processes.take_next() {
                break next;
            }
            if self.process.state != State::Ready {
                self.pass_time();
            }
            // Nobody else was ready, or not before this one.
            if self.process.state == State::Ready {
                self.begin_turn();
                return;
            }
        };
        self.switch_to(next);
    }

    fn switch_to(&mut self, next: Box<Process>) {
        // A process whose state cannot be kept cannot go on.
        if self.process.thread.save().is_err() {
            self.process.signals.raise(Signal::SIGKILL, SignalInfo::default(), INFINITY);
        }
        self.charge();
        let last = core::mem::replace(&mut self.process, next);
        self.processes.all.insert(last.pid, last);
        self.process.thread.restore();
        self.process.make_current();
        self.begin_turn();
    }

    /// Replaces the running process, which is gone, by the next one. Returns what is left of it.
    pub fn replace_by_next(&mut self) -> Box<Process> {
        self.charge();
        let next = loop {
            match self.processes.take_next() {
                Some(next) => break next,
                None => self.pass_time(),
            }
        };
        let last = core::mem::replace(&mut self.process, next);
        self.process.thread.restore();
        self.process.make_current();
        self.begin_turn();
        last
    }

    /// The share of calls is used up, or a time has come.
    fn take_turns(&mut self) {
        self.serve_processor_timers();
        self.serve_timers();
        if self.processes.ready.is_empty() {
            self.set_attention();
            return;
        }
        let pid = self.process.pid;
        self.processes.ready.push_back(pid);
        self.run_next();
    }

    /// Lets the next ready process run before this one goes on: `sched_yield`.
    pub fn yield_turn(&mut self) {
        self.attention_at = self.nr_calls;
    }

    fn begin_turn(&mut self) {
        self.processes.ticker.begin_turn(self.nr_calls);
        self.set_attention();
    }

    /// Sets when the running process is to be looked at again.
    pub fn set_attention(&mut self) {
        let turn = self.nr_calls + SHARE_CALLS;
        self.attention_at = match self.next_time() {
            Some(time) => {
                self.processes.ticker.start();
                turn.min(self.calls_until(time))
            }
            None => turn,
        };
    }

    /// The next time that somebody waits for, by a timer of its own or one that can be read, or that
    /// the running process comes to by running.
    pub(super) fn next_time(&mut self) -> Option<u64> {
        let own = self.next_timer().map(|(time, _)| time);
        let shared = self.processes.shared_if_any();
        let shared = shared.and_then(|shared| shared.timers.next_time());
        own.into_iter().chain(shared).chain(self.next_processor_time()).min()
    }

    /// The next time that somebody waits for by a timer of its own, and who.
    fn next_timer(&mut self) -> Option<(u64, u32)> {
        let (time, pid) = self.processes.next_timer?;
        if self.process_mut(pid).and_then(|process| process.next_time()) != Some(time) {
            let all = self.processes.iter().chain([&*self.process]);
            let timers = all.filter_map(|process| Some((process.next_time()?, process.pid)));
            self.processes.next_timer = timers.min();
        }
        self.processes.next_timer
    }

    /// Nobody can run: moves the clock to the next time that somebody waits for. Input comes
    /// first, since a program that waits for both has to get what there is; and the host's clock
    /// moves by itself.
    fn pass_time(&mut self) {
        let is_input_awaited = self.is_input_awaited();
        let time = self.next_time();
        if time.is_none() && !is_input_awaited {
            self.end_deadlock();
        }
        self.charge();
        match time {
            Some(time) if self.host_clock.is_none() && !is_input_awaited => {
                self.slept_ns += time.saturating_sub(self.now());
                self.serve_timers();
            }
            _ => self.idle(),
        }
        self.charged_until = self.now();
    }

    /// Waits until there is input, or a time has come: by the host's clock, or because no input came
    /// for as long as it is to that time.
    fn idle(&mut self) {
        let mut waited_ns = 0;
        while !self.processes.is_anyone_ready() && self.process.state != State::Ready {
            if self.listens_to_input() && self.look_for_input() {
                continue;
            }
            let now = self.now();
            let left = self.next_time().map(|time| time.saturating_sub(now));
            let has_host_clock = self.host_clock.is_some();
            let allowed_ns = if has_host_clock { 0 } else { waited_ns };
            if let Some(left) = left.filter(|&left| left <= allowed_ns) {
                if !has_host_clock {
                    self.slept_ns += left;
                    self.processes.ticker.note_interruption();
                }
                self.serve_timers();
                return;
            }
            waited_ns += self.processes.ticker.wait();
        }
    }

    /// Wakes those whose time has come, and sends the alarms that are due.
    fn serve_timers(&mut self) {
        let now = self.now();
        let shared = self.processes.shared_if_any();
        let due = shared.map(|shared| shared.timers.take_due(now));
        for pid in due.unwrap_or_default() {
            self.wake_process(pid);
        }
        while let Some((_, pid)) = self.next_timer().filter(|&(time, _)| time <= now) {
            let Some(process) = self.process_mut(pid) else { continue };
            let mut signals = process.timers.take_due(now, &mut process.signals);
            if take_due(&mut process.alarms[0], now) {
                signals.push((Signal::SIGALRM, SignalInfo::of_kernel()));
            }
            for (signal, info) in signals {
                self.send(pid, signal, info);
            }
            // Who only waited is done; who got a signal looks at it first.
            self.wake_process(pid);
        }
    }

    /// Every process waits for another one, for ever.
    fn end_deadlock(&mut self) -> ! {
        end::say(&format_args!("every process waits for another one: the run cannot go on"));
        end::finish(self, Ending::Killed(Signal::SIGKILL.number()))
    }
}
