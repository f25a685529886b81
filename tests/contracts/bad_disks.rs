// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Output disks that cannot take the result: an error, and never a result that only looks whole.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::Writer;
use seed_tests::backend;
use seed_tests::paths::{self, Scratch};
use seed_tests::process;
use seed_tests::program::{self, Program};
use seed_tests::timings;

use crate::bad_input::Attempt;

#[test]
fn a_missing_output_disk() {
    Attempt::new().output_at(Path::new("/missing/out.img")).fails(125, &["/missing/out.img"]);
}

#[test]
fn a_folder_as_output_disk() {
    let attempt = Attempt::new();
    let folder = attempt.scratch.path().to_owned();
    attempt.output_at(&folder).fails(125, &[folder.to_str().unwrap()]);
}

#[test]
fn a_symbolic_link_as_output_disk() {
    let attempt = Attempt::new();
    let link = attempt.scratch.join("link.img");
    symlink(attempt.scratch.join("out.img"), &link).unwrap();
    let target = attempt.scratch.join("out.img");
    let before = fs::read(&target).unwrap();
    let attempt = attempt.output_at(&link);
    attempt.fails(125, &["link.img", "symbolic link"]);
    assert!(fs::read(&target).unwrap() == before, "the link's target changed");
}

#[test]
fn a_device_as_output_disk() {
    Attempt::new().output_at(Path::new("/dev/null")).fails(125, &["/dev/null"]);
}

#[test]
fn the_input_as_output_disk() {
    let attempt = Attempt::new();
    let image = attempt.scratch.join("in.img");
    let before = fs::read(&image).unwrap();
    let attempt = attempt.output_at(&image);
    attempt.fails(125, &["in.img"]);
    assert!(fs::read(&image).unwrap() == before, "the input changed");
}

#[test]
fn an_empty_output_disk() {
    let attempt = Attempt::new();
    let empty = attempt.scratch.disk("empty.img", 0);
    attempt.output_at(&empty).fails(125, &["empty.img"]);
}

#[test]
fn an_output_disk_that_cannot_be_written() {
    // Permissions do not bind root; a file system mounted read-only does.
    let attempt = Attempt::new();
    let disk = attempt.scratch.disk("locked.img", 65536);
    let bind = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;
    for &backend in backend::available() {
        let Some(mut command) = process::with_own_mounts() else {
            backend::skip("a read-only output disk", "right to mount");
            return;
        };
        command.args(["sh", "-c", bind]).arg(&disk).arg(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(attempt.scratch.join("in.img"));
        let outcome = process::run(command.arg("--out").arg(&disk), Duration::from_secs(60));
        outcome.expect_status(125).expect_one_line(&["locked.img"]);
    }
}

/// The program goes on to its end: it is the result that does not fit.
#[test]
fn an_output_disk_that_is_too_small() {
    let busybox = program::bytes(Program::Busybox);
    let size = 100_000;
    let image = Writer::default()
        .entry("in", 0o40_755, b"")
        .entry("out", 0o40_755, b"")
        .file("in/file", &vec![1; size])
        .program("init", &busybox)
        .finish();
    let scratch = Scratch::new();
    let input = scratch.write("in.img", &image);
    let mut lines = Vec::new();
    for &backend in backend::available() {
        let run_with = |output: &Path| {
            let mut command = Command::new(paths::seedvmm());
            command.args(backend.options()).arg("--in").arg(&input).arg("--out").arg(output);
            command.args(["--append", "busybox cp in/file out/file"]);
            process::run(&mut command, Duration::from_secs(60))
        };
        let before = vec![0x5a; 65536];
        let output = scratch.write("out.img", &before);
        let outcome = run_with(&output);
        timings::note(backend.name(), outcome.elapsed);
        outcome.expect_status(125);
        let line = outcome.stderr_text().lines().last().unwrap_or_default().to_owned();
        let needed = line
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|digits| digits.parse::<usize>().ok())
            .find(|number| (size..size + 2000).contains(number));
        let needed = needed.unwrap_or_else(|| panic!("the bytes needed are not told\n{outcome}"));
        assert!(fs::read(&output).unwrap() == before, "the output disk changed\n{outcome}");
        lines.push(line);

        // What the message tells is exactly enough.
        let enough = scratch.disk("enough.img", needed.next_multiple_of(512) as u64);
        run_with(&enough).expect_status(0);
    }
    assert!(lines.iter().all(|line| *line == lines[0]), "{lines:?}");
}

#[test]
fn without_an_output_disk_the_console_still_comes() {
    for &backend in backend::available() {
        let attempt = Attempt::new();
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(attempt.scratch.join("in.img"));
        let outcome = process::run(&mut command, Duration::from_secs(60));
        outcome.expect_status(0);
        assert_eq!(outcome.stdout, b"hello\n", "{backend}");
    }
}
