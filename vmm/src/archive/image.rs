// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The files that hold images: anonymous ones in memory, and named ones that appear when complete.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags};
use thiserror::Error;

/// Names that are tried for the file beside the image.
const TEMPORARY_NAMES: u32 = 100;

/// Why an image file cannot be made.
#[derive(Debug, Error)]
pub enum ImageError {
    /// No file in memory.
    #[error("cannot create the image {name} in memory")]
    Memory {
        /// What the image is.
        name: &'static str,
        /// The host's reason.
        source: io::Error,
    },
    /// Something that is not a file stands where the image would.
    #[error("{} is not a file: give another name for the image", path.display())]
    NotFile {
        /// The image's path.
        path: PathBuf,
    },
    /// The folder does not take a new file.
    #[error("cannot create {}", path.display())]
    Create {
        /// The file beside the image.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The complete image cannot take its name.
    #[error("cannot write {}", path.display())]
    Finish {
        /// The image's path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
}

/// A file in memory, `size_bytes` long, all zero, gone when it is closed.
///
/// # Errors
/// The host has no memory left or the size is beyond its limits.
pub fn memory_image(name: &'static str, size_bytes: u64) -> Result<File, ImageError> {
    let error = |source| ImageError::Memory { name, source };
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create(name, flags).map_err(|no| error(no.into()))?);
    if size_bytes > 0 {
        file.set_len(size_bytes).map_err(error)?;
    }
    Ok(file)
}

/// Forbids every later change of an image in memory, by whoever gets to hold it.
///
/// # Errors
/// The host refuses, as it does while the image is mapped for writing.
pub fn seal(image: &File, name: &'static str) -> Result<(), ImageError> {
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(image, seals)
        .map_err(|no| ImageError::Memory { name, source: no.into() })
}

/// An image being written beside its final place; dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct NewImage {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl NewImage {
    /// Starts the image that will stand at `path`.
    ///
    /// # Errors
    /// The folder does not take it, or `path` is there and is not a regular file.
    pub fn create(path: &Path) -> Result<Self, ImageError> {
        let not_file = || ImageError::NotFile { path: path.to_owned() };
        let name = path.file_name().ok_or_else(not_file)?;
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(not_file());
        }
        let mut attempt = 0;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{attempt}", std::process::id()));
            let temporary = path.with_file_name(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => return Ok(Self { file, temporary, path: path.to_owned() }),
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists
                        && attempt < TEMPORARY_NAMES =>
                {
                    attempt += 1;
                }
                Err(source) => return Err(ImageError::Create { path: temporary, source }),
            }
        }
    }

    /// The file to write to.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Makes the image durable and gives it its name, in place of a file that had it.
    ///
    /// # Errors
    /// The host cannot store or rename it.
    pub fn finish(self) -> Result<(), ImageError> {
        self.file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .map_err(|source| ImageError::Finish { path: self.path.clone(), source })
    }
}

impl Drop for NewImage {
    fn drop(&mut self) {
        // After a finish there is nothing by that name; a failure to tidy up hides no result.
        let _ = fs::remove_file(&self.temporary);
    }
}
