// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Faults of the program: each kills the program with the signal that Linux sends, never the kernel,
//! and one line tells the signal, the address and the instruction.

use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::case::Case;
use seed_tests::program::Program::Bare;
use seed_tests::{paths, process};

const SIGILL: i32 = 4;
const SIGTRAP: i32 = 5;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;

#[track_caller]
fn dies(way: &str, signal: i32) {
    dies_in(fault(way), way, signal);
}

fn fault(way: &str) -> Case {
    Case::new(Bare("faults")).append(&format!("faults {way}"))
}

#[track_caller]
fn dies_in(case: Case, way: &str, signal: i32) {
    let results = case.status(128 + signal).same_status_on_host().run();
    for (backend, outcome) in &results.runs {
        let text = outcome.stderr_text();
        let tells = text.lines().any(|line| line.contains(&format!("signal {signal} ")));
        assert!(tells, "{way} on {backend}: no line tells the signal\n{outcome}");
    }
}

#[test]
fn page_zero_is_never_mapped() {
    for way in ["null-read", "null-write", "null-jump", "last-of-page-0"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn undefined_instructions_are_sigill() {
    dies("undefined", SIGILL);
}

#[test]
fn integer_division_by_zero_is_sigfpe() {
    dies("divide", SIGFPE);
}

#[test]
fn vector_division_by_zero_is_sigfpe() {
    // QEMU 7.2's emulation does not raise the exception; the program just goes on there.
    if backend::has(Backend::Kvm) {
        dies_in(fault("divide-sse").not_on(Backend::QemuTcg), "divide-sse", SIGFPE);
    }
}

#[test]
fn x87_division_by_zero_is_sigfpe() {
    dies("divide-x87", SIGFPE);
}

#[test]
fn the_stack_ends() {
    dies("overflow", SIGSEGV);
}

#[test]
fn the_kernels_half_is_out_of_reach() {
    for way in ["kernel-jump", "kernel-read", "kernel-write"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn the_kernels_image_and_devices_are_out_of_reach() {
    for way in ["image-read", "image-jump", "device-read"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn addresses_that_are_not_canonical_are_sigsegv() {
    for way in ["noncanonical-read", "noncanonical-jump"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn stack_and_data_do_not_run() {
    for way in ["stack-run", "data-run"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn constants_and_code_are_not_written() {
    for way in ["constant-write", "text-write"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn privileged_instructions_are_sigsegv() {
    for way in ["halt", "mask-interrupts", "control-register", "model-register", "descriptor-table"]
    {
        dies(way, SIGSEGV);
    }
}

#[test]
fn ports_are_out_of_reach() {
    for way in ["debug-exit-port", "serial-port"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn a_breakpoint_is_sigtrap() {
    dies("breakpoint", SIGTRAP);
}

#[test]
fn other_interrupt_instructions_are_sigsegv() {
    for way in ["interrupt-81", "interrupt-page-fault"] {
        dies(way, SIGSEGV);
    }
}

#[test]
fn there_is_no_way_into_32_bit_code() {
    // A KVM that interprets the far jump calls it undefined; others refuse the selector.
    let program = seed_tests::program::path(Bare("faults"));
    for &backend in backend::available() {
        let mut command = Command::new(paths::seedvmm());
        command.arg("run").args(backend.options()).arg("--").arg(&program).arg("enter-32-bits");
        let outcome = process::run(&mut command, Duration::from_secs(60));
        assert!([128 + SIGILL, 128 + SIGSEGV].contains(&outcome.status), "{outcome}");
    }
}
