// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals, most of which this program sends to itself while a guest runs.
//!
//! `timer` has the POSIX timers that send them, [`immediate_exit`] the vCPU that they bring back.
//! [`time_limit`] ends a run that takes too long; [`heartbeat`] has the monitor look at the
//! processor now and then. [`raw_terminal`] gives the terminal back when a signal ends or stops the
//! process, [`window_change`] notes that its size changed.

mod action;
pub mod heartbeat;
pub mod immediate_exit;
pub mod raw_terminal;
pub mod time_limit;
mod timer;
pub mod window_change;

/// Makes a write beyond the limit of file sizes (`ulimit -f`) fail, which is told like any other
/// failure: the signal would end the process without a word.
pub fn have_long_files_fail() {
    action::ignore(libc::SIGXFSZ).expect("Linux has this signal");
}
