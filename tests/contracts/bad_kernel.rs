// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Kernel images that cannot be loaded: refused by the monitor before anything runs.

use seed_tests::pvh::Image;

use crate::bad_input::Attempt;

#[track_caller]
fn fails(bytes: &[u8], words: &[&str]) {
    let attempt = Attempt::new();
    let kernel = attempt.scratch.write("bad.elf", bytes);
    let attempt = attempt.option("--kernel", &kernel.to_string_lossy());
    attempt.fails(125, &[&["bad.elf"], words].concat());
}

#[test]
fn a_missing_kernel() {
    Attempt::new().option("--kernel", "/missing/k.elf").fails(125, &["/missing/k.elf"]);
}

#[test]
fn a_kernel_that_is_no_elf() {
    fails(b"not a kernel", &["ELF"]);
    fails(&[0; 8192], &["ELF"]);
    fails(b"", &[]);
}

#[test]
fn a_kernel_of_32_bits() {
    fails(&Image::new().byte(4, 1).bytes(), &[]);
}

#[test]
fn a_kernel_for_another_machine() {
    // e_machine 183 is AArch64.
    fails(&Image::new().byte(18, 183).bytes(), &[]);
}

#[test]
fn a_kernel_without_note() {
    fails(&Image::new().without_note().bytes(), &["note"]);
}

#[test]
fn a_kernel_with_segments_outside_ram() {
    // Behind the end of RAM, in the hole below 4 GiB, and so that address and size overflow.
    for address in [0x80_0000_0000, 0xd000_0000, 0xffff_ffff_ffff_f000] {
        fails(&Image::new().segment_field(24, address).bytes(), &[]);
    }
    fails(&Image::new().segment_field(40, 0x40_0000_0000).bytes(), &[]);
}

#[test]
fn a_kernel_over_the_low_structures() {
    for address in [0, 0x1000, 0x9000] {
        fails(&Image::new().segment_field(24, address).bytes(), &[]);
    }
}

#[test]
fn a_kernel_larger_in_the_file_than_in_memory() {
    fails(&Image::new().segment_field(40, 1).bytes(), &[]);
}

#[test]
fn a_kernel_that_is_cut_off() {
    let length = Image::new().bytes().len();
    for cut in [10, 63, 100, 4096, length.min(4100)] {
        fails(&Image::new().cut(cut).bytes(), &[]);
    }
}
