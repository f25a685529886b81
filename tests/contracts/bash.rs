// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A distribution's static bash, unmodified, with the tools of its static busybox: a long script of most
//! of the language, and what `ulimit` does.

use seed_tests::case::Case;
use seed_tests::program::Program::{Bash, Busybox};

/// What the script calls; each is a link to busybox.
const TOOLS: &[&str] = &[
    "awk", "cat", "cmp", "diff", "find", "head", "mkdir", "nice", "paste", "sed", "seq", "sleep",
    "sort", "tail", "tee", "timeout", "tr", "true", "wc", "xargs",
];

fn case(script: &str, text: &[u8]) -> Case {
    let case = Case::new(Bash)
        .append(&format!("bash in/{script}"))
        .file(&format!("in/{script}"), text)
        .program("in/bash", Bash)
        .program("in/bin/busybox", Busybox)
        .packed_once()
        .limit(180)
        .same_on_host();
    TOOLS.iter().fold(case, |case, tool| case.link(&format!("in/bin/{tool}"), "busybox"))
}

#[test]
fn a_tour_of_the_language() {
    case("tour", include_bytes!("../programs/tour.bash")).status(11).run();
}

#[test]
fn limits_bind() {
    case("limits", include_bytes!("../programs/limits.bash")).run();
}
