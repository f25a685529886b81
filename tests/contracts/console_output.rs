// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Console output: all of it, in order, and at what it should cost.

use std::fs;

use seed_tests::backend::{self, Backend};
use seed_tests::paths::Scratch;
use seed_tests::program::Program;
use serde_json::Value;

use crate::run_command::{run, text_of};

/// What `seq 1 COUNT` writes.
fn numbers(count: u32) -> String {
    (1..=count).map(|number| format!("{number}\n")).collect()
}

#[test]
fn a_megabyte_goes_out_in_few_exits() {
    if !backend::has(Backend::Kvm) {
        return;
    }
    let scratch = Scratch::new();
    let report = scratch.join("report.json");
    let report_option = format!("--report={}", report.display());
    let busybox = text_of(Program::Busybox);
    let arguments = [&report_option, "--", &busybox, "seq", "1", "160000"];
    let outcome = run(Backend::Kvm, scratch.path(), &arguments);
    assert!(outcome.expect_status(0).stdout_text() == numbers(160_000), "the text is another");
    let report = fs::read_to_string(report).expect("there is a report");
    let report: Value = serde_json::from_str(&report).expect("the report is JSON");
    let count = report["exits"]["io"].as_u64().expect("exits are counted");
    assert!(count < 1000, "{count} port accesses for a megabyte");
}

#[test]
fn program_and_kernel_speak_in_order() {
    let busybox = text_of(Program::Busybox);
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let script = "seq 1 2000; mkfifo out/pipe; seq 1 3; exit 9";
        let options = ["--transcript", "transcript", "--out", "result"];
        let arguments = [&options[..], &["--", &busybox, "sh", "-c", script]].concat();
        let outcome = run(backend, scratch.path(), &arguments);
        let text = numbers(2000) + &numbers(3);
        assert!(outcome.expect_status(9).stdout_text() == text, "{outcome}");
        assert!(outcome.stderr_text().contains("1 left out"), "{outcome}");
        let transcript = fs::read(scratch.join("transcript")).expect("there is a transcript");
        assert!(transcript.starts_with(text.as_bytes()), "{backend}: not in order");
    }
}
