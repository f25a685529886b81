// SPDX-License-Identifier: Apache-2.0 OR MIT

//! End states: how a run ended, how the kernel says so, and the exit status that follows.
//!
//! Two channels carry the end, the same on every backend. The debug-exit port takes the status of
//! a program that exited with at most 126. QEMU passes on only seven bits of that port, so anything
//! else is written as [`DEBUG_EXIT_SEE_LINE`] after a last line on the console, which [`EndState`]
//! prints and [`EndState::parse_line`] reads. A program cannot forge an end: only the kernel reaches
//! the port, and the line counts only when it is the last one before that value.

use core::fmt;

/// Exit status of seedvmm when the time limit ended the run.
pub const EXIT_TIME_LIMIT: u8 = 124;

/// Exit status of seedvmm when the monitor, the host, an image or the kernel failed.
pub const EXIT_FAILURE: u8 = 125;

/// Exit status when `/init` cannot be executed.
pub const EXIT_NOT_EXECUTABLE: u8 = 126;

/// Exit status when `/init` is not there.
pub const EXIT_NOT_FOUND: u8 = 127;

/// Added to the signal's number when a signal killed the program.
pub const EXIT_SIGNAL_BASE: u8 = 128;

/// Opens each line of the kernel's own on the console; the rest of the console is the program's.
pub const KERNEL_LINE_PREFIX: &[u8] = b"\x1eseedkernel: ";

/// What follows the prefix in the line that tells the end state.
const END_WORD: &str = "end ";

/// Debug-exit value: the last console line tells how the run ended.
pub const DEBUG_EXIT_SEE_LINE: u16 = 0x7f;

/// How the kernel ended the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndState<'a> {
    /// The program exited with this status.
    Exited(u8),
    /// A signal, by number, killed the program.
    Killed(u8),
    /// `/init` is not there.
    NotFound(&'a str),
    /// `/init` cannot be executed.
    NotExecutable(&'a str),
    /// The input archive, the settings or a disk cannot be used.
    BadInput(&'a str),
    /// The output does not fit on the output disk, or could not be written.
    OutputFailed(&'a str),
    /// The kernel met a state that it believed impossible.
    Panic(&'a str),
}

impl<'a> EndState<'a> {
    /// The exit status of seedvmm that this end leads to.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match *self {
            Self::Exited(status) => status,
            Self::Killed(signal) => EXIT_SIGNAL_BASE.wrapping_add(signal),
            Self::NotFound(_) => EXIT_NOT_FOUND,
            Self::NotExecutable(_) => EXIT_NOT_EXECUTABLE,
            Self::BadInput(_) | Self::OutputFailed(_) | Self::Panic(_) => EXIT_FAILURE,
        }
    }

    /// The value for the debug-exit port; [`DEBUG_EXIT_SEE_LINE`] calls for the line before it.
    #[must_use]
    pub fn debug_exit_value(&self) -> u16 {
        match *self {
            Self::Exited(status) if u16::from(status) < DEBUG_EXIT_SEE_LINE => status.into(),
            _ => DEBUG_EXIT_SEE_LINE,
        }
    }

    /// The end state that a debug-exit value tells without a line.
    #[must_use]
    pub fn from_debug_exit(value: u16) -> Option<Self> {
        u8::try_from(value).ok().filter(|_| value < DEBUG_EXIT_SEE_LINE).map(Self::Exited)
    }

    /// The name of the class, as the line and the report have it.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Exited(_) => "exited",
            Self::Killed(_) => "killed",
            Self::NotFound(_) => "not-found",
            Self::NotExecutable(_) => "not-executable",
            Self::BadInput(_) => "bad-input",
            Self::OutputFailed(_) => "output-failed",
            Self::Panic(_) => "kernel-panic",
        }
    }

    /// Reads what stands between [`KERNEL_LINE_PREFIX`] and the line's end.
    #[must_use]
    pub fn parse_line(text: &'a str) -> Option<Self> {
        let (class, rest) = text.strip_prefix(END_WORD)?.split_once(' ')?;
        Some(match class {
            "exited" => Self::Exited(rest.parse().ok()?),
            "killed" => Self::Killed(rest.parse().ok()?),
            "not-found" => Self::NotFound(rest),
            "not-executable" => Self::NotExecutable(rest),
            "bad-input" => Self::BadInput(rest),
            "output-failed" => Self::OutputFailed(rest),
            "kernel-panic" => Self::Panic(rest),
            _ => return None,
        })
    }
}

/// The text of the line, without prefix and line end.
impl fmt::Display for EndState<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{END_WORD}{} ", self.class())?;
        match self {
            Self::Exited(number) | Self::Killed(number) => write!(f, "{number}"),
            Self::NotFound(why)
            | Self::NotExecutable(why)
            | Self::BadInput(why)
            | Self::OutputFailed(why)
            | Self::Panic(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn every_end_survives_its_channel() {
        for status in 0..=255 {
            let end = EndState::Exited(status);
            assert_eq!(end.status(), status);
            let value = end.debug_exit_value();
            if status < 127 {
                assert_eq!(value, u16::from(status));
                assert_eq!(EndState::from_debug_exit(value), Some(end));
            } else {
                assert_eq!(value, 0x7f);
                assert_eq!(EndState::from_debug_exit(value), None);
                assert_eq!(EndState::parse_line(&end.to_string()), Some(end));
            }
        }
        for end in [
            EndState::Killed(11),
            EndState::NotFound("/init: not there"),
            EndState::NotExecutable("/init: not ELF"),
            EndState::BadInput("no trailer"),
            EndState::OutputFailed("1024 bytes needed"),
            EndState::Panic("at x"),
        ] {
            assert_eq!(end.debug_exit_value(), 0x7f);
            assert_eq!(EndState::parse_line(&end.to_string()), Some(end));
        }
    }

    #[test]
    fn statuses_are_those_of_command_runners() {
        assert_eq!(EndState::Killed(11).status(), 139);
        assert_eq!(EndState::NotFound("").status(), 127);
        assert_eq!(EndState::NotExecutable("").status(), 126);
        assert_eq!(EndState::Panic("").status(), 125);
    }

    #[test]
    fn other_lines_are_no_ends() {
        for text in ["", "end", "end exited", "end exited 256", "end exited x", "end done 1", "ok"]
        {
            assert_eq!(EndState::parse_line(text), None);
        }
    }
}
