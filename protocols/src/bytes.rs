// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bytes looked at eight together: searching, comparing, ordering.

/// A one in each of eight bytes.
pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;

/// The first eight bytes as a big-endian word, zeros standing for bytes that are not there: words
/// compare as the bytes do.
#[must_use]
#[inline]
pub fn leading_word(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
        return u64::from(first) << 32 | u64::from(last) << (64 - 8 * bytes.len());
    }
    match *bytes {
        [a, b, c, ..] => u64::from(a) << 56 | u64::from(b) << 48 | u64::from(c) << 40,
        [a, b] => u64::from(a) << 56 | u64::from(b) << 48,
        [a] => u64::from(a) << 56,
        [] => 0,
    }
}

/// The highest bit of each byte of a word that is zero.
#[inline]
pub(crate) const fn zero_bytes(word: u64) -> u64 {
    let low_bits = 0x7f * ONES;
    !(((word & low_bits) + low_bits) | word) & (0x80 * ONES)
}

/// The byte, counted from the lowest, that the lowest bit of `matches` is in; 8 if there is none.
#[inline]
pub(crate) const fn first_of(matches: u64) -> usize {
    matches.trailing_zeros() as usize / 8
}

/// Where `byte` first stands in `bytes`, eight of them looked at together.
#[must_use]
#[inline]
pub fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    // The lowest bit is that of the first byte that is found; a borrow may set higher ones.
    let matches = |word: u64| {
        let word = word ^ (u64::from(byte) * ONES);
        word.wrapping_sub(ONES) & !word & (0x80 * ONES)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        let found = first_of(matches(leading_word(bytes).swap_bytes()));
        // Behind the end the word has zeros, which are no bytes.
        return (found < bytes.len()).then_some(found);
    };
    for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let matches = matches(u64::from_le_bytes(*word));
        if matches != 0 {
            return Some(index * 8 + first_of(matches));
        }
    }
    match matches(u64::from_le_bytes(*last)) {
        0 => None,
        matches => Some(bytes.len() - 8 + first_of(matches)),
    }
}

/// Whether `bytes` start with `prefix`, eight of them compared together.
#[must_use]
#[inline]
pub fn has_prefix(bytes: &[u8], prefix: &[u8]) -> bool {
    let Some(start) = bytes.get(..prefix.len()) else { return false };
    let ((words, rest), (prefix_words, prefix_rest)) =
        (start.as_chunks::<8>(), prefix.as_chunks::<8>());
    let same = |(left, right): (&[u8; 8], &[u8; 8])| {
        u64::from_le_bytes(*left) == u64::from_le_bytes(*right)
    };
    words.iter().zip(prefix_words).all(same) && leading_word(rest) == leading_word(prefix_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        for length in 0..40 {
            let mut bytes = std::vec![b'x'; length];
            assert_eq!(find_byte(&bytes, b'/'), None);
            assert_eq!(find_byte(&bytes, 0), None);
            for at in (0..length).rev() {
                bytes[at] = b'/';
                assert_eq!(find_byte(&bytes, b'/'), Some(at));
            }
        }
        assert_eq!(find_byte(b"\xaf\x2e\x30\x2f", b'/'), Some(3));
    }

    #[test]
    fn prefixes_are_told_from_others() {
        let bytes = b"0123456789abcdefghi";
        for length in 0..bytes.len() {
            let mut prefix = bytes[..length].to_vec();
            assert!(has_prefix(bytes, &prefix));
            for at in 0..length {
                prefix[at] ^= 0x80;
                assert!(!has_prefix(bytes, &prefix));
                prefix[at] ^= 0x80;
            }
        }
        assert!(!has_prefix(b"abc", b"abc\0"));
    }

    #[test]
    fn leading_words_compare_as_bytes_do() {
        assert_eq!(leading_word(b"abcdefgh-"), 0x6162_6364_6566_6768);
        assert_eq!(leading_word(b"abcdefg"), 0x6162_6364_6566_6700);
        assert_eq!(leading_word(b"abcde"), 0x6162_6364_6500_0000);
        assert_eq!(leading_word(b"abcd"), 0x6162_6364_0000_0000);
        assert_eq!(leading_word(b"abc"), 0x6162_6300_0000_0000);
        assert_eq!(leading_word(b"ab"), 0x6162_0000_0000_0000);
        assert_eq!(leading_word(b"a"), 0x6100_0000_0000_0000);
        assert_eq!(leading_word(b""), 0);
    }
}
