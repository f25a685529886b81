// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals: their numbers, what is pending, and what a process wants done (`signal(7)`).

use crate::errno::Errno;
use alloc::vec::Vec;

/// A signal, by its number from 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

#[expect(missing_docs, reason = "the names are those of signal(7)")]
impl Signal {
    pub const SIGHUP: Self = Self(1);
    pub const SIGINT: Self = Self(2);
    pub const SIGQUIT: Self = Self(3);
    pub const SIGILL: Self = Self(4);
    pub const SIGTRAP: Self = Self(5);
    pub const SIGBUS: Self = Self(7);
    pub const SIGFPE: Self = Self(8);
    pub const SIGKILL: Self = Self(9);
    pub const SIGSEGV: Self = Self(11);
    pub const SIGPIPE: Self = Self(13);
    pub const SIGALRM: Self = Self(14);
    pub const SIGCHLD: Self = Self(17);
    pub const SIGXCPU: Self = Self(24);
    pub const SIGXFSZ: Self = Self(25);
    pub const SIGVTALRM: Self = Self(26);
    pub const SIGPROF: Self = Self(27);
    pub const SIGCONT: Self = Self(18);
    pub const SIGSTOP: Self = Self(19);
    pub const SIGTSTP: Self = Self(20);
    pub const SIGTTIN: Self = Self(21);
    pub const SIGTTOU: Self = Self(22);
    const SIGURG: Self = Self(23);
    pub const SIGWINCH: Self = Self(28);
}

/// Names of the signals up to 31, by number.
const NAMES: [&str; 32] = [
    "",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// What happens by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The process ends.
    End,
    /// Nothing.
    Ignore,
    /// The process stops.
    Stop,
    /// A stopped process goes on.
    Continue,
}

impl Signal {
    /// Highest number.
    pub const MAX: u64 = 64;

    /// Lowest number of those that are queued, each with where it came from.
    const FIRST_QUEUED: u8 = 32;

    /// The signal with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        u8::try_from(number).ok().filter(|&n| n > 0 && number <= Self::MAX).map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The signal that an exception of the processor becomes, as on Linux.
    #[must_use]
    pub const fn of_exception(vector: u8) -> Self {
        match vector {
            0 | 16 | 19 => Self::SIGFPE,
            1 | 3 => Self::SIGTRAP,
            6 => Self::SIGILL,
            11 | 12 | 17 => Self::SIGBUS,
            _ => Self::SIGSEGV,
        }
    }

    /// What happens by default.
    #[must_use]
    pub fn default(self) -> Default {
        match self {
            Self::SIGCHLD | Self::SIGURG | Self::SIGWINCH => Default::Ignore,
            Self::SIGCONT => Default::Continue,
            Self::SIGSTOP | Self::SIGTSTP | Self::SIGTTIN | Self::SIGTTOU => Default::Stop,
            _ => Default::End,
        }
    }

    /// Whether it stops a process, unless that wants it otherwise.
    #[must_use]
    pub const fn stops(self) -> bool {
        SignalSet::STOPPING.has(self)
    }

    /// Whether it is one that an instruction causes.
    #[must_use]
    pub const fn is_of_instruction(self) -> bool {
        SignalSet(SignalSet::CAUSED).has(self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("a real-time signal")
    }
}

/// A set of signals: bit n - 1 stands for signal n, as in `sigset_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// Those that nobody can block: `SIGKILL` and `SIGSTOP`.
    const UNBLOCKABLE: u64 = 1 << 8 | 1 << 18;

    /// Those that stop a process: `SIGSTOP`, `SIGTSTP`, `SIGTTIN` and `SIGTTOU`.
    const STOPPING: Self = Self(1 << 18 | 1 << 19 | 1 << 20 | 1 << 21);

    /// Those that an instruction causes: `SIGILL`, `SIGTRAP`, `SIGBUS`, `SIGFPE`, `SIGSEGV`,
    /// `SIGSYS`.
    const CAUSED: u64 = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10 | 1 << 30;

    /// As a set to block.
    #[must_use]
    pub const fn blockable(bits: u64) -> Self {
        Self(bits & !Self::UNBLOCKABLE)
    }

    /// Whether the signal is in it.
    #[must_use]
    pub const fn has(self, signal: Signal) -> bool {
        self.0 & 1 << (signal.0 - 1) != 0
    }

    /// Adds a signal.
    pub const fn add(&mut self, signal: Signal) {
        self.0 |= 1 << (signal.0 - 1);
    }

