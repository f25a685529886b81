// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls, errors included: one program asks, here and on Linux.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use seed_tests::case::Case;
use seed_tests::paths::Scratch;
use seed_tests::process;
use seed_tests::program::{self, Program};

fn conformance() -> Case {
    Case::new(Program::Musl("conformance"))
        .file("in/data", b"0123456789")
        .link("in/link", "data")
        .folder("in/dir")
}

fn checks(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("ok ")).collect()
}

#[test]
fn calls_answer_as_linux_does() {
    let results = conformance().append("conformance seed").run();
    let text = String::from_utf8_lossy(&results.stdout).into_owned();

    let scratch = Scratch::new();
    let script = "mkdir -p in/dir && printf 0123456789 > in/data && ln -s data in/link \
                  && cp \"$0\" init && exec ./init";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program::path(Program::Musl("conformance")));
    command.current_dir(scratch.path());
    let native = process::run(&mut command, Duration::from_secs(60));
    native.expect_status(0);
    let native = native.stdout_text();

    let missing: Vec<_> = checks(&native).difference(&checks(&text)).copied().collect();
    assert!(missing.is_empty(), "Linux passes what the guest did not run: {missing:?}");
    assert!(checks(&native).len() > 300, "the program did not get to its end");
}

#[test]
fn time_and_random_bytes_are_the_same_in_every_run() {
    let told = || {
        let results = conformance().append("conformance seed").run();
        let text = String::from_utf8_lossy(&results.stdout).into_owned();
        let is_told = |line: &&str| line.starts_with("random ") || line.starts_with("clock ");
        text.lines().filter(is_told).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = told();
    assert_eq!(first.len(), 2);
    assert_eq!(first, told());
}
