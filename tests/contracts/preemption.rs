// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes that compute without making a call: others get their turn, and time passes for them.

use seed_tests::case::{Case, Results};
use seed_tests::program::Program::{Busybox, Musl};

/// What the kernel says at the end of a run that the processor's speed had a part in.
const NOTICE: &str = "interrupted processes that computed without a system call";

fn spin(mode: &str) -> Results {
    let results = Case::new(Musl("spin")).append(&format!("spin {mode}")).same_on_host().run();
    for (_, outcome) in &results.runs {
        assert!(outcome.stderr_text().contains(NOTICE), "nothing says that it happened\n{outcome}");
    }
    results
}

#[test]
fn a_timer_rings_for_who_waits_for_it_without_a_call() {
    spin("alarm");
}

#[test]
fn children_that_never_call_do_not_hold_their_parent_up() {
    spin("children");
}

#[test]
fn who_is_interrupted_finds_its_registers_as_they_were() {
    spin("registers");
}

fn script(text: &str) -> Results {
    let case = Case::new(Busybox).append("busybox sh in/script");
    let case = case.file("in/script", format!("b=in/busybox\n{text}").as_bytes());
    case.link("in/busybox", "/proc/self/exe").same_on_host().run()
}

#[test]
fn a_shell_works_beside_a_job_that_never_calls() {
    let text = "while :; do :; done & p=$!\nfor i in 1 2 3; do $b echo $i | $b cat; done\n\
                kill $p; wait $p; echo $?";
    script(text);
}

#[test]
fn a_run_without_such_processes_is_not_interrupted() {
    let results = script("$b seq 3 | $b sort -r; $b sleep 1 & wait");
    for (_, outcome) in &results.runs {
        assert!(!outcome.stderr_text().contains(NOTICE), "it was interrupted\n{outcome}");
    }
}
