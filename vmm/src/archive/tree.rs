// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What an archive will hold: names in their final order, each with the host file behind it.
//!
//! Names are kept in byte order, which puts every folder before what is in it. Host files are
//! looked at here and read only when the archive is written, so a tree costs memory for its names
//! alone. Symbolic links inside a folder are kept as links; a path that the user named is followed.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use seed_protocols::cpio::{self, mode};
use thiserror::Error;

/// Permissions of folders that no host folder stands behind.
const FOLDER_PERMISSIONS: u32 = 0o755;

/// Links that a lookup follows before it gives up, as Linux does.
const LINKS_MAX: usize = 40;

/// Why something cannot go into an archive.
#[derive(Debug, Error)]
pub enum TreeError {
    /// The host does not let us look at it.
    #[error("cannot look at {}", path.display())]
    Look {
        /// The host path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The folder cannot be listed.
    #[error("cannot list the folder {}", path.display())]
    List {
        /// The host path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// Neither a file, a folder nor a symbolic link.
    #[error("{} is a {kind}, and only files, folders and symbolic links are packed: leave it out", path.display())]
    Special {
        /// The host path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The format's size field has 32 bits.
    #[error(
        "{} has {size_bytes} bytes; a file in an archive must be smaller than 4 GiB",
        path.display()
    )]
    TooLarge {
        /// The host path.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
    },
    /// Two things want the same name.
    #[error("{name:?} would be in the archive twice")]
    Duplicate {
        /// The name in the archive.
        name: OsString,
    },
    /// The name cannot stand in an archive.
    #[error("{name:?} cannot be a name in the archive")]
    Name {
        /// The name in the archive.
        name: OsString,
        /// The rule that it breaks.
        source: cpio::NameError,
    },
    /// The name means the archive's end.
    #[error("{name:?} marks the end of an archive and cannot be a file's name: rename the file")]
    Reserved {
        /// The name in the archive.
        name: OsString,
    },
}

/// One thing in the tree.
#[derive(Debug)]
pub struct Node {
    /// Type and permissions as the archive will have them.
    pub mode: u32,
    pub(super) content: Content,
}

impl Node {
    /// Whether it is a folder.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self.content, Content::Folder)
    }

    /// Whether it is a file that somebody may execute.
    #[must_use]
    pub const fn is_executable(&self) -> bool {
        self.mode & mode::TYPE_MASK == mode::REGULAR && self.mode & 0o111 != 0
    }

    fn folder() -> Self {
        Self { mode: mode::DIRECTORY | FOLDER_PERMISSIONS, content: Content::Folder }
    }
}

/// Where a node's data comes from.
#[derive(Debug)]
pub(super) enum Content {
    Folder,
    Symlink(Vec<u8>),
    Bytes(Vec<u8>),
    HostFile(HostFile),
}

/// A file of the host as it was when it entered the tree.
#[derive(Debug)]
pub(super) struct HostFile {
    pub(super) path: PathBuf,
    pub(super) size_bytes: u32,
    /// Device and inode number: equal for the names of one file.
    pub(super) identity: (u64, u64),
    /// Whether the host knows it by more than one name.
    pub(super) has_other_names: bool,
}

