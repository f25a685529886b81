// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Settings of a run that travel in the input archive.
//!
//! The archive may hold one entry named [`NAME`]: zero-terminated `key=value` strings. The kernel
//! takes it out before the program sees the files, so every backend obeys it alike. A key that the
//! kernel does not know is an error.

use crate::cpio::find_byte;
use core::fmt;

/// Name of the archive entry.
pub const NAME: &[u8] = b".seedvmm";

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<'a> {
    /// Path of the program to start instead of `/init`.
    Path(&'a [u8]),
    /// The next element of `argv`, the first being `argv[0]`.
    Arg(&'a [u8]),
    /// The next `KEY=VALUE` of the environment.
    Env(&'a [u8]),
    /// Working directory.
    Cwd(&'a [u8]),
    /// A path to bring back, relative to the root; in place of `out`, may be repeated.
    Export(&'a [u8]),
    /// Start of the clock in seconds since 1970, in decimal digits.
    Epoch(&'a [u8]),
    /// Seed of the random numbers, 64 bits in decimal digits.
    Seed(&'a [u8]),
}

/// Why settings cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The last string has no terminating zero.
    NotTerminated,
    /// A string without `=` or with an unknown key; its number, counted from 1.
    Unknown(usize),
    /// A value that is no decimal number of 64 bits; its key.
    NotNumber(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTerminated => write!(f, "settings end without a terminating zero"),
            Self::Unknown(number) => write!(f, "setting {number} is not known to this kernel"),
            Self::NotNumber(key) => write!(f, "setting {key} is not a number of 64 bits"),
        }
    }
}

impl core::error::Error for Error {}

impl<'a> Setting<'a> {
    /// Key and value, as the file has them.
    #[must_use]
    pub const fn key_value(&self) -> (&'static str, &'a [u8]) {
        match *self {
            Self::Path(value) => ("path", value),
            Self::Arg(value) => ("arg", value),
            Self::Env(value) => ("env", value),
            Self::Cwd(value) => ("cwd", value),
            Self::Export(value) => ("export", value),
            Self::Epoch(value) => ("epoch", value),
            Self::Seed(value) => ("seed", value),
        }
    }

    /// The value as a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self) -> Result<u64, Error> {
        let (key, value) = self.key_value();
        let digits = value.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|&digit| digit < 10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        });
        digits.filter(|_| !value.is_empty()).ok_or(Error::NotNumber(key))
    }

    #[inline]
    fn parse(text: &'a [u8]) -> Option<Self> {
        // A comparison of a few bytes for each key, the most frequent first.
        Some(if let Some(value) = text.strip_prefix(b"arg=") {
            Self::Arg(value)
        } else if let Some(value) = text.strip_prefix(b"env=") {
            Self::Env(value)
        } else if let Some(value) = text.strip_prefix(b"path=") {
            Self::Path(value)
        } else if let Some(value) = text.strip_prefix(b"cwd=") {
            Self::Cwd(value)
        } else if let Some(value) = text.strip_prefix(b"export=") {
            Self::Export(value)
        } else if let Some(value) = text.strip_prefix(b"epoch=") {
            Self::Epoch(value)
        } else if let Some(value) = text.strip_prefix(b"seed=") {
            Self::Seed(value)
        } else {
            return None;
        })
    }
}

/// The settings in `bytes`, in their order.
///
/// # Errors
/// As an item: a string that is no setting. At once: the end is missing.
#[inline]
pub fn parse(bytes: &[u8]) -> Result<Settings<'_>, Error> {
    match bytes {
        [] | [.., 0] => Ok(Settings { rest: bytes, taken: 0 }),
        _ => Err(Error::NotTerminated),
    }
}

/// The iterator that [`parse`] returns.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// Strings that each end in a zero.
    rest: &'a [u8],
    /// How many came before them.
    taken: usize,
}

impl<'a> Iterator for Settings<'a> {
    type Item = Result<Setting<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (text, rest) = self.rest.split_at_checked(find_byte(self.rest, 0)?)?;
        self.rest = rest.get(1..)?;
        self.taken += 1;
        Some(Setting::parse(text).ok_or(Error::Unknown(self.taken)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn settings_keep_their_order() {
        let all: Result<Vec<_>, _> =
            parse(b"path=/bin/sh\0arg=sh\0arg=\0env=A=b\0cwd=/x\0export=o\0").unwrap().collect();
        assert_eq!(
            all.unwrap(),
            [
                Setting::Path(b"/bin/sh"),
                Setting::Arg(b"sh"),
                Setting::Arg(b""),
                Setting::Env(b"A=b"),
                Setting::Cwd(b"/x"),
                Setting::Export(b"o"),
            ]
        );
    }

    #[test]
    fn numbers_are_decimal_and_fit_64_bits() {
        assert_eq!(Setting::Seed(b"18446744073709551615").number(), Ok(u64::MAX));
        for bad in [&b""[..], b"18446744073709551616", b"-1", b"+1", b"1 ", b"0x1"] {
            assert_eq!(Setting::Epoch(bad).number(), Err(Error::NotNumber("epoch")));
        }
    }

    #[test]
    fn an_empty_file_has_no_settings() {
        assert_eq!(parse(b"").unwrap().count(), 0);
    }

    #[test]
    fn damage_is_refused() {
        assert_eq!(parse(b"arg=x").err(), Some(Error::NotTerminated));
        let errors = |bytes| parse(bytes).unwrap().find_map(Result::err);
        assert_eq!(errors(b"arg=x\0\0"), Some(Error::Unknown(2)));
        assert_eq!(errors(b"colour=red\0"), Some(Error::Unknown(1)));
        assert_eq!(errors(b"arg\0"), Some(Error::Unknown(1)));
    }
}
