// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Numbers as eight hexadecimal digits.

use crate::bytes::ONES;

/// A bit that no digit's value has.
const NO_DIGIT: u8 = 1 << 7;

/// What each byte says as a hexadecimal digit, or [`NO_DIGIT`].
static DIGIT_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0_u8;
    while value < 16 {
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Encodes a number as eight upper-case hexadecimal digits, most significant first.
#[must_use]
pub fn format_hex(value: u32) -> [u8; 8] {
    let word = u64::from(value);
    let words = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (words | words << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | pairs << 4) & (0x0f * ONES);
    let is_letter = ((nibbles + 6 * ONES) >> 4) & ONES;
    (nibbles + 0x30 * ONES + is_letter * 7).to_be_bytes()
}

/// Decodes eight hexadecimal digits of either case, most significant first.
#[must_use]
#[inline]
pub fn parse_hex(digits: [u8; 8]) -> Option<u32> {
    decode_hex(&digits)
}

/// [`parse_hex`] for digits in their place. Most numbers are below 2^16 and take few instructions,
/// each of which the kernel pays for.
#[inline]
pub(super) fn decode_hex(digits: &[u8; 8]) -> Option<u32> {
    let [high @ .., a, b, c, d] = digits;
    if high != b"0000" {
        return decode_large_hex(digits);
    }
    let value = |digit: &u8| DIGIT_VALUES[*digit as usize];
    let (a, b, c, d) = (value(a), value(b), value(c), value(d));
    if (a | b | c | d) & NO_DIGIT != 0 {
        return None;
    }
    Some(u32::from(a) << 12 | u32::from(b) << 8 | u32::from(c) << 4 | u32::from(d))
}

/// [`decode_hex`] for any number: all digits at once in one register.
#[inline(never)]
fn decode_large_hex(digits: &[u8; 8]) -> Option<u32> {
    let word = u64::from_be_bytes(*digits);
    // Letters have bit 6. Lower case becomes upper case; digits have that bit already.
    let is_letter = (word >> 6) & ONES;
    let folded = word | (0x20 * ONES);
    let values = folded.wrapping_sub(0x30 * ONES + is_letter * 0x27);
    // A value fits a digit, is above 9 exactly for letters, and did not need folding unless it is
    // a letter. Where a subtraction borrowed, a value does not fit.
    let is_above_nine = (values.wrapping_add(6 * ONES) >> 4) & ONES;
    let was_folded = (folded ^ word) & ((is_letter ^ ONES) << 5);
    let faults = (values & (0xf0 * ONES)) | (is_above_nine ^ is_letter) | was_folded;
    if faults != 0 {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let words = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let value = (words | words >> 16) as u32;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_strict() {
        assert_eq!(parse_hex(*b"0123abCD"), Some(0x0123_abcd));
        assert_eq!(parse_hex(*b"FFFFFFFF"), Some(u32::MAX));
        for bad in [b"0000000g", b"0000 000", b"0000000/", b"0000000:", b"0000000@", b"0000000`"] {
            assert_eq!(parse_hex(*bad), None);
        }
        for byte in 0..=255 {
            let expected = char::from(byte).to_digit(16);
            for neighbour in *b"09afAF" {
                let value = char::from(neighbour).to_digit(16).unwrap();
                let expected = expected.map(|digit| value * 0x101 + digit * 0x10);
                let mut digits = [b'0', b'0', b'0', b'0', b'0', neighbour, byte, neighbour];
                assert_eq!(parse_hex(digits), expected, "{digits:?}");
                digits[0] = b'7';
                let expected = expected.map(|value| 0x7000_0000 + value);
                assert_eq!(parse_hex(digits), expected, "{digits:?}");
            }
        }
    }

    #[test]
    fn hex_is_written_as_it_is_read() {
        assert_eq!(format_hex(0), *b"00000000");
        assert_eq!(format_hex(0x0123_abcd), *b"0123ABCD");
        assert_eq!(format_hex(0x9876_5eff), *b"98765EFF");
        assert_eq!(format_hex(u32::MAX), *b"FFFFFFFF");
    }
}
