// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Calls that programs made and that are not provided: counted, and named at the end.

use super::names::{NAMES, SPAWN, SPAWN_NAME};
use core::fmt;

/// Numbers that are told apart; what lies above is one.
const KNOWN: usize = 512;

/// What a number is called that no call has.
const NO_NAME: &str = "(no name)";

/// Which calls were missing.
#[derive(Debug)]
pub struct MissingCalls {
    seen: [u64; KNOWN / 64],
    has_unknown: bool,
    count: u64,
}

impl MissingCalls {
    /// None so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { seen: [0; KNOWN / 64], has_unknown: false, count: 0 }
    }

    /// Notes one.
    // What calls leave out, they note at twenty places.
    #[inline(never)]
    pub fn note(&mut self, number: u64) {
        self.count += 1;
        match usize::try_from(number) {
            Ok(number) if number < KNOWN => self.seen[number / 64] |= 1 << (number % 64),
            _ => self.has_unknown = true,
        }
    }

    /// How many calls there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

impl Default for MissingCalls {
    fn default() -> Self {
        Self::new()
    }
}

/// Their names, in the order of their numbers.
impl fmt::Display for MissingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut separator, mut has_unknown) = ("", self.has_unknown);
        for number in 0..KNOWN {
            if self.seen[number / 64] & 1 << (number % 64) != 0 {
                match name_of(number as u64) {
                    NO_NAME => has_unknown = true,
                    name => {
                        write!(f, "{separator}{name}")?;
                        separator = ", ";
                    }
                }
            }
        }
        if has_unknown {
            write!(f, "{separator}numbers that Linux does not have")?;
        }
        Ok(())
    }
}

/// The name of a call.
#[must_use]
pub fn name_of(number: u64) -> &'static str {
    if number == SPAWN {
        return SPAWN_NAME;
    }
    let known = usize::try_from(number).ok().and_then(|number| NAMES.get(number).copied());
    known.filter(|name| !name.is_empty()).unwrap_or(NO_NAME)
}
