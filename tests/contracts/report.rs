// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a run leaves for machines to read: the report and the transcript.

use std::fs;
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::Writer;
use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process;
use seed_tests::program::{self, Program};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs `command_line` of `program` and reads the report.
fn report(backend: Backend, program: Program, command_line: &str, status: i32) -> Value {
    let scratch = Scratch::new();
    let bytes = Writer::default().program("init", &program::bytes(program)).finish();
    let image = scratch.write("in.img", &bytes);
    let path = scratch.join("report.json");
    let mut command = Command::new(paths::seedvmm());
    command.args(backend.options()).arg("--in").arg(&image).arg("--report").arg(&path);
    command.arg("--out").arg(scratch.disk("out.img", 65536)).args(["--append", command_line]);
    let outcome = process::run(&mut command, LIMIT);
    outcome.expect_status(status);
    let text = fs::read_to_string(&path).expect("the report is written");
    let report: Value = serde_json::from_str(&text).expect("the report is JSON");
    for (field, name) in [("input", "in.img"), ("output", "out.img")] {
        let sum = process::run(Command::new("sha256sum").arg(scratch.join(name)), LIMIT);
        let sum = sum.stdout_text();
        assert_eq!(report[field]["sha256"].as_str(), sum.split(' ').next(), "{text}");
    }
    report
}

#[test]
fn the_report_tells_how_the_run_ended() {
    let (exit, faults) = (Program::Bare("exit"), Program::Bare("faults"));
    for &backend in backend::available() {
        for (program, line, status, class, signal) in [
            (exit, "exit 0", 0, "exited", None),
            (exit, "exit 139", 139, "exited", None),
            (exit, "exit 200", 200, "exited", None),
            (faults, "faults null-read", 139, "killed", Some(11)),
        ] {
            let report = report(backend, program, line, status);
            assert_eq!(report["schema"], "seedvmm-report");
            assert_eq!(report["version"], 1);
            assert_eq!(report["end"]["class"], class, "{report:#}");
            assert_eq!(report["end"]["status"], status, "{report:#}");
            assert_eq!(report["end"]["signal"].as_u64(), signal, "{report:#}");
            assert_eq!(report["command_line"], line);
            assert!(backend.to_string().starts_with(report["backend"].as_str().unwrap_or("none")));
        }
    }
}

#[test]
fn the_reports_times_are_in_order() {
    if !backend::has(Backend::Kvm) {
        return;
    }
    let report = report(Backend::Kvm, Program::Bare("hello"), "hello", 0);
    let names = ["vm_ready", "kernel_entered", "first_user_instruction", "program_ended", "done"];
    let times: Vec<u64> = names.iter().filter_map(|&n| report["phases_us"][n].as_u64()).collect();
    assert_eq!(times.len(), names.len(), "a time is missing: {report:#}");
    assert!(times.is_sorted(), "{report:#}");
    assert!(report["guest"]["system_calls"].as_u64() >= Some(2), "{report:#}");
    assert_eq!(report["guest"]["interruptions"].as_u64(), Some(0), "{report:#}");
}

#[test]
fn the_report_tells_that_a_process_was_interrupted() {
    if !backend::has(Backend::Kvm) {
        return;
    }
    let report = report(Backend::Kvm, Program::Musl("spin"), "spin alarm", 0);
    assert!(report["guest"]["interruptions"].as_u64() >= Some(1), "{report:#}");
}

#[test]
fn a_run_that_did_not_start_is_reported_too() {
    let scratch = Scratch::new();
    let path = scratch.join("report.json");
    let mut command = Command::new(paths::seedvmm());
    command.args(["--in", "/missing/in.img", "--report"]).arg(&path);
    process::run(&mut command, LIMIT).expect_status(125);
    let report: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["end"]["status"], 125);
    assert!(report["end"]["message"].as_str().unwrap().contains("/missing/in.img"));
}

#[test]
fn the_transcript_is_the_console() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let program = program::bytes(Program::Bare("hello"));
        let image = scratch.write("in.img", &Writer::default().program("init", &program).finish());
        let transcript = scratch.join("console");
        let mut command = Command::new(paths::seedvmm());
        command
            .args(backend.options())
            .arg("--in")
            .arg(&image)
            .arg("--transcript")
            .arg(&transcript);
        process::run(&mut command, LIMIT).expect_status(0);
        assert_eq!(fs::read(&transcript).unwrap(), b"hello\n", "{backend}");
    }
}
