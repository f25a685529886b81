// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Settings of a terminal, as `tcsetattr(3)` and `ioctl_tty(2)` have them.

/// Input flag: a carriage return is taken for a line feed.
pub(super) const ICRNL: u32 = 0o400;
/// Input flag: some characters hold output up, and let it go on.
pub(super) const IXON: u32 = 0o2000;
/// Input flag: any character lets it go on.
pub(super) const IXANY: u32 = 0o4000;
const IUTF8: u32 = 0o40000;

const OPOST: u32 = 1;
const ONLCR: u32 = 4;

/// 8 bits, receiver on, at 38400 bit/s.
const CONTROL_DEFAULT: u32 = 0o60 | 0o200 | 0o17;

/// Local flag: some characters become signals.
pub(super) const ISIG: u32 = 1;
/// Local flag: input comes in lines.
pub(super) const ICANON: u32 = 2;
/// Local flag: input is shown.
pub(super) const ECHO: u32 = 0o10;
/// Local flag: an erased character vanishes from the screen.
pub(super) const ECHOE: u32 = 0o20;
/// Local flag: a line feed is shown even where nothing else is.
pub(super) const ECHONL: u32 = 0o100;
/// Local flag: what waits survives a signal.
pub(super) const NOFLSH: u32 = 0o200;
/// Local flag: output from the background stops who makes it.
const TOSTOP: u32 = 0o400;
/// Local flag: control characters are shown as `^X`.
pub(super) const ECHOCTL: u32 = 0o1000;
const ECHOK: u32 = 0o40;
const ECHOKE: u32 = 0o4000;
/// Local flag: words can be erased.
pub(super) const IEXTEN: u32 = 0o100_000;

/// Number of control characters that the kernel's structure has.
const NR_CONTROL: usize = 19;

/// Indices into the control characters.
pub(super) mod index {
    pub(in super::super) const VINTR: usize = 0;
    pub(in super::super) const VQUIT: usize = 1;
    pub(in super::super) const VERASE: usize = 2;
    pub(in super::super) const VKILL: usize = 3;
    pub(in super::super) const VEOF: usize = 4;
    pub(in super::super) const VTIME: usize = 5;
    pub(in super::super) const VMIN: usize = 6;
    pub(in super::super) const VSTART: usize = 8;
    pub(in super::super) const VSTOP: usize = 9;
    pub(in super::super) const VSUSP: usize = 10;
    pub(in super::super) const VEOL: usize = 11;
    pub(in super::super) const VWERASE: usize = 14;
}

/// Linux's control characters: ^C, ^\, DEL, ^U, ^D, 0, 1, 0, ^Q, ^S, ^Z, 0, ^R, ^O, ^W, ^V, 0.
const CONTROL_CHARACTERS: [u8; NR_CONTROL] =
    [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];

/// Linux's `struct termios`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termios {
    pub(super) input: u32,
    output: u32,
    control: u32,
    pub(super) local: u32,
    line: u8,
    pub(super) characters: [u8; NR_CONTROL],
}

impl Default for Termios {
    /// As a terminal is opened.
    fn default() -> Self {
        Self {
            input: ICRNL | IXON | IUTF8,
            output: OPOST | ONLCR,
            control: CONTROL_DEFAULT,
            local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            line: 0,
            characters: CONTROL_CHARACTERS,
        }
    }
}

impl Termios {
    /// Size in bytes.
    pub const SIZE: usize = 36;

    /// Reads the structure.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|index| bytes[at + index]));
        Self {
            input: word(0),
            output: word(4),
            control: word(8),
            local: word(12),
            line: bytes[16],
            characters: core::array::from_fn(|index| bytes[17 + index]),
        }
    }

    /// The structure's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let words = [self.input, self.output, self.control, self.local];
        for (target, word) in bytes.chunks_exact_mut(4).zip(words) {
            target.copy_from_slice(&word.to_le_bytes());
        }
        bytes[16] = self.line;
        bytes[17..].copy_from_slice(&self.characters);
        bytes
    }

    /// Whether a line feed that a program writes becomes carriage return and line feed.
    #[must_use]
    pub const fn returns_at_line_feed(&self) -> bool {
        self.output & (OPOST | ONLCR) == OPOST | ONLCR
    }

    /// Whether output from the background stops who makes it.
    #[must_use]
    pub const fn stops_output(&self) -> bool {
        self.local & TOSTOP != 0
    }

    /// Whether input comes in lines.
    #[must_use]
    pub const fn is_canonical(&self) -> bool {
        self.local & ICANON != 0
    }

    /// Fewest bytes that a read waits for where input does not come in lines.
    #[must_use]
    pub const fn minimum(&self) -> usize {
        self.characters[index::VMIN] as usize
    }

    /// Longest time that such a read waits, for its first byte if it needs none, else for each byte
    /// after that, in tenths of a second; 0 is for ever.
    #[must_use]
    pub const fn tenths(&self) -> u64 {
        self.characters[index::VTIME] as u64
    }
}

/// Linux's `struct winsize` without its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

impl WindowSize {
    /// Size of the structure in bytes.
    pub const SIZE: usize = 8;

    /// Reads the structure.
    #[must_use]
    pub fn parse(bytes: [u8; Self::SIZE]) -> Self {
        let [r0, r1, c0, c1, ..] = bytes;
        Self { rows: u16::from_le_bytes([r0, r1]), columns: u16::from_le_bytes([c0, c1]) }
    }

    /// The structure's bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let ([r0, r1], [c0, c1]) = (self.rows.to_le_bytes(), self.columns.to_le_bytes());
        [r0, r1, c0, c1, 0, 0, 0, 0]
    }
}
