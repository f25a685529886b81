// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The time that every entry of an archive carries.
//!
//! Times of files differ between two copies of the same files, so none is taken over: the time is
//! 1 January 1970, or `SOURCE_DATE_EPOCH` where that is set (the reproducible-builds.org
//! specification of that variable).

use std::ffi::{OsStr, OsString};

use thiserror::Error;

/// Name of the variable.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The variable is not what its specification says.
#[derive(Debug, Error)]
#[error("{VARIABLE} is {value:?}; it must be a number of seconds since 1970, below 2^32")]
pub(crate) struct SourceDateError {
    value: OsString,
}

/// The time for archives, in seconds since 1970.
pub(super) fn read() -> Result<u32, SourceDateError> {
    given().map(Option::unwrap_or_default)
}

/// The time that the variable gives, if it is set.
pub(super) fn given() -> Result<Option<u32>, SourceDateError> {
    std::env::var_os(VARIABLE).map(|value| parse(&value)).transpose()
}

fn parse(value: &OsStr) -> Result<u32, SourceDateError> {
    // Only digits: `parse` alone would take a plus sign.
    let text = value.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| SourceDateError { value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_seconds_are_a_date() {
        assert_eq!(parse(OsStr::new("1700000000")).unwrap(), 1_700_000_000);
        for value in ["", "-1", "+1", "now", "4294967296", "1 "] {
            assert!(parse(OsStr::new(value)).is_err(), "{value:?}");
        }
    }
}
