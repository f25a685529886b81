// SPDX-License-Identifier: Apache-2.0 OR MIT

//! hex0: a few hundred bytes, spelt out in commented hex, that put themselves together.

use std::fs;

use seed_tests::case::Case;
use seed_tests::paths;
use seed_tests::program::{self, Program};

fn source() -> Vec<u8> {
    fs::read(paths::package().join("programs/hex0/hex0.hex0")).expect("it is in the tree")
}

#[test]
fn hex0_turns_its_own_source_into_itself() {
    let case = Case::new(Program::Hex0).append("hex0 in/hex0.hex0 out/hex0");
    let results = case.file("in/hex0.hex0", &source()).same_on_host().run();
    assert!(results.contents.file("out/hex0") == program::bytes(Program::Hex0));
    assert_eq!(results.contents.entries["out/hex0"].mode, 0o100_755, "the result can be run");
}

#[test]
fn hex0_refuses_what_is_not_hex() {
    for text in ["0g", "012", "00 / 11"] {
        let case = Case::new(Program::Hex0).append("hex0 in/x out/x");
        case.file("in/x", text.as_bytes()).status(1).same_on_host().run();
    }
}

#[test]
fn hex0_fails_without_its_files() {
    Case::new(Program::Hex0).append("hex0 in/x out/x").status(1).same_on_host().run();
    Case::new(Program::Hex0).status(1).same_on_host().run();
}
