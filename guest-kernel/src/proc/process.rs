// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A process: its thread, its memory, its open files and its place in the tree.

use super::descriptors::Descriptors;
use super::fifos::Opening;
use super::handle::Handle;
use super::interval_timer::IntervalTimers;
use super::limits::Limits;
use super::signal::{Signal, Signals};
use super::target::Target;
use super::thread::Thread;
use super::usage::{Alarm, Usage};
use crate::arch::cpu;
use crate::fs::InodeId;
use crate::mm::space::AddressSpace;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Number of the first process, whose end ends the run.
pub const FIRST_PID: u32 = 1;

/// Size of a process's name, its zero included.
pub const NAME_SIZE: usize = 16;

/// What keeps a process from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Ready,
    /// The call that it made has to wait; it is made again when something wakes the process.
    Waiting,
    /// Its memory is on loan to a child of `vfork`, or a child of `spawn` has not ended.
    Lending,
    /// A signal stopped it.
    Stopped,
    /// It has ended, and is there until its parent waits for it.
    Ended(Ending),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with a status.
    Exited(u8),
    /// By a signal, by number.
    Killed(u8),
}

impl Ending {
    /// As `wait4` gives it.
    #[must_use]
    pub const fn wait_status(self) -> u32 {
        match self {
            Self::Exited(status) => (status as u32) << 8,
            Self::Killed(signal) => signal as u32,
        }
    }
}

/// How late timers may be unless somebody says otherwise, in nanoseconds.
pub const TIMER_SLACK_NS: u64 = 50_000;

/// What happened to a process that lives, to be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A signal stopped it, by number.
    Stopped(u8),
    /// It went on.
    Continued,
}

/// What a process is at any time.
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Number of its parent, 0 for the first process.
    pub parent: u32,
    /// Process group.
    pub group: u32,
    /// Session.
    pub session: u32,
    /// Path that its program was started by, absolute where it was given so.
    pub path: Vec<u8>,
    /// Its name: what `prctl` set, or the last component of the path that was asked for, cut short.
    pub name: [u8; NAME_SIZE],
    /// Its stack pointer at its first instruction, where its arguments are.
    pub start_stack: u64,
    /// What keeps it from running.
    pub state: State,
    /// Its one thread.
    pub thread: Thread,
    /// Its memory.
    pub space: Box<AddressSpace>,
    /// Whether it has a call to be made, which its registers hold.
    pub has_call: bool,
    /// Whether it was interrupted, and has made no call since: see `ticker`.
    pub is_silent: bool,
    /// Whether a signal ended the wait of the call that its registers hold: it is made again,
    /// unless a handler runs first.
    pub is_interrupted: bool,
    /// Whether it has executed a program since its parent made it.
    pub has_executed: bool,
    /// Whether its parent ended before it, so that nobody waits for it.
    pub is_orphan: bool,
    /// Whether its parent waits for its end: `spawn`.
    pub is_spawned: bool,
    /// Whether the memory is its parent's, to be given back.
    pub is_space_borrowed: bool,
    /// Its open files.
    pub descriptors: Descriptors,
    /// Its working directory, which it holds open.
    pub cwd: InodeId,
    /// Whether it has asked for barriers of its own: `membarrier`.
    pub has_barriers: bool,
    /// Whether group 0 is among its supplementary groups, where no other one can be.
    pub is_in_group: bool,
    /// How late its timers may be, as it says; the default is Linux's.
    pub timer_slack_ns: u64,
    /// Whether it wants its capabilities when it becomes somebody else, which it never does.
    pub keeps_capabilities: bool,
    /// What `personality` set, as flags.
    pub personality: u32,
    /// Permission bits that new files do not get.
    pub umask: u16,
    /// Its nice value, which it keeps and hands on; its turns are those of everybody.
    pub nice: i8,
    /// Its scheduling policy, by number, which is kept and handed on like its nice value.
    pub policy: u8,
    /// What it may have at most.
    pub limits: Limits,
    /// Its signals.
    pub signals: Signals,
    /// Children that it has not waited for.
    pub children: Vec<u32>,
    /// Whether it takes the children that its descendants leave behind.
    pub takes_orphans: bool,
    /// Whether it may be dumped: it is what `prctl` last said.
    pub is_dumpable: bool,
    /// Whether it asked for no new rights: it stays so for its children.
    pub gains_nothing: bool,
    /// The signal that its end sends to its parent, 0 for none.
    pub end_signal: u8,
    /// The signal that it gets when its parent ends, 0 for none.
    pub parent_end_signal: u8,
    /// What open files name it by, if there are any.
    pub handle: Option<Rc<Handle>>,
    /// What happened to it that its parent has not waited for.
    pub change: Option<Change>,
    /// Bytes that a write which waits has written so far.
    pub written: u64,
    /// When the call that waits gives up, in nanoseconds of the run's clock.
    pub deadline: Option<u64>,
    /// Whether the call that waits is noted with the futexes.
    pub is_on_futex: bool,
    /// The open of a FIFO that waits.
    pub opening: Option<Box<Opening>>,
    /// Its timers, besides those that follow.
    pub timers: IntervalTimers,
    /// Its timers of the run's clock, of its own time, and of that again, by their numbers.
    pub alarms: [Option<Alarm>; 3],
    /// What it used, as far as it was counted: see [`Process::usage`].
    pub used: Usage,
    /// What those used that it waited for, and those that they waited for.
    pub used_by_children: Usage,
}

