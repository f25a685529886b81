// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input, where the run has one: a stream of bytes or a terminal, by the console device.
//!
//! Nothing announces a byte, so the device is looked at whenever a program asks for input, when nobody
//! can run, and at each tick if it is a terminal's, whose keys are to interrupt programs.

use super::process::FIRST_PID;
use super::signal::Signal;
use super::target::Readiness;
use super::waiters::Waiters;
use crate::console::{Discipline, Key, WindowSize};
use crate::drivers::console::{BLOCK_MAX, Receiver};
use crate::drivers::serial;
use crate::end;
use crate::kernel::Kernel;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use seed_protocols::console_input::{Decoder, Received};

/// Most bytes of an echo that are kept while output is held up.
const ECHO_MAX: usize = 4096;

/// What the input is.
#[derive(Debug)]
pub enum Kind {
    /// Bytes, as they come.
    Stream(Vec<u8>),
    /// What somebody types.
    Terminal(Terminal),
}

/// A terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Its settings and what was typed.
    pub discipline: Discipline,
    /// Its size.
    pub window: WindowSize,
    /// The session whose terminal it is.
    pub session: u32,
    /// The process group of it that keys interrupt, and that may read.
    pub foreground: u32,
    /// When something was typed last.
    pub typed_at: u64,
    /// What is to be shown once output goes on.
    echo: Vec<u8>,
}

/// Standard input.
#[derive(Debug)]
pub struct ConsoleInput {
    /// What it is.
    pub kind: RefCell<Kind>,
    decoder: RefCell<Decoder>,
    /// The device, from when it was first looked at.
    device: RefCell<Option<Receiver>>,
    has_ended: Cell<bool>,
    /// Processes that wait for input, or until output goes on.
    pub waiters: Waiters,
    /// Number of calls at which all of these were found to wait for input indeed.
    checked_at: Cell<u64>,
}

impl ConsoleInput {
    /// A terminal of this size if there is one, else a stream.
    #[must_use]
    pub fn new(window: Option<WindowSize>) -> Self {
        let kind = match window {
            Some(window) => Kind::Terminal(Terminal {
                discipline: Discipline::default(),
                window,
                session: FIRST_PID,
                foreground: FIRST_PID,
                typed_at: 0,
                echo: Vec::new(),
            }),
            None => Kind::Stream(Vec::new()),
        };
        Self {
            kind: RefCell::new(kind),
            decoder: RefCell::default(),
            device: RefCell::default(),
            has_ended: Cell::new(false),
            waiters: Waiters::default(),
            checked_at: Cell::new(0),
        }
    }

    /// Whether it is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(*self.kind.borrow(), Kind::Terminal(_))
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// Number of bytes that a read gets at once, 0 at the end; none if it has to wait.
    #[must_use]
    pub fn nr_readable(&self) -> Option<usize> {
        let count = match &*self.kind.borrow() {
            Kind::Stream(bytes) => Some(bytes.len()).filter(|&count| count > 0),
            Kind::Terminal(terminal) => terminal.discipline.nr_readable(),
        };
        count.or_else(|| self.has_ended().then_some(0))
    }

    /// Takes out at most `max` of those bytes.
    #[must_use]
    pub fn read(&self, max: usize) -> Vec<u8> {
        match &mut *self.kind.borrow_mut() {
            Kind::Stream(bytes) => {
                let count = bytes.len().min(max);
                bytes.drain(..count).collect()
            }
            Kind::Terminal(terminal) => terminal.discipline.read(max),
        }
    }

