// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Measurements: how long a run takes from process start to exit, and how many instructions the
//! kernel executes before the program's first.
//!
//!     cargo run --release -p seed-benches -- startup [--runs N] [--json FILE]
//!     cargo run --release -p seed-benches -- instructions [--json FILE]
//!
//! Numbers mean something beside one another, from one run on one machine; never keep one to compare
//! a later run with.

#![forbid(unsafe_code)]

mod instructions;
mod machine;
mod startup;
mod workload;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "usage: seed-benches startup [--runs N] [--json FILE]
       seed-benches instructions [--json FILE]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match parse(&words) {
        Some((Command::Startup, options)) => startup::run(&options),
        Some((Command::Instructions, options)) => instructions::run(&options),
        None => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

enum Command {
    Startup,
    Instructions,
}

/// What the command line asks for beside the command.
struct Options {
    /// Runs of each case.
    runs: usize,
    /// Where the figures go as JSON.
    json: Option<String>,
}

fn parse(words: &[String]) -> Option<(Command, Options)> {
    let (command, mut rest) = words.split_first()?;
    let command = match command.as_str() {
        "startup" => Command::Startup,
        "instructions" => Command::Instructions,
        _ => return None,
    };
    let mut options = Options { runs: 20, json: None };
    while let [name, value, more @ ..] = rest {
        match name.as_str() {
            "--runs" => options.runs = value.parse().ok().filter(|&runs| runs > 0)?,
            "--json" => options.json = Some(value.clone()),
            _ => return None,
        }
        rest = more;
    }
    rest.is_empty().then_some((command, options))
}

/// Writes the figures where they were asked for.
fn write_json(options: &Options, figures: &serde_json::Value) -> Result<(), String> {
    let Some(path) = &options.json else { return Ok(()) };
    let text = format!("{figures:#}\n");
    std::fs::write(path, text).map_err(|error| format!("cannot write {path}: {error}"))
}
