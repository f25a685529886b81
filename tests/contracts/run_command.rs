// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `seedvmm run`: packs, runs and unpacks in one command.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};

pub(crate) fn run(backend: Backend, folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(paths::seedvmm());
    command.arg("run").args(backend.options()).args(arguments).current_dir(folder);
    process::run(&mut command, Duration::from_secs(60))
}

pub(crate) fn text_of(program: Program) -> String {
    program::path(program).to_string_lossy().into_owned()
}

#[test]
fn a_program_runs_without_any_file() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let outcome = run(backend, scratch.path(), &["--", &text_of(Program::Bare("hello"))]);
        outcome.expect_status(0);
        assert_eq!(outcome.stdout, b"hello\n");
    }
}

/// On KVM the archive is a module, on QEMU a disk.
#[test]
fn a_program_finds_the_same_memory_on_every_backend() {
    let busybox = text_of(Program::Busybox);
    for mem in ["24", "512"] {
        let on = |&backend: &Backend| {
            let arguments = ["--mem", mem, "--", &busybox, "cat", "/proc/meminfo"];
            run(backend, &std::env::temp_dir(), &arguments).expect_status(0).stdout_text()
        };
        let told: Vec<String> = backend::available().iter().map(on).collect();
        assert!(told[0].starts_with("MemTotal:"), "{}", told[0]);
        assert!(told.iter().all(|text| *text == told[0]), "{}", told.join("\n"));
    }
}

#[test]
fn files_come_below_in_and_go_below_out() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        scratch.write("text", b"one two two\n");
        let program = text_of(Program::Musl("words"));
        let outcome =
            run(backend, scratch.path(), &["--in", "text", "--out", "result", "--", &program, "x"]);
        outcome.expect_status(0);
        let words = fs::read_to_string(scratch.join("result/words"));
        assert!(words.is_ok_and(|words| words.contains("66.667% two")), "{outcome}");
    }
}

#[test]
fn busybox_prints_the_sum_that_the_host_prints() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        scratch.write("file", b"sum me\n");
        let busybox = text_of(Program::Busybox);
        let arguments = ["--in", "file", "--out", "out", "--", &busybox, "sha256sum", "in/file"];
        let outcome = run(backend, scratch.path(), &arguments);
        outcome.expect_status(0);
        let host = process::run(
            Command::new("sha256sum").arg("file").current_dir(scratch.path()),
            Duration::from_secs(10),
        );
        assert_eq!(outcome.stdout_text(), host.stdout_text().replace("file", "in/file"));
    }
}

#[test]
fn the_environment_is_what_was_asked_for() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let program = text_of(Program::Bare("args"));
        let arguments = ["--env", "COLOUR=dark red", "--env", "EMPTY=", "--", &program, "a b", ""];
        let outcome = run(backend, scratch.path(), &arguments);
        outcome.expect_status(0);
        let text = outcome.stdout_text();
        let wanted = "arg [a b]\narg []\nenv [COLOUR=dark red]\nenv [EMPTY=]\n";
        assert!(text.ends_with(wanted), "{outcome}");
    }
}

#[test]
fn a_folder_can_be_the_root() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("root/bin")).unwrap();
        fs::create_dir_all(scratch.join("root/work")).unwrap();
        fs::copy(program::path(Program::Busybox), scratch.join("root/bin/busybox")).unwrap();
        fs::write(scratch.join("root/work/file"), b"3\n1\n2\n").unwrap();
        let arguments = [
            "--root",
            "root",
            "--cwd",
            "/work",
            "--export",
            "work",
            "--export",
            "absent/folder",
            "--out",
            "result",
            "--",
            "/bin/busybox",
            "sort",
            "-o",
            "sorted",
            "file",
        ];
        let outcome = run(backend, scratch.path(), &arguments);
        outcome.expect_status(0);
        let sorted = fs::read(scratch.join("result/work/sorted"));
        assert_eq!(sorted.ok().as_deref(), Some(&b"1\n2\n3\n"[..]), "{outcome}");
        let line = "seedvmm: --export \"absent/folder\": the program left nothing there\n";
        assert_eq!(outcome.stderr_text(), line);
    }
}

#[test]
fn the_status_is_the_programs() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        for status in [0, 1, 127, 200] {
            let program = text_of(Program::Bare("exit"));
            let outcome = run(backend, scratch.path(), &["--", &program, &status.to_string()]);
            outcome.expect_status(status);
        }
    }
}

#[test]
fn what_cannot_be_brought_back_is_told() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let busybox = text_of(Program::Busybox);
        let script = "mkfifo out/pipe; mknod out/null c 1 3; echo kept > out/file";
        let arguments = ["--out", "result", "--", &busybox, "sh", "-c", script];
        let outcome = run(backend, scratch.path(), &arguments);
        outcome.expect_status(0);
        let line = "seedkernel: devices and named pipes are not brought back: 2 left out\n";
        assert_eq!(outcome.stderr_text(), line, "{outcome}");
        assert_eq!(fs::read(scratch.join("result/file")).unwrap(), b"kept\n");
    }
}

#[test]
fn what_is_there_already_is_not_overwritten() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("result")).unwrap();
        scratch.write("result/words", b"precious");
        scratch.write("text", b"one two two\n");
        let program = text_of(Program::Musl("words"));
        let outcome =
            run(backend, scratch.path(), &["--in", "text", "--out", "result", "--", &program]);
        outcome.expect_status(125);
        assert!(outcome.stderr_text().contains("words"), "{outcome}");
        assert_eq!(fs::read(scratch.join("result/words")).unwrap(), b"precious");
        assert!(!scratch.join("result/report").exists(), "half of it was delivered");
    }
}

#[test]
fn a_program_that_was_killed_delivers_nothing() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let program = text_of(Program::Bare("faults"));
        let outcome =
            run(backend, scratch.path(), &["--out", "result", "--", &program, "null-read"]);
        outcome.expect_status(139);
        let entries = fs::read_dir(scratch.join("result")).map_or(0, Iterator::count);
        assert_eq!(entries, 0, "{outcome}");
    }
}

#[test]
fn a_missing_program_is_status_127() {
    let scratch = Scratch::new();
    let backend = backend::available()[0];
    run(backend, scratch.path(), &["--", "./missing"])
        .expect_status(127)
        .expect_one_line(&["missing"]);
}

#[test]
fn a_program_that_is_none_is_status_126() {
    let scratch = Scratch::new();
    let backend = backend::available()[0];
    scratch.write("text", b"not a program\n");
    run(backend, scratch.path(), &["--", "./text"]).expect_status(126);
}
