// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A distribution's static bash, unmodified: a long script of most of the language, with the tools of
//! its static busybox.

use seed_tests::case::Case;
use seed_tests::program::Program::{Bash, Busybox};

/// What the script calls; each is a link to busybox.
const TOOLS: &[&str] = &[
    "cat", "cmp", "diff", "find", "head", "mkdir", "paste", "sed", "seq", "sleep", "sort", "tail",
    "tee", "timeout", "tr", "true", "wc", "xargs",
];

#[test]
fn a_tour_of_the_language() {
    let case = Case::new(Bash)
        .append("bash in/tour")
        .file("in/tour", include_bytes!("../programs/tour.bash"))
        .program("in/bash", Bash)
        .program("in/bin/busybox", Busybox);
    let case =
        TOOLS.iter().fold(case, |case, tool| case.link(&format!("in/bin/{tool}"), "busybox"));
    case.status(11).packed_once().same_on_host().run();
}
