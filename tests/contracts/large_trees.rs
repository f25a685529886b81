// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Trees that are large: many files, long names, and what has no place in an archive.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::{self, Contents, Writer};
use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};

const FOLDER: u32 = 0o040_755;

/// Runs `command_line` on an archive, on the backends that differ, and checks each end.
fn run(archive: Writer, options: &[&str], command_line: &str, check: impl Fn(&Outcome, &Path)) {
    let image = archive.finish();
    for backend in backend::available().iter().filter(|&&backend| backend != Backend::QemuKvm) {
        let scratch = Scratch::new();
        let (input, output) = (scratch.write("in.img", &image), scratch.disk("out.img", 64 << 20));
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(input).arg("--out").arg(&output);
        command.args(["--append", command_line]).args(options);
        check(&process::run(&mut command, Duration::from_secs(120)), &output);
    }
}

fn with_program(program: Program) -> Writer {
    let writer = Writer::default().program("init", &program::bytes(program));
    writer.entry("in", FOLDER, b"").entry("out", FOLDER, b"")
}

fn read(output: &Path) -> Contents {
    archive::read_canonical(&fs::read(output).expect("the disk is ours")).expect("an archive")
}

#[test]
fn ten_thousand_files_go_in_and_come_out() {
    let mut archive = with_program(Program::Busybox);
    for folder in 0..100 {
        archive = archive.entry(&format!("in/{folder}"), FOLDER, b"");
        for file in 0..100 {
            let name = format!("in/{folder}/{file}");
            archive = archive.file(&name, format!("{name}\n").as_bytes());
        }
    }
    run(archive, &[], "busybox cp -r in out/copy", |outcome, output| {
        outcome.expect_status(0);
        let files = read(output).files();
        assert_eq!(files.len(), 10_000);
        for (name, bytes) in files {
            let original = name.strip_prefix("out/copy/").expect("all are copies");
            assert_eq!(bytes, format!("in/{original}\n").as_bytes());
        }
    });
}

/// Folders below `root`, each in the one before, and a name in the last one that makes a path of
/// `length` bytes.
fn long_path(root: &str, length: usize) -> (Vec<String>, String) {
    let mut folders = Vec::new();
    let mut path = root.to_owned();
    for _ in 0..15 {
        path = format!("{path}/{}", "x".repeat(255));
        folders.push(path.clone());
    }
    let name = "f".repeat(length - path.len() - 1);
    (folders, format!("{path}/{name}"))
}

#[test]
fn a_path_may_have_4095_bytes_and_not_one_more() {
    let (from_folders, from) = long_path("in", 4095);
    let (to_folders, to) = long_path("out", 4095);
    let mut archive = with_program(Program::Busybox);
    for folder in from_folders.iter().chain(&to_folders) {
        archive = archive.entry(folder, FOLDER, b"");
    }
    let archive = archive.file(&from, b"far down\n");
    run(archive.clone(), &[], &format!("busybox cp {from} {to}"), |outcome, output| {
        outcome.expect_status(0);
        assert_eq!(read(output).file(&to), b"far down\n");
    });
    run(archive, &[], &format!("busybox cp {from} {to}f"), |outcome, output| {
        outcome.expect_status(1);
        assert!(outcome.stdout.ends_with(b"File name too long\n"), "{outcome}");
        assert!(read(output).files().is_empty());
    });
}

#[test]
fn a_tree_that_no_path_leads_through_is_told_and_the_rest_comes_out() {
    let archive = with_program(Program::Musl("hogs"));
    run(archive, &[], "hogs tree 5000", |outcome, output| {
        outcome.expect_status(125).expect_one_line(&["a name has more than 4095 bytes", "out/d/d"]);
        let contents = read(output);
        assert_eq!(contents.file("out/kept"), b"");
        // out, out/kept, and out/d to the one whose name has 3 + 2 * 2046 bytes.
        assert_eq!(contents.order.len(), 2 + 2046);
    });
}

#[test]
fn run_delivers_all_but_the_names_that_are_too_long() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let mut command = Command::new(paths::seedvmm());
        command.arg("run").args(backend.options()).args(["--out", "result", "--"]);
        command.arg(program::path(Program::Musl("hogs"))).args(["tree", "2100"]);
        let outcome = process::run(command.current_dir(scratch.path()), Duration::from_secs(60));
        outcome.expect_status(125).expect_one_line(&["a name has more than 4095 bytes"]);
        assert!(scratch.join("result/kept").is_file(), "{outcome}");
        assert!(scratch.join("result/d/d/d").is_dir(), "{outcome}");
    }
}

#[test]
fn results_of_a_program_that_left_no_memory_come_out() {
    for (way, status, words) in [
        ("depth", 125, "no memory left"),
        ("links", 0, ""),
        ("folders", 0, ""),
        ("small_files", 0, ""),
    ] {
        let command_line = format!("hogs first {way}");
        let archive = with_program(Program::Musl("hogs"));
        run(archive, &["--mem", "16"], &command_line, |outcome, output| {
            outcome.expect_status(status);
            assert!(outcome.stderr_text().contains(words), "{outcome}");
            if status == 0 {
                read(output);
            }
        });
    }
}
