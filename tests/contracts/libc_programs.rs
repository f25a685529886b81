// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Static programs of both C libraries: start, read `in/`, write `out/`, as on Linux.

use seed_tests::case::Case;
use seed_tests::program::Program;

fn words(program: Program) -> Vec<u8> {
    let numbers: String = (0..5000).map(|n| format!("{} {}\n", n % 97, n * n % 31)).collect();
    let results = Case::new(program)
        .append("words -x last")
        .file("in/prose", b"to be or not to be\nthat is the question\n")
        .file("in/numbers", numbers.as_bytes())
        .file("in/empty", b"")
        .folder("in/folder")
        .same_on_host()
        .run();
    results.contents.file("out/words").to_vec()
}

#[test]
fn musl() {
    words(Program::Musl("words"));
}

#[test]
fn glibc() {
    words(Program::Glibc("words"));
}

#[test]
fn both_write_the_same() {
    assert!(words(Program::Musl("words")) == words(Program::Glibc("words")));
}
