// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A shell at a terminal: `run -i`. Whatever ends it, the terminal is as it was.

use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths;
use seed_tests::program::{self, Program};
use seed_tests::terminal::Session;

const LIMIT: Duration = Duration::from_secs(30);

/// The command that runs an applet of busybox at the terminal.
fn command(backend: Backend, options: &str, applet: &str) -> String {
    let (seedvmm, busybox) = (paths::seedvmm(), program::path(Program::Busybox));
    let (seedvmm, busybox) = (seedvmm.display(), busybox.display());
    let backend = backend.options().join(" ");
    format!("'{seedvmm}' run -i {backend} {options} -- '{busybox}' {applet}")
}

/// Runs `command` in a session that says at the end whether the terminal's settings are the same.
fn session(command: &str) -> Session {
    let compare = "after=$(stty -g); [ \"$before\" = \"$after\" ] && echo terminal restored";
    Session::start(&format!("before=$(stty -g); {command}; echo status $?; {compare}"), LIMIT)
}

#[track_caller]
fn expect_end(mut session: Session, status: i32) {
    session.expect(&format!("status {status}\r\n"));
    session.expect("terminal restored");
    assert_eq!(session.status(), 0);
}

#[test]
fn a_shell_can_be_used() {
    for &backend in backend::available() {
        let mut session = session(&command(backend, "", "sh"));
        session.expect("# ");
        session.type_in("echo a$((1 + 1))b; tty; stty size\r");
        session.expect("a2b\r\n/dev/console\r\n");
        session.expect("# ");
        session.type_in("echo star''ted; cat > /tmp/x\r");
        session.expect("started\r\n");
        session.type_in("wrong\x15right\r\x04");
        session.expect("# ");
        session.type_in("cat /tmp/x; exit 7\r");
        session.expect("\r\nright\r\n");
        expect_end(session, 7);
    }
}

#[test]
fn keys_interrupt_and_stop_programs() {
    for &backend in backend::available() {
        let mut session = session(&command(backend, "", "sh"));
        session.expect("# ");
        // One that waits, and one that computes. Each says itself that it takes signals.
        let started = |program: &str| format!("sh -c \"echo star''ted; {program}\"\r");
        for program in ["exec sleep 1000", "while :; do :; done"] {
            session.type_in(&started(program));
            session.expect("started\r\n");
            session.type_in("\x03");
            session.expect("^C");
            session.expect("# ");
        }
        // One that answers: only then is it in the foreground, which the shell's own line precedes.
        session.type_in(&started("exec cat"));
        session.expect("started\r\n");
        session.type_in("\x1a");
        session.expect("Stopped");
        session.expect("# ");
        session.type_in("fg\r");
        session.expect("exec cat\"\r\n");
        session.type_in("word\r");
        session.expect("word\r\nword\r\n");
        session.type_in("\x03");
        session.expect("# ");
        session.type_in("exit 3\r");
        expect_end(session, 3);
    }
}

#[test]
fn a_program_that_asks_for_nothing_is_interrupted_too() {
    for &backend in backend::available() {
        let mut session = session(&command(backend, "", "sh -c 'echo ready; while :; do :; done'"));
        session.expect("ready\r\n");
        session.type_in("\x03");
        expect_end(session, 130);
    }
}

#[test]
fn the_terminal_is_restored_when_the_run_is_ended() {
    for &backend in backend::available() {
        let mut limited = session(&command(backend, "--timeout 1", "cat"));
        limited.expect("time limit");
        expect_end(limited, 124);

        let mut quit = session(&command(backend, "", "sh"));
        quit.expect("# ");
        quit.type_in("\x1d\x1d\x1d");
        quit.expect("Ctrl-]");
        expect_end(quit, 125);

        for (signal, status) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
            let command = command(backend, "", "sh -c 'echo ready; cat'");
            // A shell of its own says its number and becomes the command.
            let own = format!("(echo number $(exec sh -c 'echo $PPID').; exec {command})");
            let mut killed = session(&own);
            killed.expect("number ");
            let number = killed.expect(".").to_owned();
            killed.expect("ready");
            let kill = Command::new("kill").args(["-s", signal, &number]).status();
            assert!(kill.is_ok_and(|kill| kill.success()), "kill {number}");
            expect_end(killed, status);
        }
    }
}

#[test]
fn without_the_option_a_terminal_is_no_input() {
    for &backend in backend::available() {
        let command = command(backend, "", "cat").replace(" -i ", " ");
        expect_end(session(&command), 0);
    }
}