    /// Takes a signal out.
    pub const fn remove(&mut self, signal: Signal) {
        self.0 &= !(1 << (signal.0 - 1));
    }

    /// The signal that comes first: one that an instruction caused, else the lowest.
    #[must_use]
    pub const fn first(self) -> Option<Signal> {
        let caused = self.0 & Self::CAUSED;
        match if caused != 0 { caused } else { self.0 } {
            0 => None,
            bits => Some(Signal(bits.trailing_zeros() as u8 + 1)),
        }
    }

    /// Those of this set that are not in the other one.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Where a signal came from: `siginfo_t` without the signal's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalInfo {
    /// `si_errno`, which only programs set.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// What comes behind: its meaning depends on the signal and the code.
    pub fields: [u64; Self::NR_FIELDS],
}

impl SignalInfo {
    /// Words behind the three numbers at the start and their padding.
    pub const NR_FIELDS: usize = 14;

    /// `SI_KERNEL`: from the kernel, without a reason that could be told.
    pub const KERNEL: i32 = 0x80;

    /// `SI_USER`: from `kill`. Only programs send what is below.
    pub const USER: i32 = 0;

    /// `SI_TIMER`: from a timer of the process.
    pub const TIMER: i32 = -2;

    /// From the kernel.
    #[must_use]
    pub fn of_kernel() -> Self {
        Self { code: Self::KERNEL, ..Self::default() }
    }

    /// From a process of user 0: `si_pid` and `si_uid`.
    #[must_use]
    pub fn of_process(code: i32, pid: u32) -> Self {
        let mut info = Self { code, ..Self::default() };
        info.fields[0] = pid.into();
        info
    }

    /// Of a child that something happened to: `si_pid`, `si_uid` and `si_status`.
    #[must_use]
    pub fn of_child(code: i32, pid: u32, status: u8) -> Self {
        let mut info = Self::of_process(code, pid);
        info.fields[1] = status.into();
        info
    }

    /// Of an instruction that cannot go on: `si_addr`.
    #[must_use]
    pub fn of_fault(code: i32, address: u64) -> Self {
        let mut info = Self { code, ..Self::default() };
        info.fields[0] = address;
        info
    }

    /// Of a timer of the process: `si_timerid`, `si_overrun` and `si_value`.
    #[must_use]
    pub fn of_timer(id: u32, overrun: u32, value: u64) -> Self {
        let mut info = Self { code: Self::TIMER, ..Self::default() };
        info.fields[0] = u64::from(id) | u64::from(overrun) << 32;
        info.fields[1] = value;
        info
    }

    /// `si_addr` of a fault.
    #[must_use]
    pub const fn address(&self) -> u64 {
        self.fields[0]
    }
}

/// `struct sigaction`, as the kernel has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// The handler's address, or [`Action::DEFAULT`] or [`Action::IGNORE`].
    pub handler: u64,
    /// `SA_*`.
    pub flags: u64,
    /// Where the handler returns to.
    pub restorer: u64,
    /// Signals that are blocked while the handler runs.
    pub mask: SignalSet,
}

impl Action {
    /// Size in bytes in a program's memory.
    pub const SIZE: usize = 32;
    /// `SIG_DFL`.
    pub const DEFAULT: u64 = 0;
    /// `SIG_IGN`.
    pub const IGNORE: u64 = 1;
    /// Children that end leave nothing to wait for.
    pub const NO_CHILD_WAIT: u64 = 1 << 1;
    /// Children that stop are not told of.
    pub const NO_CHILD_STOP: u64 = 1 << 0;
    /// The handler's code is given in `restorer`. The C libraries always set it.
    pub const RESTORER: u64 = 1 << 26;
    /// The handler runs on the alternate stack.
    pub const ON_STACK: u64 = 1 << 27;
    /// Interrupted calls are made again.
    pub const RESTART: u64 = 1 << 28;
    /// The signal is not blocked while its handler runs.
    pub const NO_DEFER: u64 = 1 << 30;
    /// The handler is used once.
    pub const RESET_HAND: u64 = 1 << 31;
    /// All that Linux knows, `SA_SIGINFO` and `SA_EXPOSE_TAGBITS` included, which need nothing.
    const FLAGS: u64 = 0xdc00_0807;

    /// Reads the structure.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word =
            |index: usize| u64::from_le_bytes(core::array::from_fn(|byte| bytes[index * 8 + byte]));
        Self {
            handler: word(0),
            flags: word(1) & Self::FLAGS,
            restorer: word(2),
            mask: SignalSet::blockable(word(3)),
        }
    }

    /// Lays the structure out.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let words = [self.handler, self.flags, self.restorer, self.mask.0];
        core::array::from_fn(|index| words[index / 8].to_le_bytes()[index % 8])
    }
}

