// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `seedvmm unpack`: an image becomes a folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use seedvmm::archive::{self, Archive, ContentsError, ReadError, UnpackError};
use thiserror::Error;

use crate::cli::UnpackOptions;

/// Why an image could not be unpacked.
#[derive(Debug, Error)]
pub(crate) enum UnpackCommandError {
    /// The image cannot be opened.
    #[error("cannot open the image {}", path.display())]
    Open {
        /// The image.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// It is neither a file nor a disk.
    #[error("the image {} is neither a file nor a disk", path.display())]
    NotImage {
        /// The image.
        path: PathBuf,
    },
    /// It is no archive.
    #[error("cannot unpack {}", path.display())]
    Read {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
    /// It is an archive that is not to be trusted.
    #[error("cannot unpack {}", path.display())]
    Contents {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        source: ContentsError,
    },
    /// The target.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// Unpacks the image and returns the exit status.
pub(super) fn execute(options: &UnpackOptions) -> Result<u8, UnpackCommandError> {
    let path = &options.image;
    archive::prepare_target(&options.folder)?;
    let image = open(path)?;
    let archive = Archive::read(&image)
        .map_err(|source| UnpackCommandError::Read { path: path.clone(), source })?;
    let contents = archive
        .contents()
        .map_err(|source| UnpackCommandError::Contents { path: path.clone(), source })?;
    archive::unpack(&contents, &options.folder)?;
    Ok(0)
}

fn open(path: &Path) -> Result<File, UnpackCommandError> {
    let error = |source| UnpackCommandError::Open { path: path.to_owned(), source };
    // Not blocking, because it may be a pipe to which nobody writes.
    let image = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(error)?;
    let kind = image.metadata().map_err(error)?.file_type();
    if kind.is_file() || kind.is_block_device() {
        Ok(image)
    } else {
        Err(UnpackCommandError::NotImage { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_no_image_is_refused_and_nothing_is_created() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("text"), "no archive").unwrap();
        fs::write(place.path().join("empty"), "").unwrap();
        fs::create_dir(place.path().join("folder")).unwrap();
        for name in ["text", "empty", "folder", "none"] {
            let folder = place.path().join("target");
            let options = UnpackOptions { image: place.path().join(name), folder };
            assert!(execute(&options).is_err(), "{name}");
            assert!(!options.folder.exists(), "{name}");
        }
        assert!(matches!(open(Path::new("/dev/null")), Err(UnpackCommandError::NotImage { .. })));
    }
}
