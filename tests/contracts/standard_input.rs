// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input: what is piped in reaches the program, with its end; nothing else does.

use std::fs;
use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs busybox with the standard input of a shell's `feed | …` or `… < file`.
fn busybox(backend: Backend, shell: &str, options: &str, arguments: &str) -> Outcome {
    let seedvmm = paths::seedvmm();
    let busybox = program::path(Program::Busybox);
    let run = format!(
        "'{}' run {} {options} --timeout 50 -- '{}' {arguments}",
        seedvmm.display(),
        backend.options().join(" "),
        busybox.display()
    );
    let mut command = Command::new("bash");
    command.args(["-c", &shell.replace("RUN", &run)]);
    process::run(&mut command, LIMIT)
}

#[test]
fn a_pipe_reaches_the_program_with_its_end() {
    for &backend in backend::available() {
        let outcome = busybox(backend, "printf 'one\\ntwo' | RUN", "", "tac");
        assert_eq!(outcome.expect_status(0).stdout_text(), "twoone\n");
    }
}

/// A megabyte with every byte in it, in no order.
fn megabyte() -> Vec<u8> {
    let scattered = (0..1_u32 << 20).map(|n| (n.wrapping_mul(0x9e37_79b1) >> 23) as u8);
    scattered.collect()
}

#[test]
fn a_megabyte_passes_in_few_exits() {
    let scratch = Scratch::new();
    let path = scratch.write("bytes", &megabyte());
    let mut command = Command::new("sha256sum");
    let sum = process::run(command.arg(&path), LIMIT);
    let sum = sum.stdout_text();
    let wanted = sum.split(' ').next();
    for &backend in backend::available() {
        let report = scratch.join("report.json");
        let shell = format!("cat '{}' | RUN", path.display());
        let outcome =
            busybox(backend, &shell, &format!("--report '{}'", report.display()), "sha256sum");
        let text = outcome.expect_status(0).stdout_text();
        assert_eq!(text.split(' ').next(), wanted, "{backend}");
        if backend == Backend::Kvm {
            let report = fs::read_to_string(report).expect("there is a report");
            let report: Value = serde_json::from_str(&report).expect("the report is JSON");
            // A pipe gives 4 KiB at a time, at least now and then.
            let exits = &report["exits"];
            let count = exits["mmio"].as_u64().unwrap() + exits["io"].as_u64().unwrap();
            assert!((256..5000).contains(&count), "{exits}");
        }
    }
}

#[test]
fn what_is_not_read_stays_with_the_writer() {
    let scratch = Scratch::new();
    let path = scratch.write("bytes", &megabyte());
    for &backend in backend::available() {
        // The first program leaves most of the file to the second.
        let shell = format!("{{ RUN; cat | wc -c; }} < '{}'", path.display());
        let script = "sh -c 'head -c 1 | wc -c; i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done'";
        let outcome = busybox(backend, &shell, "", script);
        let text = outcome.expect_status(0).stdout_text();
        let left = text.strip_prefix("1\n").and_then(|left| left.trim().parse::<usize>().ok());
        // QEMU's socket is filled ahead.
        let read_max = if backend == Backend::Kvm { 1 << 12 } else { 1 << 19 };
        assert!(left.is_some_and(|left| left >= (1 << 20) - read_max), "{backend}: {text}");
    }
}

#[test]
fn who_reads_late_gets_everything() {
    let scratch = Scratch::new();
    let path = scratch.write("bytes", &megabyte());
    for &backend in backend::available() {
        let shell = format!("RUN < '{}'", path.display());
        let script = "sh -c 'head -c 1000 > /tmp/a; sleep 100; ls / > /tmp/b; wc -c'";
        let outcome = busybox(backend, &shell, "", script);
        let text = outcome.expect_status(0).stdout_text();
        // head takes a buffer of its own, and no more.
        let left: usize = text.trim().parse().expect("a number");
        assert!(((1 << 20) - 5096..(1 << 20) - 999).contains(&left), "{backend}: {left}");
    }
}

