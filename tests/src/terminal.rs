// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sessions at a terminal: a shell command on a pseudo-terminal of `script(1)`, what is typed, and
//! what comes on the screen.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::process;

/// A command at a terminal.
#[derive(Debug)]
pub struct Session {
    child: Child,
    keyboard: ChildStdin,
    pieces: mpsc::Receiver<Vec<u8>>,
    screen: String,
    /// How much of the screen was expected already.
    seen: usize,
    deadline: Instant,
}

impl Session {
    /// Starts a shell command, with no signal ignored: who runs the tests by `nohup`, or in the
    /// background of a script, has some ignored by everybody they start.
    ///
    /// The limit is multiplied as that of [`process::run`] is.
    ///
    /// # Panics
    /// There is no `env(1)`.
    #[must_use]
    pub fn start(command: &str, limit: Duration) -> Self {
        let mut child = Command::new("env")
            .args(["--default-signal", "script", "--quiet", "--return", "--flush"])
            .args(["--command", command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("env(1) does not start: {error}"));
        let keyboard = child.stdin.take().expect("it is piped");
        let mut output = child.stdout.take().expect("it is piped");
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        let deadline = Instant::now() + limit * process::patience();
        Self { child, keyboard, pieces, screen: String::new(), seen: 0, deadline }
    }

    /// Types keys.
    ///
    /// # Panics
    /// The session is over.
    pub fn type_in(&mut self, keys: &str) {
        let typed = self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush());
        typed.unwrap_or_else(|error| panic!("{error}; the screen:\n{}", self.screen));
    }

    /// Waits until a text appears that was not expected before; returns what came before it.
    ///
    /// # Panics
    /// It does not come.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> &str {
        let start = self.seen;
        loop {
            if let Some(length) = self.screen[start..].find(text) {
                self.seen += length + text.len();
                return &self.screen[start..start + length];
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.screen.push_str(&String::from_utf8_lossy(&piece)),
                Err(_) => {
                    // Whatever happened, nothing is left behind.
                    let _ = self.child.kill();
                    panic!("no {text:?}; the screen:\n{}", self.screen);
                }
            }
        }
    }

    /// Waits for the end; the command's status.
    ///
    /// # Panics
    /// It goes on.
    #[track_caller]
    pub fn status(mut self) -> i32 {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.screen.push_str(&String::from_utf8_lossy(&piece)),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("it does not end; the screen:\n{}", self.screen);
                }
            }
        }
        let status = self.child.wait().expect("the child is ours");
        status.code().unwrap_or(-1)
    }
}
