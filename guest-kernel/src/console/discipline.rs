// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The line discipline: what is typed becomes lines, signals and an echo (`termios(3)`).

use super::termios::{
    ECHO, ECHOCTL, ECHOE, ECHONL, ICRNL, IEXTEN, ISIG, IXANY, IXON, NOFLSH, Termios, index,
};
use alloc::vec::Vec;

/// Most bytes of a line and of all that waits, as on Linux; what is typed beyond is lost.
const WAITING_MAX: usize = 4096;

/// A key that stands for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `SIGINT`
    Interrupt,
    /// `SIGQUIT`
    Quit,
    /// `SIGTSTP`
    Suspend,
}

/// Input of a terminal on its way to programs.
#[derive(Debug, Default)]
pub struct Discipline {
    termios: Termios,
    /// The line that is being typed.
    line: Vec<u8>,
    /// What can be read.
    ready: Vec<u8>,
    /// How that is parted into lines; one of no bytes is the end of a file.
    lengths: Vec<usize>,
    /// Whether a key holds output up.
    is_held: bool,
}

impl Discipline {
    /// The settings.
    #[must_use]
    pub fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Changes the settings. What was typed so far stays, as one line.
    pub fn set_termios(&mut self, termios: Termios) {
        if termios.is_canonical() != self.termios.is_canonical() {
            self.ready.append(&mut self.line);
            self.lengths.clear();
            if !self.ready.is_empty() {
                self.lengths.push(self.ready.len());
            }
        }
        self.is_held &= termios.input & IXON != 0;
        self.termios = termios;
    }

    /// Whether output is held up.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Forgets what was typed and not read.
    pub fn flush(&mut self) {
        self.line.clear();
        self.ready.clear();
        self.lengths.clear();
    }

    /// Takes a byte of the line; what is to be shown for it goes to `echo`. Returns the key of a
    /// signal.
    pub fn take(&mut self, byte: u8, echo: &mut Vec<u8>) -> Option<Key> {
        if self.termios.input & IXON != 0 {
            let is_stop = self.is(byte, index::VSTOP);
            if is_stop || self.is(byte, index::VSTART) {
                self.is_held = is_stop;
                return None;
            }
            self.is_held &= self.termios.input & IXANY == 0;
        }
        let byte = if byte == b'\r' && self.termios.input & ICRNL != 0 { b'\n' } else { byte };
        if let Some(key) = self.key(byte) {
            self.is_held = false;
            if self.termios.local & NOFLSH == 0 {
                self.flush();
            }
            self.show(byte, echo);
            return Some(key);
        }
        if self.termios.is_canonical() {
            self.edit(byte, echo);
        } else if self.ready.len() < WAITING_MAX {
            self.ready.push(byte);
            self.show(byte, echo);
        }
        None
    }

    /// Number of bytes that a read gets at once; none if it has to wait, or to look at the
    /// settings where input does not come in lines.
    #[must_use]
    pub fn nr_readable(&self) -> Option<usize> {
        match self.termios.is_canonical() {
            true => self.lengths.first().copied(),
            false => Some(self.ready.len()).filter(|&count| count > 0),
        }
    }

    /// Takes out at most `max` bytes of what [`Discipline::nr_readable`] counts.
    pub fn read(&mut self, max: usize) -> Vec<u8> {
        let count = self.nr_readable().unwrap_or(0).min(max);
        if self.termios.is_canonical()
            && let Some(length) = self.lengths.first_mut()
        {
            *length -= count;
            if *length == 0 {
                self.lengths.remove(0);
            }
        }
        self.ready.drain(..count).collect()
    }

    /// Whether a byte is a control character of the settings; 0 is none.
    fn is(&self, byte: u8, index: usize) -> bool {
        byte != 0 && self.termios.characters[index] == byte
    }

    fn key(&self, byte: u8) -> Option<Key> {
        if self.termios.local & ISIG == 0 {
            return None;
        }
        let keys = [
            (index::VINTR, Key::Interrupt),
            (index::VQUIT, Key::Quit),
            (index::VSUSP, Key::Suspend),
        ];
        keys.into_iter().find(|&(index, _)| self.is(byte, index)).map(|(_, key)| key)
    }