// A piece of the heap of half a KiB. With twice that, the smallest machine would have no room for the
// most processes that there may be.
const _: () = assert!(size_of::<Process>() <= 512);

impl Process {
    /// The first process.
    #[must_use]
    pub fn first(
        (path, asked_for): (Vec<u8>, &[u8]),
        thread: Thread,
        space: AddressSpace,
        cwd: InodeId,
        console: Target,
    ) -> Self {
        let files = Descriptors::on_console(console);
        Self {
            path,
            name: name_of(asked_for),
            ..Self::new(FIRST_PID, thread, Box::new(space), cwd, files, Signals::new())
        }
    }

    /// A child that shares what a child of `fork` shares. The files are held open for it by the
    /// caller, as is the working directory.
    #[must_use]
    pub fn child(&self, pid: u32, thread: Thread, space: Box<AddressSpace>) -> Self {
        let signals = self.signals.for_child();
        Self {
            parent: self.pid,
            group: self.group,
            session: self.session,
            path: self.path.clone(),
            name: self.name,
            start_stack: self.start_stack,
            has_barriers: self.has_barriers,
            is_in_group: self.is_in_group,
            timer_slack_ns: self.timer_slack_ns,
            keeps_capabilities: self.keeps_capabilities,
            personality: self.personality,
            umask: self.umask,
            nice: self.nice,
            policy: self.policy,
            limits: self.limits.clone(),
            is_dumpable: self.is_dumpable,
            gains_nothing: self.gains_nothing,
            ..Self::new(pid, thread, space, self.cwd, self.descriptors.clone(), signals)
        }
    }

    /// A process that nobody made, in a group and a session of its own, about to run.
    fn new(
        pid: u32,
        mut thread: Thread,
        space: Box<AddressSpace>,
        cwd: InodeId,
        descriptors: Descriptors,
        signals: Signals,
    ) -> Self {
        Self {
            pid,
            parent: 0,
            group: pid,
            session: pid,
            path: Vec::new(),
            name: [0; NAME_SIZE],
            start_stack: thread.stack(),
            state: State::Ready,
            thread,
            space,
            has_call: false,
            is_silent: false,
            is_interrupted: false,
            has_executed: false,
            is_orphan: false,
            is_spawned: false,
            is_space_borrowed: false,
            descriptors,
            cwd,
            has_barriers: false,
            is_in_group: false,
            timer_slack_ns: TIMER_SLACK_NS,
            keeps_capabilities: false,
            personality: 0,
            umask: 0o022,
            nice: 0,
            policy: 0,
            limits: Limits::default(),
            signals,
            children: Vec::new(),
            takes_orphans: false,
            is_dumpable: true,
            gains_nothing: false,
            end_signal: Signal::SIGCHLD.number(),
            parent_end_signal: 0,
            change: None,
            handle: None,
            written: 0,
            deadline: None,
            is_on_futex: false,
            opening: None,
            timers: IntervalTimers::default(),
            alarms: [None; 3],
            used: Usage::default(),
            used_by_children: Usage::default(),
        }
    }

    /// Notes which program it runs from here on: its path, the one that was asked for, which may be
    /// that of a script, and the stack pointer it starts with.
    pub fn set_program(&mut self, path: Vec<u8>, asked_for: &[u8], stack: u64) {
        self.path = path;
        self.name = name_of(asked_for);
        self.start_stack = stack;
        self.has_executed = true;
    }

    /// What is left of it when it has ended, for its parent and whoever looks.
    pub fn become_zombie(&mut self, ending: Ending) {
        self.state = State::Ended(ending);
        self.thread.forget_vectors();
        self.signals = Signals::new();
        self.timers = IntervalTimers::default();
        self.alarms = [None; 3];
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Makes the processor go on with this process at the next return from the kernel.
    pub fn make_current(&self) {
        cpu::set_page_tables(self.space.tables().root().0);
        self.thread.make_current();
    }

    /// When it is next to be looked at: by a call that waits, an alarm or a timer.
    #[must_use]
    pub fn next_time(&self) -> Option<u64> {
        if self.is_over() {
            return None;
        }
        let deadline = self.deadline.filter(|_| self.state == State::Waiting);
        let alarm = self.alarms[0].map(|(time, _)| time);
        [deadline, alarm, self.timers.next_time()].into_iter().flatten().min()
    }

    /// The permission bits of `mode` that a new file gets.
    #[must_use]
    pub fn masked(&self, mode: u64) -> u16 {
        (mode & 0o7777) as u16 & !self.umask
    }
}

fn name_of(path: &[u8]) -> [u8; NAME_SIZE] {
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let base = &base[..base.len().min(NAME_SIZE - 1)];
    let mut name = [0; NAME_SIZE];
    name[..base.len()].copy_from_slice(base);
    name
}
