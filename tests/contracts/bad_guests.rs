// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Guests that misbehave: kernels that never end, crash, or touch what is not there; a host that has
//! nothing to run them on.

use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths;
use seed_tests::process;
use seed_tests::{case::Case, program::Program, pvh};

use crate::bad_input::Attempt;

fn kernel(name: &str) -> Attempt {
    Attempt::new().option("--kernel", &pvh::path(name).to_string_lossy())
}

#[test]
fn a_foreign_kernel_that_leaves_has_its_status() {
    for &backend in backend::available() {
        kernel("leave").run_on(backend).expect_status(5);
    }
}

#[test]
fn a_guest_that_halts_is_a_crash() {
    if backend::has(Backend::Kvm) {
        let outcome = kernel("halt").option("--timeout", "20").run_on(Backend::Kvm);
        outcome.expect_status(125).expect_one_line(&["halt"]);
        assert!(outcome.elapsed < Duration::from_secs(15), "it waited\n{outcome}");
    }
}

#[test]
fn a_triple_fault_is_a_crash() {
    for &backend in backend::available() {
        let outcome = kernel("triple").option("--timeout", "20").run_on(backend);
        outcome.expect_status(125).expect_one_line(&[]);
        assert!(outcome.elapsed < Duration::from_secs(15), "it waited\n{outcome}");
    }
}

#[test]
fn a_guest_that_loops_meets_the_time_limit() {
    for &backend in backend::available() {
        let outcome = kernel("loop").option("--timeout", "1").run_on(backend);
        outcome.expect_status(124).expect_one_line(&["time limit"]);
        assert!(outcome.elapsed >= Duration::from_secs(1), "{outcome}");
    }
}

#[test]
fn a_program_that_loops_meets_the_time_limit() {
    for &backend in backend::available() {
        let attempt = Attempt::with_image(
            &seed_tests::archive::Writer::default()
                .program("init", &seed_tests::program::bytes(Program::Busybox))
                .finish(),
        );
        let attempt = attempt.option("--timeout", "1").option("--append", "busybox yes");
        attempt.run_on(backend).expect_status(124);
    }
}

#[test]
fn a_write_to_nowhere_does_the_same_everywhere() {
    // Seed machine 1 has nothing there; the reference backend drops such a write.
    for &backend in backend::available() {
        kernel("nowhere").run_on(backend).expect_status(6);
    }
}

#[test]
fn console_output_that_is_not_in_ram_stays_where_it_is() {
    for &backend in backend::available() {
        let outcome = kernel("block").run_on(backend);
        outcome.expect_status(7);
        assert_eq!(outcome.stdout, b"", "{backend}");
    }
}

#[test]
fn a_time_limit_that_does_not_pass_changes_nothing() {
    Case::new(Program::Bare("hello")).options(&["--timeout", "50"]).stdout(b"hello\n").run();
}

#[test]
fn a_host_without_kvm_and_qemu_is_told_so() {
    let attempt = Attempt::new();
    let hide = r#"mount -t tmpfs none /dev && PATH=/nowhere exec "$@""#;
    let Some(mut command) = process::with_own_mounts() else {
        backend::skip("a host without KVM and QEMU", "right to mount");
        return;
    };
    command.args(["sh", "-c", hide, "sh"]).arg(paths::seedvmm());
    command.arg("--in").arg(attempt.scratch.join("in.img"));
    let outcome = process::run(&mut command, Duration::from_secs(60));
    outcome.expect_status(125).expect_one_line(&["/dev/kvm", "qemu-system-x86_64"]);
}
