// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `seedvmm pack`: a folder becomes an image.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seedvmm::archive::{self, ImageError, NewImage, PackError, Tree, TreeError};
use thiserror::Error;

use super::progress::Progress;
use super::source_date::{self, SourceDateError};
use crate::cli::PackOptions;

/// Why a folder could not be packed.
#[derive(Debug, Error)]
pub(crate) enum PackCommandError {
    /// The folder or the image's folder is not there.
    #[error("cannot use {}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The image would become part of itself.
    #[error(
        "the image {} lies in the folder that is packed: give a place outside of it",
        image.display()
    )]
    ImageInFolder {
        /// The image.
        image: PathBuf,
    },
    /// The time for its entries.
    #[error(transparent)]
    Date(#[from] SourceDateError),
    /// Something in the folder.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Writing the archive.
    #[error("cannot pack into {}", image.display())]
    Pack {
        /// The image.
        image: PathBuf,
        /// What failed.
        source: PackError,
    },
    /// The image's file.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Packs the folder and returns the exit status.
pub(super) fn execute(options: &PackOptions) -> Result<u8, PackCommandError> {
    let (folder, image) = (&options.folder, &options.image);
    let mtime = source_date::read()?;
    if canonical(parent_of(image))?.starts_with(canonical(folder)?) {
        return Err(PackCommandError::ImageInFolder { image: image.clone() });
    }
    let mut tree = Tree::new();
    tree.insert_contents(b"", folder)?;
    let mut progress = Progress::new("packing", tree.size_bytes());
    let output = NewImage::create(image)?;
    archive::pack(&tree, mtime, output.file(), &mut |bytes| progress.advance(bytes))
        .map_err(|source| PackCommandError::Pack { image: image.clone(), source })?;
    output.finish()?;
    Ok(0)
}

/// The folder that a file lies in.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

fn canonical(path: &Path) -> Result<PathBuf, PackCommandError> {
    fs::canonicalize(path)
        .map_err(|source| PackCommandError::Path { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(folder: &Path, image: &Path) -> Result<u8, PackCommandError> {
        execute(&PackOptions { folder: folder.to_owned(), image: image.to_owned() })
    }

    #[test]
    fn an_image_is_written_beside_its_folder_and_never_into_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("folder");
        fs::create_dir_all(folder.join("sub")).unwrap();
        let image = place.path().join("image");
        pack(&folder, &image).unwrap();
        assert_eq!(fs::metadata(&image).unwrap().len() % 512, 0);
        for inside in ["image", "sub/image", "sub/../image"] {
            let error = pack(&folder, &folder.join(inside)).unwrap_err();
            assert!(matches!(error, PackCommandError::ImageInFolder { .. }), "{inside}");
        }
        fs::write(place.path().join("folder-2"), "").unwrap();
        assert!(pack(&place.path().join("none"), &image).is_err());
        assert!(pack(&place.path().join("folder-2"), &place.path().join("sub")).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3);
    }
}
