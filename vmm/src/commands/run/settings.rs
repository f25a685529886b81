// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The settings entry of a run: what the kernel must know of the command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::UNIX_EPOCH;

use seed_protocols::cpio;
use seed_protocols::settings::{STREAM, Setting};
use thiserror::Error;

use super::stdin::{self, Stdin};
use crate::cli::{Clock, RunOptions};

/// What the kernel understands as the whole root file system.
const ROOT: &[u8] = b".";

/// Why an option's value cannot be a setting.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// A zero byte would end the setting early.
    #[error("{value:?} has a zero byte, which no program could receive")]
    ZeroByte {
        /// The value.
        value: OsString,
    },
    /// Not a variable.
    #[error("--env {value:?} is not KEY=VALUE")]
    NotVariable {
        /// The value.
        value: OsString,
    },
    /// A path that is not one of the guest's.
    #[error("--export {value:?} is not a path in the guest")]
    Export {
        /// The value.
        value: OsString,
        /// The rule that it breaks.
        source: cpio::NameError,
    },
}

/// The program as typed.
pub(super) fn program(options: &RunOptions) -> &OsStr {
    options.program.first().map_or(OsStr::new(""), OsString::as_os_str)
}

/// The bytes of the settings entry.
///
/// `epoch` is where the virtual clock starts, in seconds since 1970, if not where it does by itself.
pub(super) fn encode(
    options: &RunOptions,
    epoch: Option<u32>,
    stdin: Stdin,
) -> Result<Vec<u8>, SettingsError> {
    let mut bytes = Vec::new();
    match stdin {
        Stdin::Ended => {}
        Stdin::Stream => push(&mut bytes, Setting::Stdin(STREAM))?,
        Stdin::Terminal(rows, columns) => {
            push(&mut bytes, Setting::Stdin(format!("{rows}x{columns}").as_bytes()))?;
        }
    }
    if stdin::clock(options.clock, stdin) == Clock::Host {
        // A clock before 1970 is as good as none.
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        push(&mut bytes, Setting::HostClock(now.to_string().as_bytes()))?;
    } else if let Some(epoch) = epoch {
        push(&mut bytes, Setting::Epoch(epoch.to_string().as_bytes()))?;
    }
    if let Some(seed) = options.seed {
        push(&mut bytes, Setting::Seed(seed.to_string().as_bytes()))?;
    }
    if options.root.is_some() {
        push(&mut bytes, Setting::Path(&below_root(program(options))))?;
    }
    for argument in &options.program {
        push(&mut bytes, Setting::Arg(argument.as_bytes()))?;
    }
    push_environment(&mut bytes, &options.environment)?;
    if let Some(folder) = &options.working_folder {
        push(&mut bytes, Setting::Cwd(&below_root(folder)))?;
    }
    for export in outermost(&options.exports)? {
        push(&mut bytes, Setting::Export(&export))?;
    }
    Ok(bytes)
}

/// Of several values for one name the last one counts.
fn push_environment(bytes: &mut Vec<u8>, variables: &[OsString]) -> Result<(), SettingsError> {
    for (index, variable) in variables.iter().enumerate() {
        let text = variable.as_bytes();
        let Some(end @ 1..) = text.iter().position(|&byte| byte == b'=') else {
            return Err(SettingsError::NotVariable { value: variable.clone() });
        };
        let (name, later) = (&text[..=end], &variables[index + 1..]);
        if !later.iter().any(|other| other.as_bytes().starts_with(name)) {
            push(bytes, Setting::Env(text))?;
        }
    }
    Ok(())
}

fn push(bytes: &mut Vec<u8>, setting: Setting<'_>) -> Result<(), SettingsError> {
    let (key, value) = setting.key_value();
    if value.contains(&0) {
        return Err(SettingsError::ZeroByte { value: OsStr::from_bytes(value).to_owned() });
    }
    bytes.extend_from_slice(key.as_bytes());
    bytes.push(b'=');
    bytes.extend_from_slice(value);
    bytes.push(0);
    Ok(())
}

/// A path of the guest that starts at its root.
fn below_root(path: &OsStr) -> Vec<u8> {
    let path = path.as_bytes();
    if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() }
}

/// The exports relative to the root, without those that lie in another.
pub(super) fn outermost(exports: &[OsString]) -> Result<Vec<Vec<u8>>, SettingsError> {
    let mut paths = Vec::with_capacity(exports.len());
    for export in exports {
        let mut path = export.as_bytes();
        while let [b'/', rest @ ..] = path {
            path = if rest.is_empty() { ROOT } else { rest };
        }
        let parts: Vec<_> = cpio::components(path)
            .map_err(|source| SettingsError::Export { value: export.clone(), source })?
            .collect();
        paths.push(parts);
    }
    // In this order a path directly follows the outermost path that it lies in, or one that does.
    paths.sort_unstable();
    paths.dedup_by(|path, outer| path.starts_with(outer));
    let joined =
        |parts: Vec<&[u8]>| if parts.is_empty() { ROOT.to_vec() } else { parts.join(&b'/') };
    Ok(paths.into_iter().map(joined).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_relative_and_none_lies_in_another() {
        let outermost = |exports: &[&str]| {
            let exports: Vec<_> = exports.iter().map(OsString::from).collect();
            outermost(&exports).map(|paths| {
                paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect::<Vec<_>>()
            })
        };
        assert_eq!(outermost(&["/usr/lib/", "etc//a", "./b"]).unwrap(), ["b", "etc/a", "usr/lib"]);
        assert_eq!(outermost(&["a/b", "a", "a-b", "a/c/d", "a"]).unwrap(), ["a", "a-b"]);
        assert_eq!(outermost(&["a", "/"]).unwrap(), ["."]);
        assert_eq!(outermost(&[]).unwrap(), [""; 0]);
        for bad in ["", "../x", "a/../b"] {
            assert!(matches!(outermost(&[bad]), Err(SettingsError::Export { .. })), "{bad}");
        }
    }
}