    /// A byte of a line.
    fn edit(&mut self, byte: u8, echo: &mut Vec<u8>) {
        if self.is(byte, index::VERASE) {
            self.erase(echo);
        } else if self.is(byte, index::VKILL) {
            while self.erase(echo) {}
        } else if self.is(byte, index::VWERASE) && self.termios.local & IEXTEN != 0 {
            while self.line.last().is_some_and(u8::is_ascii_whitespace) && self.erase(echo) {}
            while self.line.last().is_some_and(|b| !b.is_ascii_whitespace()) && self.erase(echo) {}
        } else if self.line.len() + self.ready.len() + self.lengths.len() >= WAITING_MAX {
            // Nobody reads.
        } else if self.is(byte, index::VEOF) {
            self.end_line();
        } else if byte == b'\n' || self.is(byte, index::VEOL) {
            if byte == b'\n' && self.termios.local & (ECHO | ECHONL) != 0 {
                echo.extend(b"\r\n");
            } else {
                self.show(byte, echo);
            }
            self.line.push(byte);
            self.end_line();
        } else if self.line.len() + self.ready.len() + self.lengths.len() < WAITING_MAX - 1 {
            self.line.push(byte);
            self.show(byte, echo);
        }
    }

    fn end_line(&mut self) {
        self.lengths.push(self.line.len());
        self.ready.append(&mut self.line);
    }

    /// Erases the last character; returns whether there was one.
    fn erase(&mut self, echo: &mut Vec<u8>) -> bool {
        let Some(mut last) = self.line.pop() else { return false };
        // The bytes of a character of UTF-8 go together.
        while last & 0xc0 == 0x80 {
            let Some(before) = self.line.pop() else { break };
            last = before;
        }
        if self.termios.local & (ECHO | ECHOE) == ECHO | ECHOE {
            let width = if self.is_shown_with_caret(last) { 2 } else { 1 };
            for _ in 0..width {
                echo.extend(b"\x08 \x08");
            }
        }
        true
    }

    fn is_shown_with_caret(&self, byte: u8) -> bool {
        let is_control = byte.is_ascii_control() && byte != b'\t' && byte != b'\n';
        is_control && self.termios.local & ECHOCTL != 0
    }

