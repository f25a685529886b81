// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The files that a run leaves beside its disks: the transcript and the report.
//!
//! Who names for one of them a file that the run needs would lose that file, and who names one file
//! for both would lose one of them. Such a job is refused before anything is written.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::engine::{DiskSource, Job, KernelSource};

/// A destination that is something else already.
#[derive(Debug, thiserror::Error)]
#[error("the {role} {path} is the same file as the {other}; choose another file", path = path.display())]
pub struct Error {
    /// What was to be written there.
    pub role: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What it is already.
    pub other: &'static str,
}

/// Checks that transcript and report go where nothing else of `job` is.
///
/// # Errors
/// One of them does not.
pub fn check(job: &Job) -> Result<(), Error> {
    let mut taken = vec![
        ("kernel", kernel(&job.kernel)),
        ("input", disk(job.input.as_ref())),
        ("output", disk(job.output.as_ref())),
        ("module", job.initrd.as_deref()),
    ];
    for (role, path) in [("transcript", &job.transcript), ("report", &job.report)] {
        let Some(path) = path.as_deref() else { continue };
        let same = |&&(_, other): &&(_, Option<&Path>)| other.is_some_and(|it| is_same(it, path));
        if let Some(&(other, _)) = taken.iter().find(same) {
            return Err(Error { role, path: path.to_owned(), other });
        }
        taken.push((role, Some(path)));
    }
    Ok(())
}

fn kernel(source: &KernelSource) -> Option<&Path> {
    match source {
        KernelSource::Path(path) => Some(path),
        KernelSource::Embedded => None,
    }
}

fn disk(source: Option<&DiskSource>) -> Option<&Path> {
    match source {
        Some(DiskSource::Path(path)) => Some(path),
        Some(DiskSource::Open { .. }) | None => None,
    }
}

/// Whether what is written to one path is lost at the other, or will be once both are there.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.metadata(), other.metadata()) {
        (Ok(a), Ok(b)) => {
            let keeps = a.is_file() || a.file_type().is_block_device();
            keeps && (a.dev(), a.ino()) == (b.dev(), b.ino())
        }
        (Err(_), Err(_)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(job: &Job) -> Option<String> {
        check(job).err().map(|error| error.to_string())
    }

    #[test]
    fn nothing_that_the_run_needs_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (file, again) = (folder.path().join("file"), folder.path().join("again"));
        std::fs::write(&file, "precious").unwrap();
        std::fs::hard_link(&file, &again).unwrap();
        let transcript = || Job { transcript: Some(again.clone()), ..Job::default() };
        let disk = || Some(DiskSource::Path(file.clone()));
        for (other, job) in [
            ("kernel", Job { kernel: KernelSource::Path(file.clone()), ..transcript() }),
            ("input", Job { input: disk(), ..transcript() }),
            ("output", Job { output: disk(), ..transcript() }),
            ("module", Job { initrd: Some(file.clone()), ..transcript() }),
            ("transcript", Job { report: Some(file.clone()), ..transcript() }),
        ] {
            let text = refusal(&job).unwrap();
            assert!(text.contains(&format!("is the same file as the {other};")), "{text}");
        }
        assert_eq!(refusal(&transcript()), None);
    }

    #[test]
    fn one_file_that_is_not_there_yet_cannot_be_both() {
        let both = |path: &str| {
            let path = Some(PathBuf::from(path));
            refusal(&Job { transcript: path.clone(), report: path, ..Job::default() })
        };
        assert!(both("/missing/file").unwrap().starts_with("the report /missing/file is the same"));
        assert_eq!(both("/dev/null"), None);
    }
}
