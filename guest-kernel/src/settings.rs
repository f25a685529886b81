// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the run was told to do: by the command line, by the settings in the archive, by a file.

use crate::console::WindowSize;
use crate::fs::{FileSystem, Follow, InodeId};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use seed_protocols::bytes::find_byte;
use seed_protocols::settings::{self, Setting};

/// Path of the program where nothing names another.
const DEFAULT_PATH: &[u8] = b"/init";

/// File in the root directory that holds the arguments where the command line has none.
const ARGUMENTS_FILE: &[u8] = b"init.argv";

/// Arguments where nothing gives others.
const DEFAULT_ARGUMENTS: &[&[u8]] = &[b"init"];

/// What is brought back where nothing names something else.
const DEFAULT_EXPORTS: &[&[u8]] = &[b"out"];

/// Command-line word that is the kernel's own: dump all files over the console at the end.
const DUMP_WORD: &[u8] = b"dumpfs";

/// Elements that a list has room for when it gets its first one.
const FIRST_ROOM: usize = 8;

const NS_PER_S: u64 = 1_000_000_000;

/// Latest start of the clock: it can go on for two hundred years before it overflows.
const EPOCH_MAX_NS: u64 = u64::MAX / 2;

/// Start of the clock, 2020-01-01 00:00:00 UTC.
const DEFAULT_EPOCH_NS: u64 = 1_577_836_800 * 1_000_000_000;

/// The settings of a run. What they name lies where the loader or the archive has it.
#[derive(Debug)]
pub struct Settings {
    /// Path of the program.
    pub path: &'static [u8],
    /// Its arguments, its own name first.
    pub arguments: Cow<'static, [&'static [u8]]>,
    /// Its environment, as `KEY=VALUE`.
    pub environment: Vec<&'static [u8]>,
    /// Its working directory.
    pub cwd: &'static [u8],
    /// Paths to bring back.
    pub exports: Cow<'static, [&'static [u8]]>,
    /// Whether all files are dumped over the console at the end.
    pub dumps_files: bool,
    /// Start of the clock, in nanoseconds since 1970.
    pub epoch_ns: u64,
    /// Whether the clock goes on as the host's does.
    pub has_host_clock: bool,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Standard input.
    pub stdin: StandardInput,
}

/// What a run has for standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardInput {
    /// Nothing: it is at its end.
    Ended,
    /// Bytes.
    Stream,
    /// A terminal of this size.
    Terminal(WindowSize),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: DEFAULT_PATH,
            arguments: Cow::Borrowed(DEFAULT_ARGUMENTS),
            environment: Vec::new(),
            cwd: b"/",
            exports: Cow::Borrowed(DEFAULT_EXPORTS),
            dumps_files: false,
            epoch_ns: DEFAULT_EPOCH_NS,
            has_host_clock: false,
            seed: 0,
            stdin: StandardInput::Ended,
        }
    }
}

impl Settings {
    /// Puts the sources together. The arguments are those of the command line, else those of the
    /// archive's settings, else those of the arguments file, else the program's bare name.
    ///
    /// # Errors
    /// The archive's settings cannot be read.
    #[inline]
    pub fn gather(
        &mut self,
        command_line: &'static [u8],
        archived: Option<&'static [u8]>,
        fs: &mut FileSystem,
    ) -> Result<(), settings::Error> {
        let mut arguments = Vec::new();
        if !command_line.is_empty() {
            self.take_command_line(command_line, &mut arguments);
        }
        if let Some(archived) = archived {
            self.take_archived(archived, &mut arguments)?;
        }
        if arguments.is_empty() {
            arguments = arguments_of_file(fs);
        }
        if !arguments.is_empty() {
            self.arguments = Cow::Owned(arguments);
        }
        Ok(())
    }

    #[inline(never)]
    fn take_command_line(&mut self, text: &'static [u8], arguments: &mut Vec<&'static [u8]>) {
        for word in words(text) {
            if word == DUMP_WORD {
                self.dumps_files = true;
            } else {
                arguments.push(word);
            }
        }
    }

    #[inline]
    fn take_archived(
        &mut self,
        bytes: &'static [u8],
        arguments: &mut Vec<&'static [u8]>,
    ) -> Result<(), settings::Error> {
        let has_arguments = !arguments.is_empty();
        let mut exports = Vec::new();
        for setting in settings::parse(bytes)? {
            let setting = setting?;
            match setting {
                Setting::Path(path) => self.path = path,
                Setting::Arg(_) if has_arguments => {}
                Setting::Arg(argument) => push(arguments, argument),
                Setting::Env(variable) => push(&mut self.environment, variable),
                Setting::Cwd(path) => self.cwd = path,
                Setting::Export(path) => push(&mut exports, path),
                Setting::Epoch(_) => {
                    self.epoch_ns = setting.number()?.saturating_mul(NS_PER_S).min(EPOCH_MAX_NS);
                }
                Setting::Seed(_) => self.seed = setting.number()?,
                Setting::HostClock(_) => {
                    self.has_host_clock = true;
                    self.epoch_ns = setting.number()?.min(EPOCH_MAX_NS);
                }
                Setting::Stdin(_) => {
                    self.stdin = match setting.terminal_size()? {
                        None => StandardInput::Stream,
                        Some((rows, columns)) => {
                            StandardInput::Terminal(WindowSize { rows, columns })
                        }
                    };
                }
            }
        }
        if !exports.is_empty() {
            self.exports = Cow::Owned(exports);
        }
        Ok(())
    }
}

/// Appends to a list, which gets room for some more with its first element.
#[inline]
fn push(list: &mut Vec<&'static [u8]>, item: &'static [u8]) {
    if list.capacity() == 0 {
        *list = Vec::with_capacity(FIRST_ROOM);
    }
    list.push(item);
}

/// The words of a text, split at white space.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The arguments that a file holds: split at zeros if it has any, else at white space. They are
/// kept for as long as the machine runs.
fn arguments_of_file(fs: &mut FileSystem) -> Vec<&'static [u8]> {
    if !fs.has_entry(InodeId::ROOT, ARGUMENTS_FILE) {
        return Vec::new();
    }
    let Ok(inode) = fs.resolve(InodeId::ROOT, ARGUMENTS_FILE, Follow::Last) else {
        return Vec::new();
    };
    let size = fs.size(inode).unwrap_or(0);
    let mut text = alloc::vec![0; usize::try_from(size).unwrap_or(0)];
    let length = fs.read_bytes(inode, 0, &mut text).unwrap_or(0);
    let text: &'static [u8] = &text.leak()[..length];
    let has_zeros = find_byte(text, 0).is_some();
    let is_between = |&byte: &u8| if has_zeros { byte == 0 } else { byte.is_ascii_whitespace() };
    let mut arguments = Vec::new();
    for argument in text.strip_suffix(&[0]).unwrap_or(text).split(is_between) {
        if has_zeros || !argument.is_empty() {
            arguments.push(argument);
        }
    }
    arguments
}
