// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls, errors included: the same program finds out the same things here and on Linux.
//!
//! Each line of the program is a case: a name and a verdict. The verdicts must be those of the host,
//! but for the differences that a table knows, with reasons; an entry of the table that no longer
//! differs, or that names no case, is an error too. A call without any case is one as well.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use seed_tests::case::Case;
use seed_tests::paths::Scratch;
use seed_tests::process;
use seed_tests::program::{self, Program};

const DIFFERENCES: &str = include_str!("../programs/conformance/differences.txt");
const DOCUMENT: &str = include_str!("../../docs/syscalls.md");

/// Cases that the program has at least.
const NR_CASES_MIN: usize = 1800;

/// Runs on the host, if the first one does not agree.
const HOST_RUNS_MAX: usize = 3;

/// Verdicts by the names of cases.
type Verdicts = BTreeMap<String, String>;

fn verdicts(text: &str) -> Verdicts {
    let mut verdicts = Verdicts::new();
    for line in text.lines() {
        let (name, verdict) = line.split_once(": ").unwrap_or_else(|| panic!("no case: {line}"));
        let other = verdicts.insert(name.to_owned(), verdict.to_owned());
        assert_eq!(other, None, "two cases with one name: {name}");
    }
    verdicts
}

/// Runs the program on the host, in a folder of its own.
fn on_host() -> Verdicts {
    let scratch = Scratch::new();
    let script = "cp \"$0\" init && exec -a conformance ./init";
    let mut command = Command::new("bash");
    command.args(["-c", script]).arg(program::path(Program::Conformance));
    command.current_dir(scratch.path()).env_clear().env("PATH", "/usr/bin:/bin");
    let outcome = process::run(&mut command, Duration::from_secs(60));
    outcome.expect_status(0);
    verdicts(&outcome.stdout_text())
}

/// Name of a case, its verdict here, and the reason.
fn differences() -> impl Iterator<Item = [&'static str; 3]> {
    let lines = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut cells = line.split(" | ");
        let row = [(); 3].map(|()| cells.next().unwrap_or_default());
        assert!(!row[0].is_empty() && !row[2].is_empty(), "a difference lacks a cell: {line}");
        row
    })
}

fn conformance() -> Case {
    Case::new(Program::Conformance).limit(120)
}

#[test]
fn calls_answer_as_linux_does() {
    let results = conformance().append("conformance").run();
    let here = verdicts(&String::from_utf8_lossy(&results.stdout));
    let mut hosts = vec![on_host()];
    assert!(hosts[0].len() > NR_CASES_MIN, "the program did not get to its end");
    // Where cases wait for each other, a busy host may be late: another run tells.
    while !unexplained(&here, &hosts).is_empty() && hosts.len() < HOST_RUNS_MAX {
        hosts.push(on_host());
    }
    let unexplained = unexplained(&here, &hosts);
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// What differs from every run on the host and is not on the table, and what the table has wrong.
fn unexplained(here: &Verdicts, hosts: &[Verdicts]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    let is_same = |name: &str| hosts.iter().any(|host| host.get(name) == here.get(name));
    for [name, verdict, _] in differences() {
        known.insert(name);
        match here.get(name) {
            None => wrong.push(format!("{name}: on the table, and no case")),
            Some(_) if is_same(name) => wrong.push(format!("{name}: on the table, and the same")),
            Some(here) if here == verdict => {}
            Some(here) => wrong.push(format!("{name}: {here}, the table says {verdict}")),
        }
    }
    let names = here.keys().chain(hosts[0].keys()).map(String::as_str);
    for name in names.collect::<BTreeSet<_>>().difference(&known) {
        if !is_same(name) {
            let (here, host) = (here.get(*name), hosts[0].get(*name));
            wrong.push(format!("{name}: {here:?}, on Linux {host:?}"));
        }
    }
    wrong
}

/// The names of the rows of `docs/syscalls.md`, which another test compares with the kernel's table.
fn documented_calls() -> BTreeSet<&'static str> {
    let name = |line: &'static str| line.strip_prefix("| ")?.split('`').nth(1);
    let is_row =
        |line: &&str| line.strip_prefix("| ").is_some_and(|l| l.starts_with(char::is_numeric));
    DOCUMENT.lines().filter(is_row).filter_map(name).collect()
}

#[test]
fn every_call_has_a_case() {
    let host = on_host();
    let tried: BTreeSet<&str> = host.keys().filter_map(|name| name.split(' ').next()).collect();
    let documented = documented_calls();
    assert!(documented.len() > 200, "the document was not read whole");
    // Linux does not have it: `the_seeds_own_spawn` tries it.
    let missing: Vec<_> = documented.difference(&tried).filter(|&&name| name != "spawn").collect();
    assert!(missing.is_empty(), "calls without a case: {missing:?}");
}

#[test]
fn time_and_random_bytes_are_the_same_in_every_run() {
    let told = || {
        let results = conformance().append("conformance seed repeats sorts").run();
        verdicts(&String::from_utf8_lossy(&results.stdout))
    };
    let first = told();
    assert_eq!(first["seed working directory"], "/repeats");
    assert_eq!(first["seed directories are sorted"], "./../a/b/c/");
    assert_eq!(first["lseek of the console"], "ESPIPE");
    assert_eq!(first, told());
}