    fn show(&self, byte: u8, echo: &mut Vec<u8>) {
        if self.termios.local & ECHO == 0 {
            return;
        }
        if self.is_shown_with_caret(byte) {
            echo.extend([b'^', byte ^ 0x40]);
        } else if byte == b'\n' && self.termios.returns_at_line_feed() {
            echo.extend(b"\r\n");
        } else {
            echo.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::termios::{ICANON, index};
    use super::*;
    use std::string::String;

    /// Types a text; returns what was shown.
    fn type_in(discipline: &mut Discipline, text: &[u8]) -> String {
        let mut echo = Vec::new();
        for &byte in text {
            assert_eq!(discipline.take(byte, &mut echo), None);
        }
        String::from_utf8(echo).unwrap()
    }

    fn raw() -> Termios {
        let mut termios = Termios::default();
        termios.local &= !(ICANON | ECHO | ISIG);
        termios
    }

    #[test]
    fn a_line_can_be_read_when_it_is_complete_and_one_at_a_time() {
        let mut tty = Discipline::default();
        assert_eq!(type_in(&mut tty, b"ab"), "ab");
        assert_eq!(tty.nr_readable(), None);
        assert_eq!(type_in(&mut tty, b"c\rd\n"), "c\r\nd\r\n");
        assert_eq!(tty.nr_readable(), Some(4));
        assert_eq!((tty.read(2), tty.read(100)), (b"ab".to_vec(), b"c\n".to_vec()));
        assert_eq!(tty.read(100), b"d\n");
        assert_eq!(tty.nr_readable(), None);
    }

    #[test]
    fn characters_words_and_lines_are_erased() {
        let mut tty = Discipline::default();
        assert_eq!(type_in(&mut tty, "aä\x7f".as_bytes()), "aä\x08 \x08");
        assert_eq!(type_in(&mut tty, b"\x02\x7f"), "^B\x08 \x08\x08 \x08");
        type_in(&mut tty, b" one two \x17x\n");
        assert_eq!(tty.read(100), b"a one x\n");
        type_in(&mut tty, b"gone\x15\x7fkept\n");
        assert_eq!(tty.read(100), b"kept\n");
    }

    #[test]
    fn the_end_of_a_file_passes_on_what_is_there_and_then_nothing() {
        let mut tty = Discipline::default();
        assert_eq!(type_in(&mut tty, b"ab\x04\x04"), "ab");
        assert_eq!((tty.nr_readable(), tty.read(9)), (Some(2), b"ab".to_vec()));
        assert_eq!((tty.nr_readable(), tty.read(9)), (Some(0), Vec::new()));
        assert_eq!(tty.nr_readable(), None);
    }

    #[test]
    fn keys_become_signals_and_what_was_typed_is_gone() {
        let mut tty = Discipline::default();
        type_in(&mut tty, b"done\nabc");
        let mut echo = Vec::new();
        assert_eq!(tty.take(3, &mut echo), Some(Key::Interrupt));
        assert_eq!(echo, b"^C");
        assert_eq!(tty.nr_readable(), None);
        assert_eq!(tty.take(26, &mut echo), Some(Key::Suspend));
        assert_eq!(tty.take(28, &mut echo), Some(Key::Quit));
    }

    #[test]
    fn output_is_held_up_until_it_may_go_on() {
        let mut tty = Discipline::default();
        let mut is_held_after = |keys: &[u8]| {
            let mut echo = Vec::new();
            for &key in keys {
                let _ = tty.take(key, &mut echo);
            }
            tty.is_held()
        };
        assert!(is_held_after(b"\x13a"));
        assert!(!is_held_after(b"\x11"));
        assert!(is_held_after(b"\x13"));
        assert!(!is_held_after(b"\x03"), "a signal is to be seen");
        assert!(is_held_after(b"\x13"));
        tty.flush();
        let mut any = Termios::default();
        any.input |= IXANY;
        tty.set_termios(any);
        assert!(tty.is_held());
        assert_eq!(type_in(&mut tty, b"a\x13"), "a");
        let mut none = Termios::default();
        none.input &= !IXON;
        tty.set_termios(none);
        assert!(!tty.is_held());
        type_in(&mut tty, b"\x13\n");
        assert_eq!(tty.read(9), b"a\x13\n");
    }

    #[test]
    fn without_lines_every_byte_counts() {
        let mut tty = Discipline::default();
        type_in(&mut tty, b"left");
        tty.set_termios(raw());
        assert_eq!(type_in(&mut tty, b"\x03\x7f\n"), "");
        assert_eq!(tty.read(100), b"left\x03\x7f\n");
        assert_eq!(tty.nr_readable(), None);
        type_in(&mut tty, b"x");
        tty.set_termios(Termios::default());
        assert_eq!((tty.nr_readable(), tty.read(9)), (Some(1), b"x".to_vec()));
    }

    #[test]
    fn what_waits_is_bounded_and_a_full_line_can_be_ended() {
        let mut tty = Discipline::default();
        type_in(&mut tty, &[b'a'; 5000]);
        type_in(&mut tty, b"\n");
        assert_eq!(tty.read(usize::MAX).len(), WAITING_MAX);
        type_in(&mut tty, &[b'\n'; 9000]);
        type_in(&mut tty, &[4; 9000]);
        assert!(tty.ready.len() + tty.lengths.len() <= WAITING_MAX + 1);
        tty.flush();
        tty.set_termios(raw());
        type_in(&mut tty, &[b'a'; 5000]);
        assert_eq!(tty.nr_readable(), Some(WAITING_MAX));
    }

    #[test]
    fn settings_survive_their_structure() {
        let mut termios = raw();
        termios.characters[index::VTIME] = 7;
        let bytes = termios.to_bytes();
        assert_eq!(Termios::parse(&bytes), termios);
        assert_eq!((termios.tenths(), termios.minimum()), (7, 1));
    }
}
