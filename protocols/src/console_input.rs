// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input on the serial line, from the monitor to the kernel.
//!
//! The line carries bytes and knows neither start nor end. So [`ESCAPE`] introduces what is no plain
//! byte: [`START`] stands before the first one, itself again stands for the byte, [`END`] for the end
//! of the input, after which nothing follows. What comes before the start is dropped: a port may lose
//! bytes while it is set up, so the monitor sends some that nobody misses.

/// Introduces a byte of the same value, the start, or the end: ASCII's "data link escape".
pub const ESCAPE: u8 = 0x10;

/// Behind [`ESCAPE`]: the input starts here. ASCII's "start of text".
pub const START: u8 = 0x02;

/// Behind [`ESCAPE`]: the input ends here. ASCII's "end of transmission".
pub const END: u8 = 0x04;

/// What comes before the input: bytes to be lost, and the start.
pub const START_SEQUENCE: [u8; 6] = [0, 0, 0, 0, ESCAPE, START];

/// The end of the input, as the line carries it.
pub const END_SEQUENCE: [u8; 2] = [ESCAPE, END];

/// `byte` as the line carries it.
pub fn encode(byte: u8) -> impl Iterator<Item = u8> {
    (byte == ESCAPE).then_some(ESCAPE).into_iter().chain([byte])
}

/// What a byte of the line brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A byte of the input.
    Byte(u8),
    /// The end of the input.
    End,
    /// Nothing yet.
    Nothing,
}

/// Takes the line's bytes apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    has_started: bool,
    is_escaped: bool,
}

impl Decoder {
    /// Takes the next byte of the line. An escape before any other byte than those that it may
    /// stand before is dropped.
    pub fn push(&mut self, byte: u8) -> Received {
        let is_escaped = core::mem::take(&mut self.is_escaped);
        match byte {
            START if is_escaped => {
                self.has_started = true;
                Received::Nothing
            }
            END if is_escaped && self.has_started => Received::End,
            ESCAPE if !is_escaped => {
                self.is_escaped = true;
                Received::Nothing
            }
            byte if self.has_started => Received::Byte(byte),
            _ => Received::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn receive(line: &[u8]) -> (Vec<u8>, usize) {
        let mut decoder = Decoder::default();
        let (mut bytes, mut ends) = (Vec::new(), 0);
        for &byte in line {
            match decoder.push(byte) {
                Received::Byte(byte) => bytes.push(byte),
                Received::End => ends += 1,
                Received::Nothing => {}
            }
        }
        (bytes, ends)
    }

    #[test]
    fn every_byte_passes_and_the_end_is_told() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = START_SEQUENCE.to_vec();
        line.extend(all.iter().copied().flat_map(encode));
        line.extend(END_SEQUENCE);
        assert_eq!(receive(&line), (all, 1));
    }

    #[test]
    fn bytes_lost_before_the_start_are_not_missed() {
        let mut line = START_SEQUENCE.to_vec();
        line.extend(b"text");
        for lost in 0..=4 {
            assert_eq!(receive(&line[lost..]), (b"text".to_vec(), 0));
        }
        assert_eq!(receive(&line[5..]), (Vec::new(), 0));
    }
}
