// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `seedvmm run`: pack files, run a program on them, deliver what it made.
//!
//! Both disks are files in memory, so nothing of the run touches the host's file system but the
//! delivery. What the kernel must know of the command line travels in the archive's settings
//! entry, so that every backend and every copy of the archive behaves the same. All that can be
//! wrong with the command line is found before the machine starts.

mod program;
mod settings;
mod stdin;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use seed_protocols::cpio;
use seed_protocols::end::{EXIT_FAILURE, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND};
use seed_protocols::settings as protocol;
use seedvmm::archive::{
    self, Archive, ContentsError, ImageError, PackError, ReadError, Tree, TreeError, UnpackError,
};
use seedvmm::console::StandardStreams;
use seedvmm::end::End;
use seedvmm::engine::{self, DiskSource, Job};
use seedvmm::input::StandardInput;
use seedvmm::signals::raw_terminal::RawTerminal;
use thiserror::Error;

use self::program::ProgramError;
use self::settings::SettingsError;
use self::stdin::Stdin;
use super::progress::Progress;
use super::source_date::{self, SourceDateError};
use super::{ending, machine};
use crate::cli::RunOptions;
use crate::say;

/// Folder of the guest that holds the `--in` files.
const INPUT_FOLDER: &[u8] = b"in";

/// Folder of the guest that is brought back unless `--export` names others.
const OUTPUT_FOLDER: &[u8] = b"out";

/// Name of the program that the kernel starts.
const INIT: &[u8] = b"init";

/// Size of the output disk as a multiple of the guest's memory.
///
/// The guest's files lie in its memory, so twice that holds any result with its names; only files
/// with holes can need more. The disk is a file in memory without any page until it is written, so
/// its size costs nothing, and it bounds what a hostile guest can make of this computer's memory.
const OUTPUT_PER_MEMORY: u64 = 2;

/// Why a run failed outside of its machine.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// The program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// An option whose value the guest would get.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The time for the archive's entries.
    #[error(transparent)]
    Date(#[from] SourceDateError),
    /// An `--in` path has no name to go by.
    #[error("cannot use --in {}", path.display())]
    Input {
        /// The path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// Two `--in` paths have one name.
    #[error("two --in paths are named {name:?}: in/ can hold only one of them")]
    SameName {
        /// The name.
        name: OsString,
    },
    /// The root folder has the entry that carries the settings.
    #[error(
        "the --root folder has an entry named {:?}, which seedvmm needs for itself: remove it",
        OsStr::from_bytes(protocol::NAME)
    )]
    SettingsTaken,
    /// Something that cannot be packed.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Packing failed.
    #[error("cannot pack the input")]
    Pack(#[from] PackError),
    /// A disk in memory.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The terminal.
    #[error("cannot use the terminal on standard input")]
    Terminal(#[source] io::Error),
    /// The machine.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The output folder cannot be used.
    #[error(transparent)]
    Target(UnpackError),
    /// The machine ended well and left no archive.
    #[error("{end}, but its output cannot be read")]
    Read {
        /// How the run ended.
        end: End,
        /// What is wrong.
        source: ReadError,
    },
    /// The machine ended well and left something that is not to be trusted.
    #[error("{end}, but its output is refused")]
    Contents {
        /// How the run ended.
        end: End,
        /// What is wrong.
        source: ContentsError,
    },
    /// The output cannot be written.
    #[error("{end}, but its output was not delivered")]
    Deliver {
        /// How the run ended.
        end: End,
        /// What is wrong.
        source: UnpackError,
    },
}

impl RunError {
    /// The exit status that the failure leads to.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::Program(ProgramError::NotFound { .. }) => EXIT_NOT_FOUND,
            Self::Program(_) => EXIT_NOT_EXECUTABLE,
            _ => EXIT_FAILURE,
        }
    }
}

/// Runs the program and returns the exit status.
pub(super) fn execute(options: RunOptions, started: Instant) -> Result<u8, RunError> {
    let verbose = options.machine.verbose;
    let target = options.output.as_deref();
    if let Some(target) = target {
        archive::prepare_target(target).map_err(RunError::Target)?;
    }
    let stdin = stdin::find(options.interactive);
    let input = pack_input(&options, stdin)?;
    let exports = settings::outermost(&options.exports)?;
    let job = job(input, stdin, target, options.machine)?;
    let end = run_machine(&job, started)?;
    match (&job.output, target) {
        (Some(DiskSource::Open { file, .. }), Some(target)) if is_delivered(&end, file) => {
            deliver(&end, file, &exports, target)?;
        }
        _ if verbose > 0 => say("no output is delivered"),
        _ => {}
    }
    ending::report(&end, verbose);
    Ok(end.status())
}