/// The names of an archive, sorted, with what stands behind each.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl Tree {
    /// A tree without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the host's file or folder at `path`, with all that is in it, as `name`.
    ///
    /// # Errors
    /// The host refuses, the name is taken, or something there cannot be archived.
    pub fn insert_path(&mut self, name: &[u8], path: &Path) -> Result<(), TreeError> {
        let metadata = fs::metadata(path).map_err(|source| look_error(path, source))?;
        let node = host_node(path, &metadata)?;
        let is_folder = node.is_folder();
        self.insert(name, node)?;
        if is_folder { self.insert_contents(name, path) } else { Ok(()) }
    }

    /// Adds what is in the host's folder `path`, below `prefix`, or as the root if that is empty.
    ///
    /// # Errors
    /// As for [`insert_path`](Self::insert_path).
    pub fn insert_contents(&mut self, prefix: &[u8], path: &Path) -> Result<(), TreeError> {
        let mut folders = vec![(prefix.to_vec(), path.to_owned())];
        while let Some((prefix, folder)) = folders.pop() {
            let list_error = |source| TreeError::List { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(list_error)? {
                let entry = entry.map_err(list_error)?;
                let path = entry.path();
                let metadata = entry.metadata().map_err(|source| look_error(&path, source))?;
                let name = join(&prefix, entry.file_name().as_bytes());
                let node = host_node(&path, &metadata)?;
                if node.is_folder() {
                    folders.push((name.clone(), path));
                }
                self.insert(&name, node)?;
            }
        }
        Ok(())
    }

    /// Adds a file that the host does not have, readable by all.
    ///
    /// # Errors
    /// The name is taken or not allowed.
    pub fn insert_bytes(&mut self, name: &[u8], bytes: Vec<u8>) -> Result<(), TreeError> {
        if u32::try_from(bytes.len()).is_err() {
            let size_bytes = bytes.len() as u64;
            return Err(TreeError::TooLarge { path: OsStr::from_bytes(name).into(), size_bytes });
        }
        self.insert(name, Node { mode: mode::REGULAR | 0o644, content: Content::Bytes(bytes) })
    }

    /// Adds the folder `name` unless there is one.
    ///
    /// # Errors
    /// The name is taken by something else.
    pub fn ensure_folder(&mut self, name: &[u8]) -> Result<(), TreeError> {
        match self.nodes.get(name) {
            Some(node) if node.is_folder() => Ok(()),
            Some(_) => Err(TreeError::Duplicate { name: os_name(name) }),
            None => self.insert(name, Node::folder()),
        }
    }

    /// Whether `name` is taken.
    #[must_use]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.nodes.contains_key(name)
    }

    /// Bytes of file data in all.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let data = |node: &Node| match &node.content {
            Content::HostFile(file) => file.size_bytes.into(),
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Folder | Content::Symlink(_) => 0,
        };
        self.nodes.values().map(data).sum()
    }

    /// What `path` leads to when the tree is the root file system, symbolic links followed.
    #[must_use]
    pub fn resolve(&self, path: &[u8]) -> Option<&Node> {
        let mut rest: Vec<Vec<u8>> = split_reversed(path);
        let mut reached: Vec<u8> = Vec::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            if part == b".." {
                let parent = reached.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                reached.truncate(parent);
                continue;
            }
            let next = join(&reached, &part);
            let node = self.nodes.get(&next)?;
            let Content::Symlink(target) = &node.content else {
                reached = next;
                continue;
            };
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            if target.starts_with(b"/") {
                reached.clear();
            }
            rest.extend(split_reversed(target));
        }
        self.nodes.get(&reached)
    }

    /// Names and nodes in the archive's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Node)> {
        self.nodes.iter().map(|(name, node)| (name.as_slice(), node))
    }

    fn insert(&mut self, name: &[u8], node: Node) -> Result<(), TreeError> {
        if let Err(source) = cpio::components(name) {
            return Err(TreeError::Name { name: os_name(name), source });
        }
        if name == cpio::TRAILER {
            return Err(TreeError::Reserved { name: os_name(name) });
        }
        match self.nodes.insert(name.to_vec(), node) {
            Some(_) => Err(TreeError::Duplicate { name: os_name(name) }),
            None => Ok(()),
        }
    }
}

/// `folder/name`, or `name` at the root.
fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// The parts of a path, the last one first, `.` and repeated slashes left out.
fn split_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .rev()
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
        .collect()
}

fn host_node(path: &Path, metadata: &Metadata) -> Result<Node, TreeError> {
    let kind = metadata.file_type();
    let content = if kind.is_dir() {
        Content::Folder
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|source| look_error(path, source))?;
        Content::Symlink(target.into_os_string().into_vec())
    } else if kind.is_file() {
        Content::HostFile(host_file(path, metadata)?)
    } else {
        return Err(TreeError::Special { path: path.to_owned(), kind: special_kind(kind) });
    };
    Ok(Node { mode: metadata.mode() & (mode::TYPE_MASK | mode::PERMISSIONS), content })
}

fn host_file(path: &Path, metadata: &Metadata) -> Result<HostFile, TreeError> {
    let path = path.to_owned();
    let Ok(size_bytes) = u32::try_from(metadata.len()) else {
        return Err(TreeError::TooLarge { path, size_bytes: metadata.len() });
    };
    Ok(HostFile {
        path,
        size_bytes,
        identity: (metadata.dev(), metadata.ino()),
        has_other_names: metadata.nlink() > 1,
    })
}

fn special_kind(kind: fs::FileType) -> &'static str {
    if kind.is_fifo() {
        "named pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() {
        "character device"
    } else if kind.is_block_device() {
        "block device"
    } else {
        "special file"
    }
}

fn look_error(path: &Path, source: io::Error) -> TreeError {
    TreeError::Look { path: path.to_owned(), source }
}

/// A name of the archive as messages show it.
pub(super) fn os_name(name: &[u8]) -> OsString {
    OsStr::from_bytes(name).to_owned()
}
