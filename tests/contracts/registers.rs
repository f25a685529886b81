// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a program's registers hold after the kernel was entered, and both entries.

use seed_tests::case::Case;
use seed_tests::program::Program;

#[test]
fn int_80_takes_the_calls_of_syscall() {
    let case = Case::new(Program::Int80).status(42);
    case.stdout(b"through int 0x80\n").run();
}

#[test]
fn only_the_promised_registers_change() {
    let data = vec![7; 9000];
    let case = Case::new(Program::Registers("registers")).file("in/data", &data);
    case.append("registers").same_on_host().run();
}

#[test]
fn only_the_promised_registers_change_by_int_80() {
    let data = vec![7; 9000];
    Case::new(Program::Registers("registers"))
        .file("in/data", &data)
        .append("registers int80")
        .run();
}

#[test]
fn a_signal_does_not_write_below_the_alternate_stack() {
    let stdout = b"as large as the kernel says: status 0, 0 bytes below it written\n\
                   the least: status 0xb, 0 bytes below it written\n";
    Case::new(Program::Musl("altstack")).stdout(stdout).run();
}
