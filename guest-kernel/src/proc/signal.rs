// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals: their numbers, what is pending, and what a process wants done (`signal(7)`).

use alloc::vec::Vec;

/// A signal, by its number from 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

#[expect(missing_docs, reason = "the names are those of signal(7)")]
impl Signal {
    pub const SIGILL: Self = Self(4);
    pub const SIGTRAP: Self = Self(5);
    pub const SIGBUS: Self = Self(7);
    pub const SIGFPE: Self = Self(8);
    pub const SIGKILL: Self = Self(9);
    pub const SIGSEGV: Self = Self(11);
    pub const SIGPIPE: Self = Self(13);
    pub const SIGALRM: Self = Self(14);
    pub const SIGCHLD: Self = Self(17);
    pub const SIGXFSZ: Self = Self(25);
    pub const SIGCONT: Self = Self(18);
    pub const SIGSTOP: Self = Self(19);
    const SIGTSTP: Self = Self(20);
    const SIGTTIN: Self = Self(21);
    const SIGTTOU: Self = Self(22);
    const SIGURG: Self = Self(23);
    const SIGWINCH: Self = Self(28);
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

    /// The lowest signal that is not in `blocked`.
    #[must_use]
    pub const fn first_outside(self, blocked: Self) -> Option<Signal> {
        match self.0 & !blocked.0 {
            0 => None,
            bits => Some(Signal(bits.trailing_zeros() as u8 + 1)),
        }
    }
}

/// Where a signal came from: the parts of `siginfo_t` that programs look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalInfo {
    /// `si_code`.
    pub code: i32,
    /// `si_pid`, or for a fault the low half of `si_addr`.
    pub pid: u32,
    /// `si_status`.
    pub status: i32,
    /// `si_addr` of a fault.
    pub address: u64,
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

    /// Reads the structure.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word =
            |index: usize| u64::from_le_bytes(core::array::from_fn(|byte| bytes[index * 8 + byte]));
        Self {
            handler: word(0),
            flags: word(1),
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
    /// Where pending signals came from.
    infos: Vec<(Signal, SignalInfo)>,
}

impl Signals {
    /// Nothing pending, nothing blocked, everything by default.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            blocked: SignalSet(0),
            pending: SignalSet(0),
            saved_mask: None,
            stack: AlternateStack { start: 0, size: 0 },
            actions: Vec::new(),
            infos: Vec::new(),
        }
    }

    /// What a child starts with: the same, but nothing pending.
    #[must_use]
    pub fn for_child(&self) -> Self {
        Self { pending: SignalSet(0), infos: Vec::new(), ..self.clone() }
    }

    /// What is to be done with a signal.
    #[must_use]
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
        if self.pending.has(signal) && self.ignores(signal) {
            self.take_info(signal);
        }
    }

    /// Whether a signal would do nothing.
    #[must_use]
    pub fn ignores(&self, signal: Signal) -> bool {
        match self.action(signal).handler {
            Action::IGNORE => true,
            Action::DEFAULT => signal.default() == Default::Ignore,
            _ => false,
        }
    }

    /// Notes a signal. One that is ignored and not blocked is forgotten at once.
    pub fn raise(&mut self, signal: Signal, info: SignalInfo) {
        if !self.pending.has(signal) && (self.blocked.has(signal) || !self.ignores(signal)) {
            self.pending.add(signal);
            self.infos.push((signal, info));
        }
    }

    /// Whether a signal waits to be delivered.
    #[must_use]
    #[inline]
    pub fn is_any_due(&self) -> bool {
        self.pending.0 & !self.blocked.0 != 0
    }

    /// The next signal to be delivered.
    #[must_use]
    pub fn next_due(&self) -> Option<Signal> {
        self.pending.first_outside(self.blocked)
    }

    /// Whether a call that the signal interrupts is made again.
    #[must_use]
    pub fn restarts_calls(&self, signal: Signal) -> bool {
        let action = self.action(signal);
        matches!(action.handler, Action::DEFAULT | Action::IGNORE)
            || action.flags & Action::RESTART != 0
    }

    /// Takes the next signal to be delivered.
    pub fn take(&mut self) -> Option<(Signal, SignalInfo)> {
        let signal = self.pending.first_outside(self.blocked)?;
        Some((signal, self.take_info(signal)))
    }

    /// Takes the lowest pending signal of a set.
    pub fn take_of(&mut self, set: SignalSet) -> Option<(Signal, SignalInfo)> {
        let signal = SignalSet(self.pending.0 & set.0).first_outside(SignalSet(0))?;
        Some((signal, self.take_info(signal)))
    }

    fn take_info(&mut self, signal: Signal) -> SignalInfo {
        self.pending.remove(signal);
        let index = self.infos.iter().position(|(of, _)| *of == signal);
        index.map_or(SignalInfo::default(), |index| self.infos.swap_remove(index).1)
    }

    /// Takes all handlers away; what is ignored stays so.
    pub fn reset_handlers(&mut self) {
        self.actions.retain(|(_, action)| action.handler == Action::IGNORE);
    }

    /// What `execve` leaves: handlers are gone, what is ignored stays so, and so do masks.
    pub fn reset_for_exec(&mut self) {
        self.reset_handlers();
        self.stack = AlternateStack::default();
    }
}

impl core::default::Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
