// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The report: one JSON document on one run, for machines to read.
//!
//! Written whenever a run was attempted, also when it failed. A figure that is not known is `null`,
//! never 0. Fields are only ever added under one [`VERSION`]. The file appears whole or not at all:
//! it is written under another name and renamed. Pipes and devices get it as they are, and a symbolic
//! link stays one.

mod draft;

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use seed_devices::virtio::block::BlockStats;
use seed_protocols::record::Record;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use draft::Draft;

use crate::end::End;
use crate::engine::{ExitCounts, Phases};

/// Value of the field `schema`.
pub const SCHEMA: &str = "seedvmm-report";

/// Value of the field `version`.
pub const VERSION: u32 = 1;

/// The document.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// Version of the program that wrote the report.
    pub seedvmm_version: &'static str,
    /// Name of the backend that ran the machine; `null` if none did.
    pub backend: Option<&'static str>,
    /// Name of the profile of the processor that the guest saw, as [`CpuProfile`] has it.
    ///
    /// [`CpuProfile`]: crate::processor::CpuProfile
    pub cpu: &'static str,
    /// Guest memory in MiB.
    pub memory_mib: u64,
    /// The kernel's command line; bytes that are not UTF-8 are replaced.
    pub command_line: String,
    /// The kernel; length and digest are known once a machine has run, as for the disks.
    pub kernel: FileReport,
    /// The input disk before the run.
    pub input: Option<FileReport>,
    /// The output disk after the run.
    pub output: Option<FileReport>,
    /// Times in microseconds since the start of the process.
    pub phases_us: PhasesReport,
    /// Exits from the guest to the monitor.
    pub exits: Option<ExitsReport>,
    /// What the disks did.
    pub block: BlockReport,
    /// The kernel's own figures.
    pub guest: Option<GuestReport>,
    /// How the run ended.
    pub end: EndReport,
}

/// A file that took part in the run.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// What the caller called it.
    pub name: String,
    /// Its length in bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: Option<String>,
}

/// When the run reached which point.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PhasesReport {
    /// Virtual machine, memory and vCPU are ready.
    pub vm_ready: Option<u64>,
    /// The guest runs its first instruction.
    pub kernel_entered: Option<u64>,
    /// The program runs its first instruction.
    pub first_user_instruction: Option<u64>,
    /// The program has ended.
    pub program_ended: Option<u64>,
    /// The machine has stopped.
    pub done: Option<u64>,
}

/// Number of exits by kind.
#[derive(Clone, Debug, Serialize)]
pub struct ExitsReport {
    /// I/O port accesses.
    pub io: u64,
    /// Memory-mapped I/O accesses.
    pub mmio: u64,
    /// Returns for a signal.
    pub interrupted: u64,
    /// Among `io`: ports at which there is nothing.
    pub absent_ports: u64,
    /// Among `mmio`: addresses at which there is nothing.
    pub absent_addresses: u64,
}

/// Work of both disks.
#[derive(Clone, Debug, Serialize)]
pub struct BlockReport {
    /// The input disk.
    pub input: Option<DiskReport>,
    /// The output disk.
    pub output: Option<DiskReport>,
}

/// Work of one disk.
#[derive(Clone, Debug, Serialize)]
pub struct DiskReport {
    /// Requests, the refused ones included.
    pub requests: u64,
    /// Bytes read from the file.
    pub bytes_read: u64,
    /// Bytes written to the file.
    pub bytes_written: u64,
    /// Requests that were refused or failed.
    pub refused: u64,
}

/// Figures of the seed kernel.
#[derive(Clone, Debug, Serialize)]
pub struct GuestReport {
    /// System calls served.
    pub system_calls: u64,
    /// System calls answered with `ENOSYS`.
    pub missing_calls: u64,
    /// Page faults served for programs.
    pub page_faults: u64,
    /// Times that a process was interrupted because it computed for long without a system call;
    /// unless there were none, the results may depend on how fast the processor was.
    pub interruptions: u64,
}

/// How the run ended.
#[derive(Clone, Debug, Serialize)]
pub struct EndReport {
    /// Name of the class, as [`End::class`] has it; `not-started` if there was no machine.
    pub class: &'static str,
    /// Exit status of seedvmm.
    pub status: u8,
    /// The signal that killed the program.
    pub signal: Option<u8>,
    /// One line for people.
    pub message: String,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report {path}", path = path.display())]
pub struct Error {
    /// Where it should have gone.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

/// Checks, before the run, that a report can probably be written to `path` after it.
///
/// # Errors
/// There is no such folder, or `path` is one.
pub fn check_destination(path: &Path) -> Result<(), Error> {
    let error = |errno: Errno| Error { path: path.to_owned(), source: errno.into() };
    if path.is_dir() {
        return Err(error(Errno::ISDIR));
    }
    match path.parent() {
        Some(folder) if folder != Path::new("") && !folder.is_dir() => Err(error(Errno::NOENT)),
        _ => Ok(()),
    }
}

impl Report {
    /// Writes the report to `path`, replacing the file that is there.
    ///
    /// # Errors
    /// It could not be written; a file that was there is unchanged.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            match path.metadata() {
                Ok(found) if !found.is_file() => {
                    File::options().write(true).open(path)?.write_all(&text)
                }
                Ok(_) => replace(&path.canonicalize()?, &text),
                Err(_) => replace(path, &text),
            }
        });
        written.map_err(|source| Error { path: path.to_owned(), source })
    }
}

