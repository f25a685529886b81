// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The program `seedvmm`: reads the command line, runs the command, and ends with its status.
//!
//! This is the one place where an error becomes text: one line on standard error with the chain of
//! causes. The first thing done is to take the time, since start-up is what this program is
//! measured by; nothing is set up here that a run does not need.

#![forbid(unsafe_code)]

mod cli;
mod commands;

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::time::Instant;

use seed_protocols::end::EXIT_FAILURE;
use seedvmm::error_line::error_line;
use seedvmm::signals::{self, raw_terminal};

use crate::cli::Request;

fn main() -> ExitCode {
    let started = Instant::now();
    std::panic::set_hook(Box::new(end_after_bug));
    signals::have_long_files_fail();
    let status = match cli::parse(std::env::args_os()) {
        Request::Run(cli) => commands::execute(*cli, started).unwrap_or_else(|error| {
            say(&error_line(&error));
            error.status()
        }),
        Request::Answer(text) => {
            // The reader of a help text may leave early; that is no failure.
            let _ = io::stdout().write_all(text.as_bytes());
            0
        }
        Request::Refuse(text) => {
            say(&text);
            EXIT_FAILURE
        }
    };
    ExitCode::from(status)
}

/// Writes one line to standard error.
fn say(text: &str) {
    // Nobody is left to tell when standard error is gone; the status still tells.
    let _ = writeln!(io::stderr(), "seedvmm: {text}");
}

/// Ends the process as a failure of the monitor: an abort would look like a killed program.
fn end_after_bug(info: &PanicHookInfo<'_>) {
    raw_terminal::restore();
    say(&format!("bug in seedvmm, please report it: {info}").replace('\n', " "));
    std::process::exit(EXIT_FAILURE.into());
}
