// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Ends: every way in which a run of the machine can stop, and the exit status of each.
//!
//! Joins what the kernel tells ([`EndState`]) with what only the monitor can see: the time limit, a
//! machine that crashed, a host that failed. Statuses follow `timeout(1)` and container runners;
//! [`End::class`] keeps a program that exits with 125 apart from a failed host.

use std::fmt;
use std::time::Duration;

use seed_protocols::end::{EXIT_FAILURE, EXIT_TIME_LIMIT, EndState};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The program exited with this status.
    Exited(u8),
    /// A signal, by number, killed the program.
    Killed(u8),
    /// `/init` is not there.
    NotFound(String),
    /// `/init` cannot be executed.
    NotExecutable(String),
    /// The kernel cannot use the input archive, the settings or a disk.
    BadInput(String),
    /// The output does not fit on the output disk, or could not be written.
    OutputFailed(String),
    /// The kernel met a state that it believed impossible.
    KernelPanic(String),
    /// The time limit passed.
    TimeLimit(Duration),
    /// The machine stopped without the kernel saying so.
    GuestCrashed(String),
    /// The host or the monitor failed under a running guest.
    HostFailed(String),
}

impl End {
    /// The exit status of seedvmm.
    #[must_use]
    pub fn status(&self) -> u8 {
        match (self.as_end_state(), self) {
            (Some(state), _) => state.status(),
            (None, Self::TimeLimit(_)) => EXIT_TIME_LIMIT,
            (None, _) => EXIT_FAILURE,
        }
    }

    /// The name of the class in messages and in the report.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match (self.as_end_state(), self) {
            (Some(state), _) => state.class(),
            (None, Self::TimeLimit(_)) => "time-limit",
            (None, Self::GuestCrashed(_)) => "guest-crashed",
            (None, _) => "host-failed",
        }
    }

    /// The signal that killed the program.
    #[must_use]
    pub const fn signal(&self) -> Option<u8> {
        match *self {
            Self::Killed(signal) => Some(signal),
            _ => None,
        }
    }

    /// Whether the program exited with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        *self == Self::Exited(0)
    }

    /// The same end, with the file named that it is about: the kernel does not know their names.
    #[must_use]
    pub fn naming(self, input: Option<&str>, output: Option<&str>) -> Self {
        let named = |file: Option<&str>, why: String| match file {
            Some(file) => format!("{file}: {why}"),
            None => why,
        };
        match self {
            Self::NotFound(why) => Self::NotFound(named(input, why)),
            Self::NotExecutable(why) => Self::NotExecutable(named(input, why)),
            Self::BadInput(why) => Self::BadInput(named(input, why)),
            Self::OutputFailed(why) => Self::OutputFailed(named(output, why)),
            other => other,
        }
    }

    fn as_end_state(&self) -> Option<EndState<'_>> {
        Some(match self {
            Self::Exited(status) => EndState::Exited(*status),
            Self::Killed(signal) => EndState::Killed(*signal),
            Self::NotFound(why) => EndState::NotFound(why),
            Self::NotExecutable(why) => EndState::NotExecutable(why),
            Self::BadInput(why) => EndState::BadInput(why),
            Self::OutputFailed(why) => EndState::OutputFailed(why),
            Self::KernelPanic(why) => EndState::Panic(why),
            Self::TimeLimit(_) | Self::GuestCrashed(_) | Self::HostFailed(_) => return None,
        })
    }
}

impl From<EndState<'_>> for End {
    fn from(state: EndState<'_>) -> Self {
        match state {
            EndState::Exited(status) => Self::Exited(status),
            EndState::Killed(signal) => Self::Killed(signal),
            EndState::NotFound(why) => Self::NotFound(why.to_owned()),
            EndState::NotExecutable(why) => Self::NotExecutable(why.to_owned()),
            EndState::BadInput(why) => Self::BadInput(why.to_owned()),
            EndState::OutputFailed(why) => Self::OutputFailed(why.to_owned()),
            EndState::Panic(why) => Self::KernelPanic(why.to_owned()),
        }
    }
}

/// One line for standard error.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "the program exited with status {status}"),
            Self::Killed(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "the program was killed by signal {signal} ({name})"),
                None => write!(f, "the program was killed by signal {signal}"),
            },
            Self::NotFound(why) => write!(f, "the program was not found: {why}"),
            Self::NotExecutable(why) => write!(f, "the program cannot be executed: {why}"),
            Self::BadInput(why) => write!(f, "the kernel cannot use its input: {why}"),
            Self::OutputFailed(why) => write!(f, "the kernel cannot write the output: {why}"),
            Self::KernelPanic(why) => write!(f, "the kernel panicked: {why}"),
            Self::TimeLimit(limit) => {
                write!(f, "the time limit of {} s passed", limit.as_secs_f64())
            }
            Self::GuestCrashed(why) => write!(f, "the guest crashed: {why}"),
            Self::HostFailed(why) => write!(f, "the host failed: {why}"),
        }
    }
}

/// Names of the signals that the seed kernel sends for a fault, and of common others (signal(7)).
const fn signal_name(signal: u8) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_the_status_of_a_command_runner() {
        let text = || "why".to_owned();
        for (end, status, class) in [
            (End::Exited(0), 0, "exited"),
            (End::Exited(255), 255, "exited"),
            (End::Killed(11), 139, "killed"),
            (End::NotFound(text()), 127, "not-found"),
            (End::NotExecutable(text()), 126, "not-executable"),
            (End::BadInput(text()), 125, "bad-input"),
            (End::OutputFailed(text()), 125, "output-failed"),
            (End::KernelPanic(text()), 125, "kernel-panic"),
            (End::TimeLimit(Duration::from_secs(1)), 124, "time-limit"),
            (End::GuestCrashed(text()), 125, "guest-crashed"),
            (End::HostFailed(text()), 125, "host-failed"),
        ] {
            assert_eq!((end.status(), end.class()), (status, class));
            assert_eq!(end.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn a_signal_is_told_apart_from_a_high_status() {
        assert_eq!(End::Killed(11).signal(), Some(11));
        assert_eq!(End::Exited(139).signal(), None);
        assert_eq!(End::Killed(11).to_string(), "the program was killed by signal 11 (SIGSEGV)");
    }
}
