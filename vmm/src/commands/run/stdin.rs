// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the program gets for standard input, and the clock that goes with it.

use std::io::IsTerminal as _;

use rustix::fs::{FileType, fstat, major, minor};
use rustix::stdio::stdin;

use crate::cli::Clock;
use seedvmm::input::window_size;

/// What standard input is to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    /// At its end.
    Ended,
    /// A stream of bytes.
    Stream,
    /// A terminal of so many rows and columns.
    Terminal(u16, u16),
}

/// Major and minor number of `/dev/null`.
const NULL_DEVICE: (u32, u32) = (1, 3);

/// Size of a terminal that does not tell its own.
const DEFAULT_SIZE: (u16, u16) = (24, 80);

/// What standard input is: a terminal only if the user wants that.
pub(super) fn find(is_interactive: bool) -> Stdin {
    if std::io::stdin().is_terminal() {
        if !is_interactive {
            return Stdin::Ended;
        }
        let (rows, columns) = window_size().unwrap_or(DEFAULT_SIZE);
        return Stdin::Terminal(rows, columns);
    }
    match fstat(stdin()) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_char_device() => {
            let device = (major(stat.st_rdev), minor(stat.st_rdev));
            if device == NULL_DEVICE { Stdin::Ended } else { Stdin::Stream }
        }
        Ok(_) => Stdin::Stream,
        Err(_) => Stdin::Ended,
    }
}

/// The clock that was asked for; who sits at a terminal expects the host's.
pub(super) fn clock(asked_for: Option<Clock>, stdin: Stdin) -> Clock {
    asked_for.unwrap_or(match stdin {
        Stdin::Terminal(..) => Clock::Host,
        Stdin::Ended | Stdin::Stream => Clock::Virtual,
    })
}