/// Makes `text` the content of the file at `path`, or leaves all as it was.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(Errno::ISDIR)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut file = File::create_new(&temporary)?;
    file.write_all(text).and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        // The first failure is the one to report.
        let _ = std::fs::remove_file(&temporary);
    })
}

impl From<&End> for EndReport {
    fn from(end: &End) -> Self {
        Self {
            class: end.class(),
            status: end.status(),
            signal: end.signal(),
            message: end.to_string(),
        }
    }
}

impl From<Phases> for PhasesReport {
    fn from(phases: Phases) -> Self {
        Self {
            vm_ready: phases.vm_ready,
            kernel_entered: phases.kernel_entered,
            first_user_instruction: phases.first_user,
            program_ended: phases.program_ended,
            done: phases.done,
        }
    }
}

impl From<ExitCounts> for ExitsReport {
    fn from(counts: ExitCounts) -> Self {
        Self {
            io: counts.io,
            mmio: counts.mmio,
            interrupted: counts.interrupted,
            absent_ports: counts.absent_ports,
            absent_addresses: counts.absent_addresses,
        }
    }
}

impl From<BlockStats> for DiskReport {
    fn from(stats: BlockStats) -> Self {
        Self {
            requests: stats.requests,
            bytes_read: stats.bytes_read,
            bytes_written: stats.bytes_written,
            refused: stats.refused,
        }
    }
}

impl From<Record> for GuestReport {
    fn from(record: Record) -> Self {
        Self {
            system_calls: record.system_calls,
            missing_calls: record.missing_calls,
            page_faults: record.page_faults,
            interruptions: record.interruptions,
        }
    }
}

/// SHA-256 of `bytes` in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    to_hex(Sha256::digest(bytes).as_slice())
}

/// SHA-256 of a file's bytes from its start, in hexadecimal; the file's position does not matter.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of_file(file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 18];
    let mut offset = 0;
    loop {
        match file.read_at(&mut chunk, offset) {
            Ok(0) => return Ok(to_hex(hasher.finalize().as_slice())),
            Ok(length) => {
                hasher.update(&chunk[..length]);
                offset += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            schema: SCHEMA,
            version: VERSION,
            seedvmm_version: "0",
            backend: Some("kvm"),
            cpu: "base",
            memory_mib: 16,
            command_line: String::new(),
            kernel: FileReport { name: "k".to_owned(), size_bytes: Some(1), sha256: None },
            input: None,
            output: None,
            phases_us: PhasesReport::default(),
            exits: None,
            block: BlockReport { input: None, output: None },
            guest: None,
            end: EndReport::from(&End::Killed(9)),
        }
    }

    #[test]
    fn the_document_has_its_schema_and_says_null_for_the_unknown() {
        let value = serde_json::to_value(report()).unwrap();
        assert_eq!(value["schema"], "seedvmm-report");
        assert_eq!(value["version"], 1);
        assert!(value["phases_us"]["first_user_instruction"].is_null());
        assert_eq!(value["end"]["class"], "killed");
        assert_eq!(value["end"]["status"], 137);
        assert_eq!(value["end"]["signal"], 9);
    }

    #[test]
    fn a_report_replaces_the_old_one_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.json");
        std::fs::write(&path, "old").unwrap();
        report().write(&path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("}\n"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(report().write(&directory.path().join("none/report.json")).is_err());
        assert!(report().write(Path::new("/")).is_err());
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (link, target) = (directory.path().join("link"), directory.path().join("target"));
        std::fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        report().write(&link).unwrap();
        assert!(link.is_symlink());
        assert!(std::fs::read_to_string(&target).unwrap().ends_with("}\n"));
        // Through a link, so that a failure of this test does not replace the device itself.
        std::os::unix::fs::symlink("/dev/full", directory.path().join("full")).unwrap();
        let error = report().write(&directory.path().join("full")).unwrap_err();
        assert_eq!(error.source.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
    }

    #[test]
    fn digests_are_those_of_sha256() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(sha256_of_file(&File::open(path).unwrap()).unwrap(), expected);
    }
}
