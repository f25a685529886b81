// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Shown: paths and names as messages have them.

use core::fmt::{self, Write as _};

/// Bytes that stay on one line: control characters, and what is no UTF-8, as `\xNN`.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    _ if character.is_control() => write!(f, "\\x{:02x}", u32::from(character))?,
                    _ => f.write_char(character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(format!("{}", Shown(b"caf\xc3\xa9\n\x1b[m\xff")), "caf\u{e9}\\x0a\\x1b[m\\xff");
    }
}
