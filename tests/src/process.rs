// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes under a time limit, with what they printed.

use std::env;
use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How a process ended and what it said.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command, for messages.
    pub command: String,
    /// Exit status, or 128 and the signal as shells count.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// From start to end.
    pub elapsed: Duration,
}

impl Outcome {
    /// Standard error as text.
    #[must_use]
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as text.
    #[must_use]
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Fails unless the status is `wanted`.
    ///
    /// # Panics
    /// It is another.
    #[track_caller]
    pub fn expect_status(&self, wanted: i32) -> &Self {
        assert!(self.status == wanted, "status {} instead of {wanted}\n{self}", self.status);
        self
    }

    /// Fails unless standard error is one line that holds each of `words`.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn expect_one_line(&self, words: &[&str]) -> &Self {
        let text = self.stderr_text();
        assert_eq!(text.lines().count(), 1, "standard error is not one line\n{self}");
        for word in words {
            assert!(text.contains(word), "standard error does not say {word:?}\n{self}");
        }
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, status, elapsed, .. } = self;
        writeln!(f, "command: {command}")?;
        writeln!(f, "status {status} after {} ms", elapsed.as_millis())?;
        writeln!(f, "--- standard output ---\n{}", excerpt(&self.stdout))?;
        writeln!(f, "--- standard error ---\n{}---", excerpt(&self.stderr))
    }
}

/// At most the last 8 KiB, as text.
fn excerpt(bytes: &[u8]) -> String {
    const LIMIT: usize = 8192;
    let start = bytes.len().saturating_sub(LIMIT);
    let dots = if start > 0 { "[...]" } else { "" };
    format!("{dots}{}", String::from_utf8_lossy(&bytes[start..]))
}

/// Runs a command to its end, with no standard input.
///
/// The limit is multiplied by `SEEDVMM_TEST_PATIENCE` where that is set, for slow machines.
///
/// # Panics
/// The command cannot start, or is still running when the limit is over.
pub fn run(command: &mut Command, limit: Duration) -> Outcome {
    let text = format!("{command:?}");
    let limit = limit * patience();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{text} does not start: {error}"));
    let stdout = collect(child.stdout.take().expect("it is piped"));
    let stderr = collect(child.stderr.take().expect("it is piped"));

    // Both ends of file come when the process and whatever it started are gone.
    let mut is_late = false;
    let mut take = |pipe: mpsc::Receiver<Vec<u8>>| {
        pipe.recv_timeout(limit.saturating_sub(start.elapsed())).unwrap_or_else(|_| {
            is_late = true;
            kill_group(child.id());
            pipe.recv().unwrap_or_default()
        })
    };
    let (stdout, stderr) = (take(stdout), take(stderr));
    let status = child.wait().expect("the child is ours");
    let status = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
    let outcome = Outcome { command: text, status, stdout, stderr, elapsed: start.elapsed() };
    assert!(!is_late, "still running after {} s\n{outcome}", limit.as_secs());
    outcome
}

/// The start of a command that runs what follows with mounts of its own: `unshare`, with a user
/// namespace where this user may not do without. `None` where neither is allowed.
#[must_use]
pub fn with_own_mounts() -> Option<Command> {
    let forms: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let is_allowed = |form: &&&[&str]| {
        let mut command = Command::new("unshare");
        command.args(**form).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let form = forms.iter().find(is_allowed)?;
    let mut command = Command::new("unshare");
    command.args(*form);
    Some(command)
}

/// The factor of every time limit.
pub(crate) fn patience() -> u32 {
    env::var("SEEDVMM_TEST_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // An error ends the output as its end does; what came before still counts.
        drop(pipe.read_to_end(&mut bytes));
        sender.send(bytes)
    });
    receiver
}

/// Ends a process group, so that a QEMU goes with the seedvmm that started it.
fn kill_group(leader: u32) {
    let killed = Command::new("kill").args(["-KILL", "--", &format!("-{leader}")]).status();
    assert!(killed.is_ok(), "kill(1) is missing");
}