/// The alternate stack of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlternateStack {
    /// Its lowest address.
    pub start: u64,
    /// Its size in bytes, 0 if there is none.
    pub size: u64,
    /// Whether it is given up while a handler runs on it: `SS_AUTODISARM`.
    pub disarms_itself: bool,
}

impl AlternateStack {
    /// No stack.
    pub const NONE: Self = Self { start: 0, size: 0, disarms_itself: false };

    /// Flags of `stack_t`.
    const ON_STACK: u64 = 1;
    const DISABLE: u64 = 2;
    const AUTODISARM: u64 = 1 << 31;

    /// The smallest stack: `MINSIGSTKSZ`.
    const SIZE_MIN: u64 = 2048;

    /// Reads `stack_t`, as words.
    ///
    /// # Errors
    /// `EINVAL`: unknown flags. `ENOMEM`: it is too small.
    pub fn parse([start, flags, size]: [u64; 3]) -> Result<Self, Errno> {
        let flags = flags & 0xffff_ffff;
        let disarms_itself = flags & Self::AUTODISARM != 0;
        match flags & !Self::AUTODISARM {
            Self::DISABLE => Ok(Self { disarms_itself, ..Self::NONE }),
            0 | Self::ON_STACK if size < Self::SIZE_MIN => Err(Errno::ENOMEM),
            0 | Self::ON_STACK => Ok(Self { start, size, disarms_itself }),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Lays `stack_t` out, for a program whose stack pointer this is.
    #[must_use]
    pub const fn words(&self, pointer: u64) -> [u64; 3] {
        let state = match self.size {
            0 => Self::DISABLE,
            _ if self.has(pointer) => Self::ON_STACK,
            _ => 0,
        };
        let way = if self.disarms_itself { Self::AUTODISARM } else { 0 };
        [self.start, state | way, self.size]
    }

    /// Whether a stack pointer is on it. One that disarms itself is never found in use.
    #[must_use]
    pub const fn has(&self, pointer: u64) -> bool {
        !self.disarms_itself
            && self.size > 0
            && pointer > self.start
            && pointer - self.start <= self.size
    }
}

/// All that a process has to do with signals.
#[derive(Clone, Debug)]
pub struct Signals {
    /// What is blocked.
    pub blocked: SignalSet,
    /// What is to be delivered.
    pub pending: SignalSet,
    /// The mask that comes back after `sigsuspend` and its like.
    pub saved_mask: Option<SignalSet>,
    /// The alternate stack.
    pub stack: AlternateStack,
    /// What is not done by default. Few programs have more than some, and a fork copies them.
    actions: Vec<(Signal, Action)>,
    /// Where pending signals came from, in the order in which they came.
    infos: Vec<(Signal, SignalInfo)>,
    /// Signals noted so far.
    pub nr_raised: u64,
}

/// Signals that may be queued for a process.
const QUEUE_MAX: u64 = 1024;

/// Whether a signal is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is, or need not be.
    Done,
    /// It is not, as the queue is full.
    Refused,
}

impl Signals {
    /// Nothing pending, nothing blocked, everything by default.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            blocked: SignalSet(0),
            pending: SignalSet(0),
            saved_mask: None,
            stack: AlternateStack::NONE,
            actions: Vec::new(),
            infos: Vec::new(),
            nr_raised: 0,
        }
    }

    /// What a child starts with: the same, but nothing pending.
    #[must_use]
    pub fn for_child(&self) -> Self {
        Self { pending: SignalSet(0), infos: Vec::new(), ..self.clone() }
    }

    /// What is to be done with a signal.
    #[must_use]
    // Not inlined, as it looks through a list.
    #[inline(never)]
    pub fn action(&self, signal: Signal) -> Action {
        let found = self.actions.iter().find(|(of, _)| *of == signal);
        found.map_or(Action::default(), |(_, action)| *action)
    }

    /// Changes what is to be done with a signal. What is pending and now ignored is forgotten.
    pub fn set_action(&mut self, signal: Signal, action: Action) {
        self.actions.retain(|(of, _)| *of != signal);
        if action != Action::default() {
            self.actions.push((signal, action));
        }
        if self.ignores(signal) {
            self.forget(SignalSet(1 << (signal.0 - 1)));
        }
    }

    /// Those that are ignored by the program's wish.
    #[must_use]
    pub fn ignored(&self) -> SignalSet {
        self.set_of(|handler| handler == Action::IGNORE)
    }

    /// Those that have handlers.
    #[must_use]
    pub fn handled(&self) -> SignalSet {
        self.set_of(|handler| !matches!(handler, Action::IGNORE | Action::DEFAULT))
    }

    fn set_of(&self, is_meant: impl Fn(u64) -> bool) -> SignalSet {
        let mut set = SignalSet(0);
        for (signal, _) in self.actions.iter().filter(|(_, action)| is_meant(action.handler)) {
            set.add(*signal);
        }
        set
    }

    /// Whether a signal would do nothing.
    #[must_use]
    pub fn ignores(&self, signal: Signal) -> bool {
        match self.action(signal).handler {
            Action::IGNORE => true,
            Action::DEFAULT => matches!(signal.default(), Default::Ignore | Default::Continue),
            _ => false,
        }
    }

    /// Notes a signal. One that is ignored and not blocked is forgotten at once; of those that are
    /// not queued one is noted at a time. No more than `limit` are noted with where they came from,
    /// but those of the kernel and of `kill` that are not queued.
    pub fn raise(&mut self, signal: Signal, info: SignalInfo, limit: u64) -> Noted {
        // Going on and stopping take each other back, ignored and blocked or not.
        match signal {
            Signal::SIGCONT => self.forget(SignalSet::STOPPING),
            _ if signal.stops() => self.forget(SignalSet(1 << (Signal::SIGCONT.0 - 1))),
            _ => {}
        }
        let is_queued = signal.0 >= Signal::FIRST_QUEUED;
        let is_there = self.pending.has(signal) && !is_queued;
        if is_there || !self.blocked.has(signal) && self.ignores(signal) {
            return Noted::Done;
        }
        let has_room = (self.infos.len() as u64) < limit.min(QUEUE_MAX)
            || !is_queued && info.code >= SignalInfo::USER;
        if !has_room && is_queued && info.code != SignalInfo::USER {
            return Noted::Refused;
        }
        self.pending.add(signal);
        self.nr_raised += 1;
        if has_room {
            self.infos.push((signal, info));
        }
        Noted::Done
    }

    /// Tells the overrun of a timer to its signal, if that still waits; returns whether it does.
    pub fn note_overrun(&mut self, signal: Signal, info: &SignalInfo) -> bool {
        let [timer, value, ..] = info.fields;
        let is_of_timer = |known: &SignalInfo| {
            let [known_timer, known_value, ..] = known.fields;
            known.code == SignalInfo::TIMER
                && (known_timer as u32, known_value) == (timer as u32, value)
        };
        let waiting = self.infos.iter_mut().find(|(of, known)| *of == signal && is_of_timer(known));
        waiting.map(|(_, known)| known.fields[0] = timer).is_some()
    }

    fn forget(&mut self, set: SignalSet) {
        if self.pending.0 & set.0 != 0 {
            self.pending = self.pending.without(set);
            self.infos.retain(|&(signal, _)| !set.has(signal));
        }
    }

    /// Whether a signal waits to be delivered.
    #[must_use]
    #[inline]
    pub fn is_any_due(&self) -> bool {
        self.pending.0 & !self.blocked.0 != 0
    }

    /// Takes the next signal to be delivered.
    pub fn take(&mut self) -> Option<(Signal, SignalInfo)> {
        self.take_of(SignalSet(!self.blocked.0))
    }

    /// Takes the first pending signal of a set.
    pub fn take_of(&mut self, set: SignalSet) -> Option<(Signal, SignalInfo)> {
        let signal = SignalSet(self.pending.0 & set.0).first()?;
        let mut indices = (0..self.infos.len()).filter(|&at| self.infos[at].0 == signal);
        let (first, second) = (indices.next(), indices.next());
        if second.is_none() {
            self.pending.remove(signal);
        }
        let info = first.map_or(SignalInfo::default(), |index| self.infos.remove(index).1);
        Some((signal, info))
    }

    /// Takes all handlers away; what is ignored stays so.
    pub fn reset_handlers(&mut self) {
        self.actions.retain(|(_, action)| action.handler == Action::IGNORE);
    }

    /// What `execve` leaves: handlers are gone, what is ignored stays so, and so do masks.
    pub fn reset_for_exec(&mut self) {
        self.reset_handlers();
        self.stack = AlternateStack::NONE;
    }
}

impl core::default::Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
