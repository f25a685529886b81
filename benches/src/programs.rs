// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The bench's own programs, built when first needed.

use std::path::{Path, PathBuf};

use seed_tests::paths;
use seed_tests::program;

const FLAGS: &[&str] = &["-O2", "-static", "-Wall", "-Wextra"];

/// Where the linker puts the marks between which `work` does what counts.
pub(crate) const MARK_BEGIN: u64 = 0x1000_0000;

/// The second of them.
pub(crate) const MARK_END: u64 = MARK_BEGIN + 16;

/// The least C program that runs a guest on KVM.
pub(crate) fn floor() -> PathBuf {
    build("gcc", "floor", &["floor.c"], &[])
}

/// What a guest does; also a program of the host.
pub(crate) fn work() -> PathBuf {
    let marks = format!("-Wl,--section-start=.marks={MARK_BEGIN:#x}");
    build("musl-gcc", "programs", &["work.c", "sha256.c"], &[&marks])
}

/// A disk's bytes moved by the host alone.
pub(crate) fn disk() -> PathBuf {
    build("musl-gcc", "programs", &["disk.c"], &[])
}

/// The steps of making a machine, each timed.
pub(crate) fn stages() -> PathBuf {
    build("gcc", "programs", &["stages.c"], &[])
}

/// Builds a program, named after its first source.
fn build(compiler: &str, folder: &str, sources: &[&str], more: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let name = format!("bench-{}", sources[0].trim_end_matches(".c"));
    program::build(compiler, &paths::built().join(name), &folder, sources, FLAGS, more)
}
