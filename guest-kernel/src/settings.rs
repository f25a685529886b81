// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the run was told to do: by the command line, by the settings in the archive, by a file.

use crate::fs::{FileSystem, Follow, InodeId};
use alloc::vec::Vec;
use seed_protocols::settings::{self, Setting};

/// Path of the program where nothing names another.
const DEFAULT_PATH: &[u8] = b"/init";

/// File that holds the arguments where the command line has none.
const ARGUMENTS_FILE: &[u8] = b"/init.argv";

/// Arguments where nothing gives others.
const DEFAULT_ARGUMENT: &[u8] = b"init";

/// What is brought back where nothing names something else.
const DEFAULT_EXPORT: &[u8] = b"out";

/// Command-line word that is the kernel's own: dump all files over the console at the end.
const DUMP_WORD: &[u8] = b"dumpfs";

/// Start of the clock, 2020-01-01 00:00:00 UTC.
const DEFAULT_EPOCH_NS: u64 = 1_577_836_800 * 1_000_000_000;

/// The settings of a run.
#[derive(Debug)]
pub struct Settings {
    /// Path of the program.
    pub path: Vec<u8>,
    /// Its arguments, its own name first.
    pub arguments: Vec<Vec<u8>>,
    /// Its environment, as `KEY=VALUE`.
    pub environment: Vec<Vec<u8>>,
    /// Its working directory.
    pub cwd: Vec<u8>,
    /// Paths to bring back.
    pub exports: Vec<Vec<u8>>,
    /// Whether all files are dumped over the console at the end.
    pub dumps_files: bool,
    /// Start of the clock, in nanoseconds since 1970.
    pub epoch_ns: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            cwd: Vec::new(),
            exports: Vec::new(),
            dumps_files: false,
            epoch_ns: DEFAULT_EPOCH_NS,
        }
    }
}

impl Settings {
    /// Puts the sources together. The arguments are those of the command line, else those of the
    /// archive's settings, else those of the arguments file, else the program's bare name.
    ///
    /// # Errors
    /// The archive's settings cannot be read.
    pub fn gather(
        command_line: &[u8],
        archived: Option<&[u8]>,
        fs: &mut FileSystem,
    ) -> Result<Self, settings::Error> {
        let mut gathered = Self::default();
        for word in words(command_line) {
            if word == DUMP_WORD {
                gathered.dumps_files = true;
            } else {
                gathered.arguments.push(word.to_vec());
            }
        }
        if let Some(archived) = archived {
            gathered.take_archived(archived)?;
        }
        if gathered.arguments.is_empty() {
            gathered.arguments = arguments_of_file(fs);
        }
        if gathered.arguments.is_empty() {
            gathered.arguments.push(DEFAULT_ARGUMENT.to_vec());
        }
        if gathered.path.is_empty() {
            gathered.path.extend_from_slice(DEFAULT_PATH);
        }
        if gathered.exports.is_empty() {
            gathered.exports.push(DEFAULT_EXPORT.to_vec());
        }
        Ok(gathered)
    }

    fn take_archived(&mut self, bytes: &[u8]) -> Result<(), settings::Error> {
        let has_arguments = !self.arguments.is_empty();
        for setting in settings::parse(bytes)? {
            match setting? {
                Setting::Path(path) => self.path = path.to_vec(),
                Setting::Arg(_) if has_arguments => {}
                Setting::Arg(argument) => self.arguments.push(argument.to_vec()),
                Setting::Env(variable) => self.environment.push(variable.to_vec()),
                Setting::Cwd(path) => self.cwd = path.to_vec(),
                Setting::Export(path) => self.exports.push(path.to_vec()),
            }
        }
        Ok(())
    }
}

/// The words of a text, split at white space.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The arguments that a file holds: split at zeros if it has any, else at white space.
fn arguments_of_file(fs: &mut FileSystem) -> Vec<Vec<u8>> {
    let Ok(inode) = fs.resolve(InodeId::ROOT, ARGUMENTS_FILE, Follow::Last) else {
        return Vec::new();
    };
    let size = fs.size(inode).unwrap_or(0);
    let mut text = alloc::vec![0; usize::try_from(size).unwrap_or(0)];
    let length = fs.read_bytes(inode, 0, &mut text).unwrap_or(0);
    text.truncate(length);
    if text.contains(&0) {
        let text = text.strip_suffix(&[0]).unwrap_or(&text);
        return text.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    }
    words(&text).map(<[u8]>::to_vec).collect()
}
