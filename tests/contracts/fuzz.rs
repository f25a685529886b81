// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Random sequences of system calls: what their seeds tell is the same here and on Linux.
//!
//! `SEEDVMM_TEST_SEEDS=FIRST,COUNT` tries others than the few that every run tries.

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process;
use seed_tests::program::{self, Program};

/// What Linux has its files in memory in, as the seed kernel does: file systems on disks differ.
const MEMORY_FOLDER: &str = "/dev/shm";

/// Longest time for all seeds of a family.
const LIMIT_S: u64 = 1200;

/// The seeds that are tried if nobody says otherwise.
const SEEDS: &str = "1,30";

/// What differs that is shown, and lines before it.
const SHOWN_MAX: usize = 3;
const CONTEXT_LINES: usize = 12;

fn on_host(arguments: &[&str]) -> String {
    let folder = Scratch::inside(Path::new(MEMORY_FOLDER));
    let mut command = Command::new(program::path(Program::Fuzz));
    command.args(arguments).current_dir(folder.path()).env_clear();
    let outcome = process::run(&mut command, Duration::from_secs(LIMIT_S));
    outcome.expect_status(0);
    outcome.stdout_text()
}

fn in_guest(backend: Backend, arguments: &[&str]) -> String {
    let mut command = Command::new(paths::seedvmm());
    command.arg("run").args(backend.options()).args(["--timeout", &LIMIT_S.to_string(), "--"]);
    command.arg(program::path(Program::Fuzz)).args(arguments);
    let outcome = process::run(&mut command, Duration::from_secs(LIMIT_S + 10));
    outcome.expect_status(0);
    outcome.stdout_text()
}

/// Digests by seed.
fn digests(text: &str) -> BTreeMap<&str, &str> {
    let cells = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    cells.map(|cells| (cells[1], cells[2])).collect()
}

/// The first line of a seed that differs, and what came before it.
fn difference(family: &str, backend: Backend, seed: &str) -> String {
    let (host, guest) = (on_host(&[family, seed]), in_guest(backend, &[family, seed]));
    let lines: Vec<_> = host.lines().zip(guest.lines()).collect();
    let at = lines.iter().position(|(host, guest)| host != guest).unwrap_or(lines.len());
    let before = lines[at.saturating_sub(CONTEXT_LINES)..at].iter().map(|(host, _)| *host);
    let (on_host, here) = lines.get(at).unwrap_or(&("its end, or not the same twice", "its end"));
    let before = before.collect::<Vec<_>>().join("\n");
    format!("{family} {seed} on {backend}:\n{before}\non Linux: {on_host}\nhere:     {here}\n")
}

/// Compares a family's seeds with the host's, on every backend.
fn compare(family: &str) {
    if !Path::new(MEMORY_FOLDER).is_dir() {
        backend::skip("random sequences of calls", MEMORY_FOLDER);
        return;
    }
    let (first, count) = seeds();
    let arguments = [family, &first, &count];
    let host = on_host(&arguments);
    assert_eq!(host.lines().count().to_string(), count, "the program did not get to its end");
    for &backend in backend::available() {
        let here = in_guest(backend, &arguments);
        let (host, here) = (digests(&host), digests(&here));
        let differing = host.keys().filter(|seed| host.get(*seed) != here.get(*seed));
        let shown: String =
            differing.take(SHOWN_MAX).map(|seed| difference(family, backend, seed)).collect();
        assert!(shown.is_empty(), "{shown}");
    }
}

fn seeds() -> (String, String) {
    let seeds = env::var("SEEDVMM_TEST_SEEDS").unwrap_or_else(|_| SEEDS.to_owned());
    let (first, count) = seeds.split_once(',').expect("SEEDVMM_TEST_SEEDS is FIRST,COUNT");
    (first.to_owned(), count.to_owned())
}

#[test]
fn no_call_ends_the_kernel_whatever_its_arguments() {
    let (first, count) = seeds();
    for &backend in backend::available() {
        let text = in_guest(backend, &["garbage", &first, &count]);
        assert_eq!(text.lines().count().to_string(), count, "{text}");
    }
}

#[test]
fn files_hold_what_was_written() {
    compare("files");
}

#[test]
fn names_lead_where_linux_leads_them() {
    compare("tree");
}
