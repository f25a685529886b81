// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls, errors included: the same program finds out the same things here and on Linux.
//!
//! Each line of the program is a case: a name and a verdict. The verdicts must be those of the host,
//! but for the differences that a table knows, with reasons; an entry of the table that no longer
//! differs, or that names no case, is an error too. A call without any case is one as well, and so is an
//! error that a call's manual page names, if neither a case gets it on Linux nor a table says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use seed_tests::case::Case;
use seed_tests::paths::Scratch;
use seed_tests::process;
use seed_tests::program::{self, Program};

const DIFFERENCES: &str = include_str!("../programs/conformance/differences.txt");
const MANUAL: &str = include_str!("../programs/conformance/manual.txt");
const UNPROVOKED: &str = include_str!("../programs/conformance/unprovoked.txt");
const DOCUMENT: &str = include_str!("../../docs/syscalls.md");

/// Cases that the program has at least.
const NR_CASES_MIN: usize = 6300;

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

/// What the first run on the host found out.
static HOST: LazyLock<Verdicts> = LazyLock::new(on_host);

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

/// The lines of a table without its comments.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Name of a case, its verdict here, and the reason.
fn differences() -> impl Iterator<Item = [&'static str; 3]> {
    rows(DIFFERENCES).map(|line| {
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
    let mut hosts = vec![HOST.clone()];
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
    let tried: BTreeSet<&str> = HOST.keys().filter_map(|name| name.split(' ').next()).collect();
    let documented = documented_calls();
    assert!(documented.len() > 200, "the document was not read whole");
    // Linux does not have it: `the_seeds_own_spawn` tries it.
    let missing: Vec<_> = documented.difference(&tried).filter(|&&name| name != "spawn").collect();
    assert!(missing.is_empty(), "calls without a case: {missing:?}");
}

/// A call, and an error that it may have.
type Pair = (&'static str, &'static str);

/// The errors that manual pages name.
fn named_errors() -> BTreeSet<Pair> {
    let pairs = rows(MANUAL).flat_map(|row| {
        let mut words = row.split(' ');
        let call = words.next().expect("a row is not empty");
        words.skip(1).map(move |error| (call, error))
    });
    pairs.collect()
}

/// The errors that cases got on Linux.
fn provoked_errors(host: &Verdicts) -> BTreeSet<(&str, &str)> {
    let cases = host.iter().filter_map(|(name, verdict)| Some((name.split(' ').next()?, verdict)));
    cases.flat_map(|(call, verdict)| verdict.split(' ').map(move |word| (call, word))).collect()
}

/// Takes what the rows of `unprovoked.txt` stand for out of `missing`; the rows that are wrong.
fn stale_rows(missing: &mut BTreeSet<Pair>) -> Vec<String> {
    let mut stale = Vec::new();
    // A row may take several lines; its reason is on the last.
    let lines: Vec<_> = rows(UNPROVOKED).collect();
    for row in lines.split_inclusive(|line| line.contains(" | ")) {
        let words = row.iter().flat_map(|line| line.split(' '));
        let (errors, calls): (Vec<_>, Vec<_>) = words
            .take_while(|&word| word != "|")
            .partition(|word| word.starts_with(char::is_uppercase));
        let has_reason = row.last().is_some_and(|line| line.contains(" | "));
        assert!(!errors.is_empty() && has_reason, "a row lacks a cell: {row:?}");
        for (call, error) in calls.iter().flat_map(|call| errors.iter().map(move |e| (*call, *e))) {
            let before = missing.len();
            missing.retain(|pair| pair.1 != error || (call != "*" && pair.0 != call));
            if missing.len() == before {
                stale.push(format!("{call} {error}: no such error, or a case or other row has it"));
            }
        }
    }
    stale
}

#[test]
fn every_error_of_the_manual_has_a_case_or_a_reason() {
    let named = named_errors();
    assert!(named.len() > 1400, "the manual's errors were not read whole");
    let pages: BTreeSet<_> = rows(MANUAL).filter_map(|row| row.split(' ').next()).collect();
    assert_eq!(pages, documented_calls(), "manual.txt is not of these calls: see from-manual");
    let mut wrong = wrong_errors(&named, &HOST);
    if !wrong.is_empty() {
        // A case that is late on a busy host may miss its error: another run tells.
        wrong = wrong_errors(&named, &on_host());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The errors without a case and a reason, and the rows that are stale, by a run on the host.
fn wrong_errors(named: &BTreeSet<Pair>, host: &Verdicts) -> Vec<String> {
    let provoked = provoked_errors(host);
    let mut missing = named.iter().copied().filter(|pair| !provoked.contains(pair)).collect();
    let mut wrong = stale_rows(&mut missing);
    wrong.extend(missing.iter().map(|(call, error)| format!("{call} {error}: no case or reason")));
    wrong
}

#[test]
fn time_and_random_bytes_are_the_same_in_every_run() {
    let told = || {
        let results = conformance().append("conformance seed repeats sorts").run();
        verdicts(&String::from_utf8_lossy(&results.stdout))
    };
    let first = told();
    assert_eq!(first["seed working directory"], "/repeats");
    assert_eq!(first["seed has no disks"], "-1");
    assert_eq!(first["seed directories are sorted"], "./../a/b/c/");
    assert_eq!(first["lseek of the console"], "ESPIPE");
    assert_eq!(first, told());
}
