// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Settings of a run that travel in the input archive.
//!
//! The archive may hold one entry named [`NAME`]: zero-terminated `key=value` strings. The kernel
//! takes it out before the program sees the files, so every backend obeys it alike. A key that the
//! kernel does not know is an error.

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

    fn parse(text: &'a [u8]) -> Option<Self> {
        let equals = text.iter().position(|&byte| byte == b'=')?;
        let value = &text[equals + 1..];
        Some(match &text[..equals] {
            b"path" => Self::Path(value),
            b"arg" => Self::Arg(value),
            b"env" => Self::Env(value),
            b"cwd" => Self::Cwd(value),
            b"export" => Self::Export(value),
            b"epoch" => Self::Epoch(value),
            b"seed" => Self::Seed(value),
            _ => return None,
        })
    }
}

/// The settings in `bytes`, in their order.
///
/// # Errors
/// As an item: a string that is no setting. At once: the end is missing.
pub fn parse(bytes: &[u8]) -> Result<impl Iterator<Item = Result<Setting<'_>, Error>>, Error> {
    let strings = match bytes {
        [] => bytes,
        [strings @ .., 0] => strings,
        _ => return Err(Error::NotTerminated),
    };
    let count = if bytes.is_empty() { 0 } else { usize::MAX };
    Ok(strings
        .split(|&byte| byte == 0)
        .take(count)
        .enumerate()
        .map(|(index, text)| Setting::parse(text).ok_or(Error::Unknown(index + 1))))
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
