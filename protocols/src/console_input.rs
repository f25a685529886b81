// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Standard input on the console device, from the monitor to the kernel.
//! The device carries bytes alone. So [`ESCAPE`] introduces what is no plain byte: itself again
//! stands for the byte, [`END`] for the end of the input, after which nothing follows, and [`WINDOW`]
//! for the size of the terminal's window, which comes behind it.

/// Introduces a byte of the same value, the end, or a window: ASCII's "data link escape".
pub const ESCAPE: u8 = 0x10;

/// Behind [`ESCAPE`]: the input ends here. ASCII's "end of transmission".
pub const END: u8 = 0x04;

/// Behind [`ESCAPE`]: the window's lines and columns follow, 16 bits each, the low byte first.
/// ASCII's "device control one".
pub const WINDOW: u8 = 0x11;

/// The end of the input, as the device carries it.
pub const END_SEQUENCE: [u8; 2] = [ESCAPE, END];

/// `byte` as the device carries it.
pub fn encode(byte: u8) -> impl Iterator<Item = u8> {
    (byte == ESCAPE).then_some(ESCAPE).into_iter().chain([byte])
}

/// The size of a window, as the device carries it.
#[must_use]
pub fn encode_window(rows: u16, columns: u16) -> [u8; 6] {
    let ([r0, r1], [c0, c1]) = (rows.to_le_bytes(), columns.to_le_bytes());
    [ESCAPE, WINDOW, r0, r1, c0, c1]
}

/// What a byte of the device brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A byte of the input.
    Byte(u8),
    /// The end of the input.
    End,
    /// The window has so many lines and columns.
    Window(u16, u16),
    /// Nothing yet.
    Nothing,
}

/// Takes the device's bytes apart.
#[derive(Clone, Copy, Debug, Default)]
pub enum Decoder {
    /// A plain byte may come.
    #[default]
    Plain,
    /// [`ESCAPE`] came.
    Escaped,
    /// So many bytes of a window came, and what they were.
    Window(usize, [u8; 3]),
}

impl Decoder {
    /// Takes the next byte. An escape before any other byte than those that it may stand before is
    /// dropped.
    pub fn push(&mut self, byte: u8) -> Received {
        let (next, received) = match (*self, byte) {
            (Self::Window(3, [r0, r1, c0]), c1) => {
                let (rows, columns) = (u16::from_le_bytes([r0, r1]), u16::from_le_bytes([c0, c1]));
                (Self::Plain, Received::Window(rows, columns))
            }
            (Self::Window(count, mut bytes), byte) => {
                bytes[count] = byte;
                (Self::Window(count + 1, bytes), Received::Nothing)
            }
            (Self::Escaped, END) => (Self::Plain, Received::End),
            (Self::Escaped, WINDOW) => (Self::Window(0, [0; 3]), Received::Nothing),
            (Self::Plain, ESCAPE) => (Self::Escaped, Received::Nothing),
            (Self::Plain | Self::Escaped, byte) => (Self::Plain, Received::Byte(byte)),
        };
        *self = next;
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn receive(line: &[u8]) -> Vec<Received> {
        let mut decoder = Decoder::default();
        let all = line.iter().map(|&byte| decoder.push(byte));
        all.filter(|received| *received != Received::Nothing).collect()
    }

    #[test]
    fn every_byte_passes_and_the_end_is_told() {
        let line: Vec<u8> = (0..=255).flat_map(encode).chain(END_SEQUENCE).collect();
        let wanted: Vec<_> = (0..=255).map(Received::Byte).chain([Received::End]).collect();
        assert_eq!(receive(&line), wanted);
    }

    #[test]
    fn a_window_passes_whatever_its_size() {
        let mut line = b"a".to_vec();
        line.extend(encode_window(0x1004, 0x1110));
        line.extend(b"b");
        let window = Received::Window(0x1004, 0x1110);
        assert_eq!(receive(&line), [Received::Byte(b'a'), window, Received::Byte(b'b')]);
    }
}
