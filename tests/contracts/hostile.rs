// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Programs that take all there is of something: each gets the error that Linux has for it, or its end
//! with one line; never ends the kernel; and what it took is there again for the next program.

use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::case::Case;
use seed_tests::paths;
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};
use seed_tests::timings;

const SIGKILL: i32 = 9;

/// What a parent prints of a hog that got an error.
const WELL: &str = "the hog ended with status 0\nafterwards all is well\n";

/// Runs `program` on the backends that differ, and compares what it says. QEMU on KVM has the
/// kernel of the one and the processor of the other, and these runs are long.
fn on_backends(mem: &str, program: Program, arguments: &[&str], check: impl Fn(&Outcome)) {
    let backends = backend::available().iter().filter(|&&backend| backend != Backend::QemuKvm);
    let mut first: Option<Outcome> = None;
    for backend in backends {
        let mut command = Command::new(paths::seedvmm());
        command.arg("run").args(backend.options()).args(["--mem", mem, "--timeout", "100"]);
        command.arg("--").arg(program::path(program)).args(arguments);
        let outcome = process::run(&mut command, Duration::from_secs(120));
        timings::note(backend.name(), outcome.elapsed);
        check(&outcome);
        let first = first.get_or_insert_with(|| outcome.clone());
        assert!(first.stdout == outcome.stdout, "{backend}: other output\n{outcome}{first}");
    }
}

/// A hog in a child of the first process, in a small machine.
fn hog(way: &str, ending: &str) {
    on_backends("16", Program::Musl("hogs"), &[way], |outcome| {
        outcome.expect_status(0);
        assert_eq!(outcome.stdout_text(), format!("{ending}{WELL}"), "{outcome}");
    });
}

/// A hog that cannot be told by an error.
fn killed_hog(way: &str, ending: &str) {
    on_backends("16", Program::Musl("hogs"), &[way], |outcome| {
        outcome.expect_status(0).expect_one_line(&["killed: memory ran out"]);
        assert_eq!(outcome.stdout_text(), ending, "{outcome}");
    });
}

#[test]
fn memory_ends_with_an_error() {
    hog("anonymous", "mmap: ENOMEM\n");
}

#[test]
fn room_for_files_ends_with_an_error() {
    hog("file", "write: ENOSPC\n");
}

#[test]
fn memory_that_is_touched_and_not_there_ends_its_program() {
    killed_hog("shared", "the hog ended by signal 9\nafterwards all is well\n");
    killed_hog("stacks", &format!("a child ended by signal {SIGKILL}\n{WELL}"));
}

#[test]
fn areas_and_page_tables_are_memory_too() {
    hog("areas", "mprotect: ENOMEM\n");
    hog("late_areas", "mmap: ENOMEM\nmprotect: ENOMEM\n");
    hog("tables", "mmap: ENOMEM\n");
}

#[test]
fn the_first_process_as_a_hog_ends_the_run() {
    on_backends("16", Program::Musl("hogs"), &["first", "shared"], |outcome| {
        outcome.expect_status(128 + SIGKILL);
        let text = outcome.stderr_text();
        assert!(text.contains("(process 1) killed: memory ran out"), "{outcome}");
        assert_eq!(text.lines().count(), 2, "{outcome}");
    });
}

#[test]
fn processes_end_with_memory() {
    hog("many", "fork: ENOMEM\n");
    hog("bomb", "fork: ENOMEM\n");
}

#[test]
fn children_that_nobody_waits_for_count_as_processes() {
    hog("zombies", "fork: EAGAIN\n");
}

#[test]
fn a_fork_bomb_in_a_shell_ends() {
    let script = "b() { b | b; }; b; echo the shell goes on";
    on_backends("24", Program::Busybox, &["sh", "-c", script], |outcome| {
        outcome.expect_status(0);
        assert!(outcome.stdout.ends_with(b"the shell goes on\n"), "{outcome}");
        assert!(outcome.stderr_text().is_empty(), "{outcome}");
    });
}

#[test]
fn a_chain_of_4096_programs_ends_in_good_order() {
    Case::new(Program::Musl("hogs"))
        .append("hogs chain 4096")
        .status(7)
        .stdout(b"the chain ends\n")
        .not_on(Backend::QemuKvm)
        .packed_once()
        .limit(180)
        .same_on_host()
        .run();
}

/// As on the host, where the limit may be another.
#[test]
fn descriptors_end_with_the_table() {
    Case::new(Program::Musl("hogs"))
        .append("hogs first fds")
        .stdout(b"open: EMFILE\n")
        .same_on_host()
        .run();
    hog("fds", "open: EMFILE\n");
}

#[test]
fn what_is_behind_descriptors_ends_with_memory() {
    hog("pipes", "pipe: ENOMEM\n");
    hog("empty_pipes", "pipe: ENOMEM\n");
    hog("sockets", "socketpair: ENOMEM\n");
    hog("counters", "eventfd: ENOMEM\n");
    hog("epolls", "epoll: ENOMEM\n");
    hog("memfds", "memfd: ENOSPC\n");
}

#[test]
fn locks_end_with_their_table() {
    hog("locks", "fcntl: ENOLCK\n");
}

#[test]
fn names_end_with_memory() {
    hog("folders", "mkdir: ENOMEM\n");
    hog("files", "open: ENOMEM\n");
    hog("small_files", "write: ENOSPC\n");
    hog("symlinks", "symlink: ENOMEM\n");
}

#[test]
fn links_and_depth_end_with_memory() {
    hog("links", "link: ENOMEM\n");
    hog("depth", "mkdir: ENOMEM\n");
}
