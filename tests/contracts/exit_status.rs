// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Exit status: the program's own, to the last bit, on every backend.

use seed_tests::case::Case;
use seed_tests::program::Program::Bare;

#[test]
fn the_status_is_the_programs() {
    for status in [0, 1, 42, 125, 126, 127, 200, 255] {
        let case = Case::new(Bare("exit")).append(&format!("exit {status}"));
        case.status(status).same_on_host().run();
    }
}

#[test]
fn only_the_low_eight_bits_count() {
    Case::new(Bare("exit")).append("exit 298").status(42).same_on_host().run();
    Case::new(Bare("exit")).append("exit 256").status(0).same_on_host().run();
}

#[test]
fn a_program_that_exits_with_125_is_not_a_failed_host() {
    let results = Case::new(Bare("exit")).append("exit 125").status(125).run();
    for (backend, outcome) in &results.runs {
        let text = outcome.stderr_text();
        let last = text.lines().last().unwrap_or_default();
        assert!(last.contains("exited with status 125"), "{backend}\n{outcome}");
    }
}

#[test]
fn a_success_says_nothing_on_standard_error() {
    let results = Case::new(Bare("hello")).stdout(b"hello\n").run();
    for (backend, outcome) in &results.runs {
        assert!(outcome.stderr.is_empty(), "{backend}\n{outcome}");
    }
}

#[test]
fn a_program_cannot_forge_its_end() {
    for status in [0, 3, 127, 200] {
        let case = Case::new(Bare("forge")).append(&format!("forge {status}"));
        case.status(status).run();
    }
}
