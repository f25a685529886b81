// SPDX-License-Identifier: Apache-2.0 OR MIT

//! An `/init` that cannot start: 127 if it is not there, 126 if it is no program for this machine.

use seed_tests::archive::Writer;
use seed_tests::program::{self, Program};

use crate::bad_input::Attempt;

fn with_init(mode: u32, bytes: &[u8]) -> Attempt {
    Attempt::with_image(&Writer::default().entry("init", mode, bytes).finish())
}

/// The program `hello` with one byte of its ELF header changed.
fn hello_with(offset: usize, value: u8) -> Vec<u8> {
    let mut bytes = program::bytes(Program::Bare("hello"));
    bytes[offset] = value;
    bytes
}

#[test]
fn no_init_at_all() {
    let image = Writer::default().file("in/file", b"x").finish();
    Attempt::with_image(&image).fails(127, &["/init"]);
    Attempt::with_image(&Writer::default().finish()).fails(127, &["/init"]);
}

#[test]
fn an_init_without_execute_permission() {
    with_init(0o100_644, &program::bytes(Program::Bare("hello"))).fails(126, &["/init"]);
}

#[test]
fn an_init_that_is_a_folder() {
    with_init(0o40_755, b"").fails(126, &["/init"]);
}

#[test]
fn an_init_that_is_no_elf() {
    with_init(0o100_755, b"plain text, not a program\n").fails(126, &["/init"]);
    with_init(0o100_755, b"").fails(126, &["/init"]);
    with_init(0o100_755, b"\x7fELF").fails(126, &["/init"]);
}

#[test]
fn an_init_that_is_a_script_without_an_interpreter() {
    with_init(0o100_755, b"#!/bin/nothing -x\n").fails(126, &["/init", "/bin/nothing"]);
    with_init(0o100_755, b"#!/init\n").fails(126, &["/init", "ELOOP"]);
    with_init(0o100_755, b"#!  \n").fails(126, &["/init"]);
}

#[test]
fn an_init_for_another_machine() {
    // e_machine 183 is AArch64.
    with_init(0o100_755, &hello_with(18, 183)).fails(126, &["/init"]);
}

#[test]
fn an_init_of_32_bits() {
    with_init(0o100_755, &hello_with(4, 1)).fails(126, &["/init"]);
}

#[test]
fn an_init_that_is_cut_off() {
    let bytes = program::bytes(Program::Bare("hello"));
    with_init(0o100_755, &bytes[..100]).fails(126, &["/init"]);
    with_init(0o100_755, &bytes[..bytes.len().min(4096)]).fails(126, &["/init"]);
}

#[test]
fn an_init_whose_interpreter_is_missing() {
    let attempt = with_init(0o100_755, &program::bytes(Program::Dynamic));
    attempt.fails(126, &["/lib64/ld-linux-x86-64.so.2"]);
}
