// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Input images and options that cannot be used: status 125, one line that names the file or the
//! option, nothing written. Shared by the other `bad_` modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::Writer;
use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};

/// What the output disk holds before each run.
const MARK: &[u8] = &[0x5a; 65536];

/// A run that must fail and leave the output disk as it was.
pub(crate) struct Attempt {
    pub(crate) scratch: Scratch,
    image: PathBuf,
    output: PathBuf,
    options: Vec<String>,
}

impl Attempt {
    /// With an input image of these bytes.
    pub(crate) fn with_image(bytes: &[u8]) -> Self {
        let scratch = Scratch::new();
        let image = scratch.write("in.img", bytes);
        let output = scratch.write("out.img", MARK);
        Self { scratch, image, output, options: Vec::new() }
    }

    /// With an image that would be fine.
    pub(crate) fn new() -> Self {
        Self::with_image(&hello())
    }

    /// With an input image somewhere else.
    pub(crate) fn image_at(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.image);
        self
    }

    /// With an output disk somewhere else.
    pub(crate) fn output_at(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.output);
        self
    }

    pub(crate) fn option(mut self, option: &str, value: &str) -> Self {
        self.options.extend([option.to_owned(), value.to_owned()]);
        self
    }

    pub(crate) fn run_on(&self, backend: Backend) -> Outcome {
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(&self.image).arg("--out").arg(&self.output);
        let outcome = process::run(command.args(&self.options), Duration::from_secs(60));
        if self.output == self.scratch.join("out.img") {
            assert!(
                fs::read(&self.output).is_ok_and(|bytes| bytes == MARK),
                "the output disk changed\n{outcome}"
            );
        }
        outcome
    }

    /// Fails on every backend with `status`, in one line with `words` in it.
    #[track_caller]
    pub(crate) fn fails(&self, status: i32, words: &[&str]) {
        for &backend in backend::available() {
            let outcome = self.run_on(backend);
            outcome.expect_status(status).expect_one_line(words);
            assert!(outcome.stdout.is_empty(), "something was printed\n{outcome}");
        }
    }
}

pub(crate) fn hello() -> Vec<u8> {
    Writer::default().program("init", &program::bytes(Program::Bare("hello"))).finish()
}

fn with_hello() -> Writer {
    Writer::default().program("init", &program::bytes(Program::Bare("hello")))
}

#[test]
fn a_missing_image() {
    Attempt::new().image_at(Path::new("/missing/in.img")).fails(125, &["/missing/in.img"]);
}

#[test]
fn a_folder_as_image() {
    let attempt = Attempt::new();
    let folder = attempt.scratch.path().to_owned();
    attempt.image_at(&folder).fails(125, &[folder.to_str().unwrap()]);
}

#[test]
fn an_empty_image() {
    Attempt::with_image(b"").fails(125, &["in.img", "cpio"]);
}

#[test]
fn an_image_of_zeros() {
    Attempt::with_image(&[0; 4096]).fails(125, &["in.img", "cpio"]);
}

#[test]
fn an_image_that_is_not_cpio() {
    Attempt::with_image(&[0x42; 10_000]).fails(125, &["in.img", "cpio"]);
    Attempt::with_image(b"short").fails(125, &["in.img", "cpio"]);
}

#[test]
fn a_header_that_is_cut_off() {
    let whole = with_hello().unfinished();
    let cut = [&whole[..], &b"07070100000001"[..]].concat();
    Attempt::with_image(&cut).fails(125, &["in.img"]);
    Attempt::with_image(&whole[..60]).fails(125, &["in.img"]);
}

#[test]
fn data_that_is_cut_off() {
    let whole = with_hello().unfinished();
    Attempt::with_image(&whole[..whole.len() / 2]).fails(125, &["in.img"]);
    let lie = with_hello().lying_entry("in/big", 0o100_644, b"x", 0xffff_fff0).finish();
    Attempt::with_image(&lie).fails(125, &["in.img"]);
}

#[test]
fn an_archive_without_trailer() {
    Attempt::with_image(&with_hello().unfinished()).fails(125, &["in.img", "trailer"]);
}

#[test]
fn a_header_with_letters_for_digits() {
    let mut bytes = hello();
    bytes[54..62].copy_from_slice(b"zzzzzzzz");
    Attempt::with_image(&bytes).fails(125, &["in.img"]);
}

#[test]
fn names_that_leave_the_root() {
    for name in ["../up", "a/../../up", "in/..", ".."] {
        let image = with_hello().file(name, b"x").finish();
        Attempt::with_image(&image).fails(125, &["in.img", ".."]);
    }
    let image = with_hello().file("/etc/passwd", b"x").finish();
    Attempt::with_image(&image).fails(125, &["in.img", "absolute"]);
    let image = with_hello().file("", b"x").finish();
    Attempt::with_image(&image).fails(125, &["in.img"]);
}

#[test]
fn names_that_come_twice() {
    let image = with_hello().file("in/twice", b"x").file("in/twice", b"y").finish();
    Attempt::with_image(&image).fails(125, &["in.img", "in/twice"]);
    let image = with_hello().file("in/twice", b"x").file("./in//twice", b"y").finish();
    Attempt::with_image(&image).fails(125, &["in.img", "twice"]);
}

#[test]
fn names_beyond_the_limits() {
    let component = with_hello().file(&"n".repeat(256), b"x").finish();
    Attempt::with_image(&component).fails(125, &["in.img", "longer"]);
    let path = with_hello().file(&"d/".repeat(2100), b"x").finish();
    Attempt::with_image(&path).fails(125, &["in.img", "longer"]);
}

#[test]
fn a_file_as_folder() {
    let image = with_hello().file("a", b"x").file("a/b", b"y").finish();
    Attempt::with_image(&image).fails(125, &["in.img"]);
}

#[test]
fn memory_that_is_too_small_or_absurd() {
    for mem in ["0", "1", "-5", "many", "99999999999", "18446744073709551616"] {
        Attempt::new().option("--mem", mem).fails(125, &["mem"]);
    }
}

#[test]
fn files_that_do_not_fit_into_memory() {
    let big = with_hello().file("in/big", &vec![1; 64 << 20]).finish();
    Attempt::with_image(&big).option("--mem", "32").fails(125, &["memory"]);
}