/// Runs the machine, with the terminal raw if it gets that.
fn run_machine(job: &Job, started: Instant) -> Result<End, RunError> {
    let raw = (job.stdin == Some(StandardInput::Terminal)).then(RawTerminal::enter);
    let _raw = raw.transpose().map_err(RunError::Terminal)?;
    Ok(engine::run(job, started, &mut StandardStreams)?.end)
}

/// The input disk, complete and sealed.
fn pack_input(options: &RunOptions, stdin: Stdin) -> Result<File, RunError> {
    let epoch = source_date::given()?;
    let mtime = epoch.unwrap_or_default();
    let tree = input_tree(options, epoch, stdin)?;
    let image = archive::memory_image("in", 0)?;
    let mut progress = Progress::new("packing", tree.size_bytes());
    archive::pack(&tree, mtime, &image, &mut |bytes| progress.advance(bytes))?;
    archive::seal(&image, "in")?;
    Ok(image)
}

/// The files of the guest: the root folder, the inputs, the program and the settings.
fn input_tree(options: &RunOptions, epoch: Option<u32>, stdin: Stdin) -> Result<Tree, RunError> {
    let mut tree = Tree::new();
    let settings = settings::encode(options, epoch, stdin)?;
    if let Some(root) = &options.root {
        tree.insert_contents(b"", root)?;
        if tree.contains(protocol::NAME) {
            return Err(RunError::SettingsTaken);
        }
    }
    insert_inputs(&mut tree, &options.inputs)?;
    let name = settings::program(options);
    match options.root {
        Some(_) => program::check_in_tree(&tree, name)?,
        None => program::insert_as_init(&mut tree, INIT, name)?,
    }
    tree.insert_bytes(protocol::NAME, settings)?;
    Ok(tree)
}

fn insert_inputs(tree: &mut Tree, inputs: &[PathBuf]) -> Result<(), RunError> {
    let mut names: Vec<OsString> = Vec::with_capacity(inputs.len());
    for path in inputs {
        let name = input_name(path)?;
        if names.contains(&name) {
            return Err(RunError::SameName { name });
        }
        tree.ensure_folder(INPUT_FOLDER)?;
        tree.insert_path(&[INPUT_FOLDER, b"/", name.as_bytes()].concat(), path)?;
        names.push(name);
    }
    Ok(())
}

/// The name that a path has below `in/`: its last part, or what `.` and `..` stand for.
fn input_name(path: &Path) -> Result<OsString, RunError> {
    if let Some(name) = path.file_name() {
        return Ok(name.to_owned());
    }
    let error = |source| RunError::Input { path: path.to_owned(), source };
    let full = fs::canonicalize(path).map_err(error)?;
    let nameless = || error(io::Error::other("it has no name that it could have below in/"));
    full.file_name().map(OsStr::to_owned).ok_or_else(nameless)
}

/// The job on `input`, with an output disk if somebody wants the result.
fn job(
    input: File,
    stdin: Stdin,
    target: Option<&Path>,
    options: crate::cli::MachineOptions,
) -> Result<Job, RunError> {
    let mut job = machine::job(options);
    job.stdin = match stdin {
        Stdin::Ended => None,
        Stdin::Stream => Some(StandardInput::Stream),
        Stdin::Terminal(..) => Some(StandardInput::Terminal),
    };
    job.input = Some(DiskSource::Open { file: input, name: "the packed input".to_owned() });
    if target.is_some() {
        let size_bytes =
            job.memory_mib.saturating_mul(OUTPUT_PER_MEMORY << 20).min(i64::MAX.cast_unsigned());
        let file = archive::memory_image("out", size_bytes)?;
        job.output = Some(DiskSource::Open { file, name: "the output in memory".to_owned() });
    }
    Ok(job)
}

/// Whether there is something to deliver: after an exit, and where the kernel wrote an archive that
/// lacks something, which the end tells.
fn is_delivered(end: &End, image: &File) -> bool {
    match end {
        End::Exited(_) => true,
        End::OutputFailed(_) => {
            let mut magic = [0; cpio::MAGIC.len()];
            image.read_exact_at(&mut magic, 0).is_ok() && magic == *cpio::MAGIC
        }
        _ => false,
    }
}

/// Unpacks what the guest left. Paths keep their places below `target` if exports were named;
/// else the contents of the output folder land there directly.
fn deliver(end: &End, image: &File, exports: &[Vec<u8>], target: &Path) -> Result<(), RunError> {
    let end = || end.clone();
    let archive = Archive::read(image).map_err(|source| RunError::Read { end: end(), source })?;
    let contents = archive
        .contents()
        .and_then(|all| if exports.is_empty() { all.below(OUTPUT_FOLDER) } else { Ok(all) })
        .map_err(|source| RunError::Contents { end: end(), source })?;
    archive::unpack(&contents, target)
        .map_err(|source| RunError::Deliver { end: end(), source })?;
    for export in exports.iter().filter(|export| !contents.has(export)) {
        say(&format!("--export {:?}: the program left nothing there", OsStr::from_bytes(export)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
