// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a terminal does to the programs at it. Each session is had at the host's own terminal too.

use std::process::Command;
use std::time::Duration;

use seed_tests::backend;
use seed_tests::paths;
use seed_tests::program::{self, Program};
use seed_tests::terminal::Session;

const LIMIT: Duration = Duration::from_secs(30);

/// The commands that run an applet of busybox at a terminal, whose shell has `> ` for a prompt: on
/// the host, and on each backend.
fn commands(applet: &str) -> Vec<String> {
    let (seedvmm, busybox) = (paths::seedvmm(), program::path(Program::Busybox));
    let (seedvmm, busybox) = (seedvmm.display(), busybox.display());
    let guests = backend::available().iter().map(|backend| {
        let backend = backend.options().join(" ");
        format!("'{seedvmm}' run -i {backend} --env 'PS1=> ' -- '{busybox}' {applet}")
    });
    [format!("env 'PS1=> ' '{busybox}' {applet}")].into_iter().chain(guests).collect()
}

/// Has `act` use a shell, everywhere.
fn with_shells(act: impl Fn(&mut Session)) {
    for command in commands("sh -i") {
        let mut session = Session::start(&command, LIMIT);
        session.expect("> ");
        act(&mut session);
        session.type_in("exit 7\r");
        assert_eq!(session.status(), 7, "{command}");
    }
}

/// Has the shell wait until the job that was started last has stopped, and list it.
fn list_stopped_job(session: &mut Session) {
    session.type_in("p=$!; until read -r a b c d < /proc/$p/stat; [ $c = T ]; do :; done\r");
    session.expect("> ");
    session.type_in("jobs\r");
    session.expect("jobs\r\n");
}

/// Ends the job that has stopped.
fn kill_job(session: &mut Session) {
    session.type_in("kill -9 %1; fg; echo status $?\r");
    session.expect("\r\nstatus 137\r\n");
}

#[test]
fn who_reads_in_the_background_stops() {
    with_shells(|session| {
        session.type_in("cat &\r");
        list_stopped_job(session);
        session.expect("Stopped (tty input)");
        session.type_in("fg\r");
        session.expect("fg\r\ncat\r\n");
        session.type_in("text\r");
        session.expect("text\r\ntext\r\n");
        session.type_in("\x1a");
        session.expect("Stopped");
        session.type_in("bg\r");
        session.expect("cat\r\n");
        session.type_in("until read -r a b c d < /proc/$p/stat; [ $c = T ]; do :; done; jobs\r");
        session.expect("Stopped (tty input)");
        kill_job(session);
    });
}

#[test]
fn who_cannot_be_stopped_gets_an_error() {
    with_shells(|session| {
        session.type_in("(trap '' TTIN; cat 2>&1; echo status $?) & wait; echo ov''er\r");
        session.expect("cat: read error: Input/output error\r\nstatus 1\r\n");
        session.expect("over\r\n");
        // Nobody is left who could make it go on: its parent has ended.
        let orphan =
            "while read -r a b c d < /proc/$p/stat && [ $c != Z ]; do :; done; cat <&3 2>&1";
        session.type_in(&format!("sh -c 'p=$$; exec 3<&0; ({orphan}; echo left $?) &' &\r"));
        session.expect("cat: read error: Input/output error\r\nleft 1\r\n");
        session.type_in("\r");
    });
}

#[test]
fn who_is_left_alone_is_not_left_stopped() {
    with_shells(|session| {
        let stopped = "trap 'echo hung up' HUP; kill -STOP \\$\\$; echo woken";
        session.type_in(&format!("export STOPPED=\"{stopped}\"\r"));
        session.expect("\r\n");
        // The one that would make the other go on ends when that has stopped.
        let wait = "until read -r a b c d < /proc/$p/stat; [ $c = T ]; do :; done";
        session.type_in(&format!("sh -c 'sh -c \"$STOPPED\" & p=$!; {wait}' &\r"));
        session.expect("hung up\r\nwoken\r\n");
        session.type_in("\r");
    });
}

