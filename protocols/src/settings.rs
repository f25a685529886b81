// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Settings of a run that travel in the input archive.
//!
//! The archive may hold one entry named [`NAME`]: zero-terminated `key=value` strings. The kernel
//! takes it out before the program sees the files, so every backend obeys it alike. A key that the
//! kernel does not know is an error.

use crate::bytes::find_byte;
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
    /// The clock is the host's: what it said, in nanoseconds since 1970, in decimal digits.
    HostClock(&'a [u8]),
    /// Standard input comes over the serial line: [`STREAM`], or the size of a terminal as rows,
    /// `x`, columns. Without it standard input is at its end.
    Stdin(&'a [u8]),
}

/// Value of [`Setting::Stdin`] for what is no terminal.
pub const STREAM: &[u8] = b"stream";

/// Why settings cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The last string has no terminating zero.
    NotTerminated,
    /// A string without `=` or with an unknown key; its number, counted from 1.
    Unknown(usize),
    /// A value that is not made of the decimal numbers that it should be; its key.
    NotNumber(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTerminated => write!(f, "settings end without a terminating zero"),
            Self::Unknown(number) => write!(f, "setting {number} is not known to this kernel"),
            Self::NotNumber(key) => write!(f, "setting {key} is not a number as it should be"),
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
            Self::HostClock(value) => ("host-clock", value),
            Self::Stdin(value) => ("stdin", value),
        }
    }

    /// The value as a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self) -> Result<u64, Error> {
        let (key, value) = self.key_value();
        number(value).ok_or(Error::NotNumber(key))
    }

    /// Rows and columns of the terminal that standard input is; none for a stream.
    ///
    /// # Errors
    /// It is neither.
    pub fn terminal_size(&self) -> Result<Option<(u16, u16)>, Error> {
        let (key, value) = self.key_value();
        if value == STREAM {
            return Ok(None);
        }
        let size = find_byte(value, b'x').and_then(|at| {
            let (rows, columns) = (number(&value[..at])?, number(&value[at + 1..])?);
            Some((u16::try_from(rows).ok()?, u16::try_from(columns).ok()?))
        });
        size.map(Some).ok_or(Error::NotNumber(key))
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
        } else if let Some(value) = text.strip_prefix(b"stdin=") {
            Self::Stdin(value)
        } else if let Some(value) = text.strip_prefix(b"host-clock=") {
            Self::HostClock(value)
        } else {
            return None;
        })
    }
}

/// A number of 64 bits in decimal digits.
fn number(text: &[u8]) -> Option<u64> {
    let number = text.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    number.filter(|_| !text.is_empty())
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
    fn a_terminal_has_rows_and_columns_and_a_stream_none() {
        assert_eq!(Setting::Stdin(b"24x80").terminal_size(), Ok(Some((24, 80))));
        assert_eq!(Setting::Stdin(STREAM).terminal_size(), Ok(None));
        for bad in [&b""[..], b"x", b"24", b"24x", b"x80", b"70000x1", b"1x1x1", b"streams"] {
            assert_eq!(Setting::Stdin(bad).terminal_size(), Err(Error::NotNumber("stdin")));
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
