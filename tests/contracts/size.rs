// SPDX-License-Identifier: Apache-2.0 OR MIT

//! How large program and kernel may become. What is larger is slower to load, and more to audit;
//! docs/performance.md tells what was tried.

use std::fs;

use seed_tests::paths;

/// The program without the kernel in it.
const PROGRAM_MAX: u64 = 2 << 20;

/// The kernel as a file.
const KERNEL_MAX: u64 = 308 << 10;

fn size_bytes(path: std::path::PathBuf) -> u64 {
    fs::metadata(path).expect("it was built").len()
}

#[test]
fn the_program_is_small() {
    let size = size_bytes(paths::seedvmm()) - size_bytes(paths::kernel());
    assert!(size <= PROGRAM_MAX, "{size} bytes without the kernel, {PROGRAM_MAX} are allowed");
}

#[test]
fn the_kernel_is_small() {
    let size = size_bytes(paths::kernel());
    assert!(size <= KERNEL_MAX, "{size} bytes, {KERNEL_MAX} are allowed");
}
