// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Creates what an archive holds in a folder of the host.
//!
//! Nothing is overwritten: all names are looked at before the first is created. Folders that are
//! there already are filled and keep their permissions. Files get the archive's permission bits
//! without set-user-ID and its like, the present time, and the caller's ownership.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use thiserror::Error;

use super::contents::{Contents, Item, ItemKind};
use super::folder::{Folder, FolderError, WasThere};

/// Bytes that are written or left out together: what file systems make blocks of.
const BLOCK_SIZE: usize = 4096;

/// Why an archive could not be unpacked.
#[derive(Debug, Error)]
pub enum UnpackError {
    /// The target cannot be used.
    #[error("cannot use {} as the folder to unpack to", path.display())]
    Target {
        /// The folder.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// Something in the target.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file's data.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
}

/// Makes sure, without creating anything, that `target` is a folder or could become one.
///
/// # Errors
/// Something else stands there.
pub fn prepare_target(target: &Path) -> Result<(), UnpackError> {
    let error = |source| UnpackError::Target { path: target.to_owned(), source };
    match fs::metadata(target) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(error(io::ErrorKind::NotADirectory.into())),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(error(source)),
    }
}

/// Creates `contents` in the folder `target`, which is created if it is missing.
///
/// # Errors
/// A name is taken, or the host refuses; what was created by then stays.
pub fn unpack(contents: &Contents<'_>, target: &Path) -> Result<(), UnpackError> {
    fs::create_dir_all(target)
        .map_err(|source| UnpackError::Target { path: target.to_owned(), source })?;
    let mut folder = Folder::open(target)?;
    check_names_are_free(contents, &mut folder)?;
    let mut first_names = Folder::open(target)?;
    let mut created = Vec::new();
    for item in contents.items() {
        match item.kind {
            ItemKind::Folder => {
                if folder.create_folder(&item.path)? == WasThere::No {
                    created.push(item);
                }
            }
            ItemKind::File(data) => write_file(&mut folder, item, data)?,
            ItemKind::Symlink(to) => folder.create_symlink(&item.path, to)?,
            ItemKind::Link(first) => {
                let first = &contents.items()[first].path;
                folder.create_link(&item.path, &mut first_names, first)?;
            }
        }
    }
    // Last and from the bottom: a folder may be read-only or closed to us once it is complete.
    for item in created.iter().rev() {
        folder.set_permissions(&item.path, item.permissions)?;
    }
    Ok(())
}

fn check_names_are_free(contents: &Contents<'_>, folder: &mut Folder) -> Result<(), FolderError> {
    for item in contents.items() {
        match (folder.kind(&item.path)?, item.kind) {
            (None, _) | (Some(FileType::Directory), ItemKind::Folder) => {}
            (Some(_), ItemKind::Folder) => {
                return Err(FolderError::NotFolder { path: folder.host_path(&item.path) });
            }
            (Some(_), _) => {
                return Err(FolderError::Exists { path: folder.host_path(&item.path) });
            }
        }
    }
    Ok(())
}

fn write_file(folder: &mut Folder, item: &Item<'_>, data: &[u8]) -> Result<(), UnpackError> {
    let file = folder.create_file(&item.path)?;
    write_sparsely(&file, data)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(item.permissions)))
        .map_err(|source| UnpackError::Write { path: folder.host_path(&item.path), source })
}

/// Writes an empty file whose blocks of zeros become holes: an archive has none, and the program may
/// have left a file of many gigabytes with hardly anything in it.
fn write_sparsely(file: &File, data: &[u8]) -> io::Result<()> {
    let run = |from: usize, of_zeros: bool| -> usize {
        let blocks = data[from..].chunks(BLOCK_SIZE);
        blocks.take_while(|block| is_zero(block) == of_zeros).map(<[u8]>::len).sum()
    };
    let (mut start, mut written) = (0, 0);
    while start < data.len() {
        start += run(start, true);
        let end = start + run(start, false);
        if end > start {
            file.write_all_at(&data[start..end], start as u64)?;
            written = end;
        }
        start = end;
    }
    if written < data.len() { file.set_len(data.len() as u64) } else { Ok(()) }
}

fn is_zero(block: &[u8]) -> bool {
    let (words, rest) = block.as_chunks::<16>();
    words.iter().all(|word| u128::from_ne_bytes(*word) == 0) && rest.iter().all(|&byte| byte == 0)
}
