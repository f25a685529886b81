// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Measurements: seedvmm beside the least program that runs a guest, beside QEMU and beside the host,
//! and the instructions that the kernel executes.
//!
//!     cargo run --release -p seed-benches -- compare [--runs N] [--only NAME,NAME] [--docs]
//!     cargo run --release -p seed-benches -- compare --quick | --keep
//!     cargo run --release -p seed-benches -- instructions [--check | --keep]
//!
//! Times mean something beside one another, from one run on one machine. What is kept from one commit
//! to the next are ratios and counts.

#![forbid(unsafe_code)]

mod chart;
mod compare;
mod contender;
mod density;
mod instructions;
mod machine;
mod memory;
mod programs;
mod qemu;
mod ratios;
mod rounds;
mod scenario;
mod stages;
mod statistics;
mod table;
mod throughput;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "usage: seed-benches compare [--runs N] [--only NAME,NAME] [--docs]
       seed-benches compare --quick | --keep
       seed-benches instructions [--check | --keep]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match parse(&words) {
        Some(Command::Compare(options)) => compare::run(&options),
        Some(Command::Instructions(action)) => instructions::run(action),
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
    Compare(compare::Options),
    Instructions(instructions::Action),
}

fn parse(words: &[String]) -> Option<Command> {
    let (command, rest) = words.split_first()?;
    let mut rest = rest.iter().map(String::as_str);
    match command.as_str() {
        "instructions" => {
            let action = match rest.next() {
                None => instructions::Action::Print,
                Some("--check") => instructions::Action::Check,
                Some("--keep") => instructions::Action::Keep,
                Some(_) => return None,
            };
            rest.next().is_none().then_some(Command::Instructions(action))
        }
        "compare" => {
            let mut options = compare::Options {
                runs: None,
                only: Vec::new(),
                quick: false,
                keep: false,
                docs: false,
            };
            while let Some(word) = rest.next() {
                match word {
                    "--runs" => options.runs = Some(rest.next()?.parse().ok().filter(|&n| n > 0)?),
                    "--only" => options.only = rest.next()?.split(',').map(str::to_owned).collect(),
                    "--quick" => options.quick = true,
                    "--keep" => options.keep = true,
                    "--docs" => options.docs = true,
                    _ => return None,
                }
            }
            Some(Command::Compare(options))
        }
        _ => None,
    }
}