    /// Whether a key holds output up.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &*self.kind.borrow() {
            Kind::Stream(_) => false,
            Kind::Terminal(terminal) => terminal.discipline.is_held() && !self.has_ended(),
        }
    }

    /// What it is ready for.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness::default()
            .with(Readiness::WRITE, !self.is_held())
            .with(Readiness::READ, self.nr_readable().is_some())
            .with(Readiness::HANG_UP, self.has_ended() && self.is_terminal())
    }

    /// Whether what comes in is to be taken: of a stream only what is wanted, as the rest is the
    /// next reader's; of a terminal all, so that keys are heard, and what is too much is lost.
    fn has_room(&self) -> bool {
        match &*self.kind.borrow() {
            Kind::Stream(bytes) => bytes.is_empty(),
            Kind::Terminal(_) => true,
        }
    }

    /// Takes what has come in at the device; returns how many bytes that was.
    fn receive(&self, block: &mut [u8; BLOCK_MAX]) -> usize {
        let mut device = self.device.borrow_mut();
        if device.is_none() {
            *device = Receiver::start().unwrap_or_else(|error| {
                end::say(&format_args!("the console device: {error}"));
                None
            });
            // A machine that somebody made by hand may have none.
            self.has_ended.set(device.is_none());
        }
        device.as_mut().map_or(0, |device| device.receive(block))
    }

    /// Takes bytes of the device; returns the signals that come of them.
    fn take(&self, block: &[u8]) -> Vec<Signal> {
        let mut signals = Vec::new();
        let mut kind = self.kind.borrow_mut();
        for &byte in block {
            match (self.decoder.borrow_mut().push(byte), &mut *kind) {
                (Received::Nothing, _) | (Received::Window(..), Kind::Stream(_)) => {}
                (Received::End, _) => self.has_ended.set(true),
                (Received::Byte(byte), Kind::Stream(bytes)) => bytes.push(byte),
                (Received::Byte(byte), Kind::Terminal(terminal)) => {
                    let key = terminal.discipline.take(byte, &mut terminal.echo);
                    signals.extend(key.map(|key| match key {
                        Key::Interrupt => Signal::SIGINT,
                        Key::Quit => Signal::SIGQUIT,
                        Key::Suspend => Signal::SIGTSTP,
                    }));
                }
                (Received::Window(rows, columns), Kind::Terminal(terminal)) => {
                    signals.extend(terminal.resize(WindowSize { rows, columns }));
                }
            }
        }
        if let Kind::Terminal(terminal) = &mut *kind {
            terminal.show_echo();
        }
        signals
    }
}

impl Terminal {
    /// Notes the window's size; returns the signal that tells programs of a change.
    #[must_use]
    pub fn resize(&mut self, window: WindowSize) -> Option<Signal> {
        let before = core::mem::replace(&mut self.window, window);
        (before != window).then_some(Signal::SIGWINCH)
    }

    /// Shows what was typed, unless output is held up.
    pub fn show_echo(&mut self) {
        if self.discipline.is_held() {
            self.echo.truncate(ECHO_MAX);
        } else if !self.echo.is_empty() {
            serial::write(&self.echo);
            self.echo.clear();
        }
    }
}

impl Kernel {
    /// Takes what has come in, if it is wanted. Returns whether there was something.
    pub fn look_for_input(&mut self) -> bool {
        let Some(input) = self.input.clone() else { return false };
        let mut block = [0; BLOCK_MAX];
        if input.has_ended() || !input.has_room() {
            return false;
        }
        let count = input.receive(&mut block);
        if count == 0 {
            return false;
        }
        for signal in input.take(&block[..count]) {
            self.signal_foreground(&input, signal);
        }
        let now = self.now();
        if let Kind::Terminal(terminal) = &mut *input.kind.borrow_mut() {
            terminal.typed_at = now;
        }
        self.wake(&input.waiters);
        true
    }

    /// Sends a signal to the processes in the foreground.
    pub fn signal_foreground(&mut self, input: &ConsoleInput, signal: Signal) {
        let Kind::Terminal(Terminal { foreground, .. }) = *input.kind.borrow() else { return };
        self.signal_group(foreground, signal);
    }

    /// Whether there is a terminal, which is what `/dev/tty` stands for.
    #[must_use]
    pub fn has_terminal(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.is_terminal())
    }

    /// Whether the device is to be looked at while nobody runs: a stream only for who waits for it.
    pub(super) fn listens_to_input(&self) -> bool {
        let input = self.input.as_ref();
        input.is_some_and(|input| input.is_terminal() || !input.waiters.is_empty())
    }

    /// Whether somebody waits for input that may still come, when nobody can run. Those who are
    /// noted may have gone on to wait for something else: they are woken once to find out.
    pub(super) fn is_input_awaited(&mut self) -> bool {
        let Some(input) = self.input.clone() else { return false };
        if input.has_ended() || input.waiters.is_empty() {
            return false;
        }
        if input.checked_at.replace(self.nr_calls) != self.nr_calls {
            let noted = input.waiters.take_unchanged();
            for pid in noted {
                self.wake_process(pid);
            }
        }
        true
    }
}
