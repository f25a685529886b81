// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Names of directory entries, compared eight bytes at a time.
//!
//! A name starts with its key, the first eight bytes as a number: most comparisons end there.

use alloc::borrow::Cow;
use core::cmp::Ordering;
use seed_protocols::bytes::leading_word;

/// A name with its key; order is that of the bytes.
#[derive(Debug)]
pub(super) struct Name {
    key: u64,
    bytes: Cow<'static, [u8]>,
}

impl Name {
    /// A name that stays in the archive, or one of its own.
    pub(super) fn new(bytes: Cow<'static, [u8]>) -> Self {
        Self { key: leading_word(&bytes), bytes }
    }

    /// The name itself.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this name comes behind another one.
    #[inline]
    pub(super) fn is_behind(&self, other: &Self) -> bool {
        other.compare(self.key, &self.bytes) == Ordering::Less
    }

    /// How this name stands to another one, whose key is `key`.
    #[inline]
    pub(super) fn compare(&self, key: u64, bytes: &[u8]) -> Ordering {
        if self.key != key {
            return self.key.cmp(&key);
        }
        if self.bytes.len() <= size_of_val(&key) && bytes.len() <= size_of_val(&key) {
            // No name has a zero byte: equal keys have no room for another length.
            return Ordering::Equal;
        }
        compare_behind_key(&self.bytes, bytes)
    }
}

/// Compares names whose first eight bytes agree.
fn compare_behind_key(mut left: &[u8], mut right: &[u8]) -> Ordering {
    // No name has a zero byte, so where words are equal and one name ends, the shorter one is the
    // start of the other.
    while left.len() > 8 && right.len() > 8 {
        (left, right) = (&left[8..], &right[8..]);
        let (left_word, right_word) = (leading_word(left), leading_word(right));
        if left_word != right_word {
            return left_word.cmp(&right_word);
        }
    }
    left.len().cmp(&right.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn names_are_ordered_as_their_bytes() {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for length in 1..20 {
            for last in [b'!', b'a', b'b', 0xff] {
                let mut name = std::vec![b'a'; length];
                *name.last_mut().unwrap() = last;
                all.push(name);
            }
        }
        for left in &all {
            let name = Name::new(Cow::Owned(left.clone()));
            for right in &all {
                let order = name.compare(leading_word(right), right);
                assert_eq!(order, left.as_slice().cmp(right.as_slice()), "{left:?} {right:?}");
            }
        }
    }
}
