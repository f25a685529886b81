// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Names: what of them can become a path below the root.

use core::fmt;

/// Longest name in bytes, without its zero (Linux's `PATH_MAX` less one).
pub const NAME_MAX: usize = 4095;

/// Longest component of a name in bytes (Linux's `NAME_MAX`).
pub const COMPONENT_MAX: usize = 255;

/// Why a name cannot become a path below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No byte.
    Empty,
    /// It starts with a slash.
    Absolute,
    /// It has a component `..`.
    ParentComponent,
    /// It is longer than [`NAME_MAX`].
    TooLong,
    /// A component is longer than [`COMPONENT_MAX`].
    ComponentTooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the name is empty"),
            Self::Absolute => write!(f, "the name is absolute"),
            Self::ParentComponent => write!(f, "the name has a \"..\" component"),
            Self::TooLong => write!(f, "the name is longer than {NAME_MAX} bytes"),
            Self::ComponentTooLong => {
                write!(f, "a component of the name is longer than {COMPONENT_MAX} bytes")
            }
        }
    }
}

impl core::error::Error for NameError {}

/// The components of an entry's name, `.` and repeated slashes left out; none for the root itself.
///
/// # Errors
/// The name would not stay below the root, or breaks a limit.
pub fn components(name: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, NameError> {
    match name {
        [] => return Err(NameError::Empty),
        [b'/', ..] => return Err(NameError::Absolute),
        _ if name.len() > NAME_MAX => return Err(NameError::TooLong),
        _ => {}
    }
    let parts = name.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    for part in parts.clone() {
        if part == b".." {
            return Err(NameError::ParentComponent);
        }
        if part.len() > COMPONENT_MAX {
            return Err(NameError::ComponentTooLong);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn names_stay_below_the_root() {
        let parts = |name| components(name).map(|parts| parts.collect::<Vec<_>>());
        assert_eq!(parts(b"./in//a"), Ok(std::vec![&b"in"[..], b"a"]));
        assert_eq!(parts(b"."), Ok(Vec::new()));
        assert_eq!(parts(b""), Err(NameError::Empty));
        assert_eq!(parts(b"/etc"), Err(NameError::Absolute));
        assert_eq!(parts(b"a/../b"), Err(NameError::ParentComponent));
        assert_eq!(parts(&[b'a'; 256]), Err(NameError::ComponentTooLong));
        assert_eq!(parts(&[b'/'; 4097][1..]), Err(NameError::Absolute));
        assert_eq!(parts(&b"a/".repeat(2048)), Err(NameError::TooLong));
    }
}