#[test]
fn a_program_can_wait_for_a_slow_writer_and_answer_it() {
    // The writer sends its second line only when it has the answer to the first.
    let shell = "coproc RUN; echo 20 >&${COPROC[1]}; read -r answer <&${COPROC[0]}; \
                 echo $((answer + 1)) >&${COPROC[1]}; exec {COPROC[1]}>&-; cat <&${COPROC[0]}";
    for &backend in backend::available() {
        let script = "sh -c 'while read n; do echo $((n * 2)); done; echo end'";
        let outcome = busybox(backend, shell, "", script);
        assert_eq!(outcome.expect_status(0).stdout_text(), "82\nend\n", "{backend}");
    }
}

#[test]
fn a_program_that_does_not_read_leaves_the_input_alone() {
    if backend::has(Backend::Kvm) {
        let shell = "printf 'first\\nsecond\\n' | { RUN; cat; }";
        let outcome = busybox(Backend::Kvm, shell, "", "true");
        assert_eq!(outcome.expect_status(0).stdout_text(), "first\nsecond\n");
    }
}

#[test]
fn an_endless_writer_does_not_hold_the_end_up() {
    for &backend in backend::available() {
        let outcome = busybox(backend, "yes | RUN", "", "head -n 2");
        assert_eq!(outcome.expect_status(0).stdout_text(), "y\ny\n", "{backend}");
    }
}

#[test]
fn without_input_there_is_its_end_and_no_terminal() {
    for &backend in backend::available() {
        let script = "sh -c 'cat; [ -t 0 ] && echo terminal; echo end'";
        let outcome = busybox(backend, "RUN < /dev/null", "", script);
        assert_eq!(outcome.expect_status(0).stdout_text(), "end\n", "{backend}");
    }
}

#[test]
fn sleepers_and_readers_wait_for_what_they_need() {
    // Time goes by calls, so the sleeper must not wait for the input, nor the reader be skipped.
    for &backend in backend::available() {
        let script = "sh -c 'sleep 3 & cat; wait; echo slept'";
        let outcome = busybox(backend, "printf 'text\\n' | RUN", "", script);
        assert_eq!(outcome.expect_status(0).stdout_text(), "text\nslept\n", "{backend}");
        let outcome =
            busybox(backend, "printf 'x\\n' | RUN", "", "sh -c 'read -t 5 x; echo $x $?'");
        assert_eq!(outcome.expect_status(0).stdout_text(), "x 0\n", "{backend}");
    }
}

#[test]
fn who_waits_for_input_that_does_not_come_is_told_in_time() {
    // A pipe that somebody holds open and nobody writes to.
    let shell = "coproc cat; RUN <&${COPROC[0]}; status=$?; exec {COPROC[1]}>&-; exit $status";
    for &backend in backend::available() {
        let outcome = busybox(backend, shell, "", "sh -c 'read -t 1 x; echo $?'");
        assert_eq!(outcome.expect_status(0).stdout_text(), "1\n", "{backend}");
    }
}

#[test]
fn the_last_of_several_to_end_leaves_time_for_the_others() {
    for &backend in backend::available() {
        let script = "sh -c '(sleep 1 &); sleep 2; echo end'";
        let outcome = busybox(backend, "RUN < /dev/null", "--clock host", script);
        assert_eq!(outcome.expect_status(0).stdout_text(), "end\n", "{backend}");
    }
}

#[test]
fn the_hosts_clock_is_there_for_who_wants_it() {
    for &backend in backend::available() {
        let shell = "date +%s; RUN; date +%s";
        let outcome = busybox(backend, shell, "--clock host", "sh -c 'sleep 1; date +%s'");
        let text = outcome.expect_status(0).stdout_text();
        let times: Vec<u64> = text.lines().map(|line| line.parse().expect("a number")).collect();
        // The guest's is a second later than the first, give or take the fraction of a second.
        assert!(times[0] < times[1] && times[1] <= times[2], "{backend}: {times:?}");
    }
}