#[test]
fn who_changes_the_terminal_from_the_background_stops() {
    with_shells(|session| {
        session.type_in("stty tostop; echo o''ut &\r");
        list_stopped_job(session);
        session.expect("Stopped (tty output)");
        session.type_in("fg\r");
        session.expect("\r\nout\r\n");
        session.type_in("stty -tostop; echo o''ut2 & wait\r");
        session.expect("\r\nout2\r\n");
        session.type_in("stty -echo &\r");
        list_stopped_job(session);
        session.expect("Stopped (tty output)");
        kill_job(session);
        session.type_in("(trap '' TTOU; stty -echonl; echo status $?) & wait\r");
        session.expect("\r\nstatus 0\r\n");
    });
}

#[test]
fn output_can_be_held_up() {
    // The program that writes lives as long as output is held up, which the script ends itself: on
    // the host it could not, as `stty` waits there until the output was sent.
    let script = "sh -c 'stty -echo; echo ready; read -r go; (echo text) & p=$!; i=0; \
                  while [ $i -lt 2000 ] && kill -0 $p; do i=$((i + 1)); done; \
                  stty -ixon; wait; echo after $i'";
    for command in &commands(script)[1..] {
        let mut session = Session::start(command, LIMIT);
        session.expect("ready\r\n");
        session.type_in("\x13go\r");
        session.expect("text\r\n");
        session.expect("after 2000\r\n");
        assert_eq!(session.status(), 0, "{command}");
    }
}

#[test]
fn a_read_ends_when_nothing_follows_in_time() {
    let script = "sh -c 'stty -icanon -echo min 5 time 2; echo ready; \
                  dd bs=10 count=1 2>/dev/null | wc -c; dd bs=5 count=1 2>/dev/null'";
    for command in commands(script) {
        let mut session = Session::start(&command, LIMIT);
        session.expect("ready\r\n");
        session.type_in("abc");
        session.expect("3\r\n");
        session.type_in("defgh");
        session.expect("defgh");
        assert_eq!(session.status(), 0, "{command}");
    }
}

#[test]
fn the_windows_size_follows() {
    let script = "sh -c 'stty size; trap \"stty size; exit 7\" WINCH; echo ready; \
                  while :; do sleep 1; done'";
    for command in commands(script) {
        let mut session = Session::start(&format!("tty; stty rows 30 cols 100; {command}"), LIMIT);
        let terminal = session.expect("\r\n").to_owned();
        session.expect("30 100\r\nready\r\n");
        let arguments = ["-F", &terminal, "rows", "41", "cols", "123"];
        assert!(Command::new("stty").args(arguments).status().is_ok_and(|stty| stty.success()));
        session.expect("41 123\r\n");
        assert_eq!(session.status(), 7, "{command}");
    }
}

#[test]
fn a_run_that_is_stopped_gives_the_terminal_back() {
    for command in &commands("sh -i")[1..] {
        // Each job is a process group of its own, and says its number before it becomes the command.
        let job = format!("(echo number $(exec sh -c 'echo $PPID').; exec {command})");
        let compare = "[ \"$(stty -g)\" = \"$before\" ] && echo restored";
        let script = format!(
            "set -m; before=$(stty -g); {job}; echo stopped $?; {compare}; \
             fg > /dev/null; echo ended $?; {compare}"
        );
        let mut session =
            Session::start(&format!("bash -c '{}'", script.replace('\'', "'\\''")), LIMIT);
        session.expect("number ");
        let number = session.expect(".").to_owned();
        session.expect("> ");
        let kill = Command::new("kill").args(["-s", "TSTP", &number]).status();
        assert!(kill.is_ok_and(|kill| kill.success()), "kill {number}");
        session.expect("stopped 148\r\n");
        session.expect("restored\r\n");
        // Raw again: the shell in the guest does the echo, and not the host's terminal as well.
        session.type_in("echo a$((1 + 1))b\r");
        session.expect("a2b\r\n> ");
        session.type_in("exit 7\r");
        session.expect("exit 7\r\nended 7\r\n");
        session.expect("restored\r\n");
        assert_eq!(session.status(), 0, "{command}");
    }
}
