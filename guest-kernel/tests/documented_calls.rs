// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `docs/syscalls.md` names exactly the calls that the kernel dispatches.
//!
//! The table of functions exists in the kernel's image only, so its text is what is read here.

#[path = "../src/syscall/names.rs"]
#[expect(unreachable_pub, reason = "the names are public in the kernel")]
mod names;

use std::collections::BTreeMap;

const DOCUMENT: &str = include_str!("../../docs/syscalls.md");
const TABLE: &str = include_str!("../src/syscall/table.rs");

/// The cells of a row of the document's first table: number, name, what is provided, deviations.
fn row(line: &str) -> Option<(u64, &str, &str, &str)> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let number = cells.next()?.parse().ok()?;
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    Some((number, name, cells.next()?, cells.next()?))
}

/// Numbers and functions of the rows `(number, module::function),`.
fn dispatched() -> BTreeMap<u64, String> {
    let mut calls = BTreeMap::new();
    for line in TABLE.lines() {
        let Some(pair) = line.trim().strip_prefix('(').and_then(|l| l.strip_suffix("),")) else {
            continue;
        };
        let (number, function) = pair.split_once(", ").expect("a row is a pair");
        let number = match number {
            "names::SPAWN" => names::SPAWN,
            _ => number.parse().expect("a row starts with a number"),
        };
        let other = calls.insert(number, function.to_owned());
        assert_eq!(other, None, "two functions for call {number}");
    }
    calls
}

fn name_of(number: u64) -> &'static str {
    match number {
        names::SPAWN => names::SPAWN_NAME,
        _ => names::NAMES[usize::try_from(number).expect("a small number")],
    }
}

#[test]
fn every_call_is_documented_and_nothing_else() {
    let documented: Vec<u64> = DOCUMENT.lines().filter_map(row).map(|row| row.0).collect();
    let dispatched: Vec<u64> = dispatched().into_keys().collect();
    assert!(dispatched.len() > 200, "the table was not read whole");
    for number in &dispatched {
        let name = name_of(*number);
        assert!(documented.contains(number), "call {number} ({name}) is not documented");
    }
    assert_eq!(documented, dispatched, "rows for calls that are not provided, or out of order");
}

#[test]
fn rows_have_the_names_of_linux_and_say_something() {
    for (number, name, provided, deviations) in DOCUMENT.lines().filter_map(row) {
        assert_eq!(name, name_of(number), "call {number}");
        assert!(!provided.is_empty() && !deviations.is_empty(), "call {number} says nothing");
    }
}
