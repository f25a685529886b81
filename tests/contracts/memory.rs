// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Memory: large images, and guests of other sizes.

use seed_tests::case::Case;
use seed_tests::program::Program::{Bare, Bss};

#[test]
fn half_a_gigabyte_of_bss_leaves_room_for_heap() {
    Case::new(Bss).append("bss").same_on_host().run();
}

#[test]
fn small_and_large_machines_run_the_same() {
    for mem in ["32", "64", "1024", "3072", "4096"] {
        Case::new(Bare("hello")).options(&["--mem", mem]).stdout(b"hello\n").run();
    }
}
