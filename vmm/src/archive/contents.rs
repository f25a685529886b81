// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What an archive from elsewhere holds, judged as a whole before any of it is used.
//!
//! An archive may come from a hostile guest. [`Contents`] promises: names below the root, each
//! once; nothing below a thing that is no folder; files, folders and symbolic links only; hard
//! links resolved. Work grows with the archive's size.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsString;

use seed_protocols::cpio::{self, Entry, Field, Reader, mode};
use thiserror::Error;

use super::tree::os_name;

/// Permission bits that are taken from an archive: no set-user-ID, set-group-ID or sticky bit.
const PERMISSIONS_TAKEN: u32 = 0o777;

/// Why an archive is refused though its format is right.
#[derive(Debug, Error)]
pub enum ContentsError {
    /// It is not an archive, or a damaged one.
    #[error(transparent)]
    Damaged(#[from] cpio::Error),
    /// The name leads elsewhere or breaks a limit.
    #[error("entry {name:?} is refused")]
    Name {
        /// As stored.
        name: OsString,
        /// The rule that it breaks.
        source: cpio::NameError,
    },
    /// Two entries have one name.
    #[error("entry {name:?} is there twice")]
    Duplicate {
        /// As stored.
        name: OsString,
    },
    /// Not a file, a folder or a symbolic link.
    #[error("entry {name:?} is a {kind}: only files, folders and symbolic links are unpacked")]
    Kind {
        /// As stored.
        name: OsString,
        /// What it is.
        kind: &'static str,
    },
    /// The entry means the root and is no folder.
    #[error("entry {name:?} is not a folder, and the root must be one")]
    Root {
        /// As stored.
        name: OsString,
    },
    /// An entry lies in something that cannot hold it.
    #[error("entry {name:?} lies below {parent:?}, which is not a folder")]
    NotFolder {
        /// As stored.
        name: OsString,
        /// The entry above it.
        parent: OsString,
    },
    /// A symbolic link's target is empty, too long, or has a zero byte.
    #[error("symbolic link {name:?} has no usable target")]
    Target {
        /// As stored.
        name: OsString,
    },
    /// Two names of one file carry different data.
    #[error("{name:?} and {other:?} are one file with two different contents")]
    LinkData {
        /// As stored.
        name: OsString,
        /// The other name.
        other: OsString,
    },
    /// An entry lies outside the folder that was asked for.
    #[error("entry {name:?} is not in the folder {folder:?}")]
    Outside {
        /// As stored.
        name: OsString,
        /// The folder that was asked for.
        folder: OsString,
    },
}

/// What an archive holds, fit to be created.
#[derive(Debug)]
pub struct Contents<'a> {
    items: Vec<Item<'a>>,
}

/// One thing to create.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Below the target: no `.`, no `..`, no repeated slash.
    pub(super) path: Cow<'a, [u8]>,
    /// Permission bits.
    pub(super) permissions: u32,
    pub(super) kind: ItemKind<'a>,
}

/// What to create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind<'a> {
    Folder,
    File(&'a [u8]),
    /// A further name of the file that is the item of this number.
    Link(usize),
    Symlink(&'a [u8]),
}

impl<'a> Contents<'a> {
    /// Judges all of `archive` and lists what it holds, every folder before what is in it.
    pub(super) fn judge(archive: &'a [u8]) -> Result<Self, ContentsError> {
        let mut found = Vec::new();
        let mut reader = Reader::new(archive);
        while let Some(entry) = reader.read_entry()? {
            let path = canonical_path(entry.name)?;
            check_kind(&entry)?;
            match (path.is_empty(), kind_of(&entry)) {
                (false, _) => found.push((path, entry)),
                (true, mode::DIRECTORY) => {}
                (true, _) => return Err(ContentsError::Root { name: os_name(entry.name) }),
            }
        }
        found.sort_by(|(a, _), (b, _)| folder_order(a, b));
        check_places(&found)?;
        Ok(Self { items: resolve_links(archive, found)? })
    }

    pub(super) fn items(&self) -> &[Item<'a>] {
        &self.items
    }

    /// Number of things to create.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is nothing to create.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether there is something at `path`; the root is always there.
    #[must_use]
    pub fn has(&self, path: &[u8]) -> bool {
        path == b"." || self.items.iter().any(|item| *item.path == *path)
    }

    /// The same with `folder`, a single name, as the root.
    ///
    /// # Errors
    /// Something lies outside it.
    pub fn below(mut self, folder: &[u8]) -> Result<Self, ContentsError> {
        let outside = |item: &Item| ContentsError::Outside {
            name: os_name(&item.path),
            folder: os_name(folder),
        };
        // The folder itself is its first item, unless it was left to be understood.
        let root = self.items.first().filter(|item| *item.path == *folder);
        if root.is_some_and(|item| item.kind != ItemKind::Folder) {
            return Err(ContentsError::Root { name: os_name(folder) });
        }
        let skipped = usize::from(root.is_some());
        self.items.drain(..skipped);
        for item in &mut self.items {
            let rest = item.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix(b"/"));
            let Some(rest) = rest else { return Err(outside(item)) };
            item.path = Cow::Owned(rest.to_vec());
            if let ItemKind::Link(first) = &mut item.kind {
                *first -= skipped;
            }
        }
        Ok(self)
    }
}

/// The name as the path that it means, empty for the root.
fn canonical_path(name: &[u8]) -> Result<Cow<'_, [u8]>, ContentsError> {
    let parts = cpio::components(name)
        .map_err(|source| ContentsError::Name { name: os_name(name), source })?;
    let joined_length = parts.clone().map(|part| part.len() + 1).sum::<usize>();
    if joined_length == name.len() + 1 {
        return Ok(Cow::Borrowed(name));
    }
    Ok(Cow::Owned(parts.collect::<Vec<_>>().join(&b'/')))
}

const fn kind_of(entry: &Entry<'_>) -> u32 {
    entry.header.mode & mode::TYPE_MASK
}

fn check_kind(entry: &Entry<'_>) -> Result<(), ContentsError> {
    let name = || os_name(entry.name);
    let kind = match kind_of(entry) {
        mode::REGULAR | mode::DIRECTORY => return Ok(()),
        mode::SYMLINK => {
            let target = entry.data;
            let is_usable =
                !target.is_empty() && target.len() <= cpio::NAME_MAX && !target.contains(&0);
            return if is_usable { Ok(()) } else { Err(ContentsError::Target { name: name() }) };
        }
        mode::CHARACTER => "character device",
        mode::BLOCK => "block device",
        mode::FIFO => "named pipe",
        mode::SOCKET => "socket",
        _ => "thing of unknown type",
    };
    Err(ContentsError::Kind { name: name(), kind })
}

/// Orders paths so that all that is in a folder follows it directly.
fn folder_order(a: &[u8], b: &[u8]) -> Ordering {
    // Names have no zero byte, so it is free to stand for the slash, which must sort first.
    fn keys(path: &[u8]) -> impl Iterator<Item = u8> {
        path.iter().map(|&byte| if byte == b'/' { 0 } else { byte })
    }
    keys(a).cmp(keys(b))
}

/// Each name once, and nothing below a thing that is no folder. `found` is in folder order.
fn check_places(found: &[(Cow<'_, [u8]>, Entry<'_>)]) -> Result<(), ContentsError> {
    let mut above: Vec<&(Cow<'_, [u8]>, Entry<'_>)> = Vec::new();
    for item in found {
        let (path, entry) = item;
        while above.last().is_some_and(|(folder, _)| !is_at_or_below(path, folder)) {
            above.pop();
        }
        if let Some((folder, parent)) = above.last() {
            if folder == path {
                return Err(ContentsError::Duplicate { name: os_name(entry.name) });
            }
            if kind_of(parent) != mode::DIRECTORY {
                let (name, parent) = (os_name(entry.name), os_name(parent.name));
                return Err(ContentsError::NotFolder { name, parent });
            }
        }
        above.push(item);
    }
    Ok(())
}

fn is_at_or_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Joins the names of each file: the first becomes the file, the others links to it.
fn resolve_links<'a>(
    archive: &[u8],
    found: Vec<(Cow<'a, [u8]>, Entry<'a>)>,
) -> Result<Vec<Item<'a>>, ContentsError> {
    let mut items: Vec<Item<'a>> = Vec::with_capacity(found.len());
    let mut files: HashMap<FileIdentity, usize> = HashMap::new();
    for (path, entry) in found {
        let kind = match kind_of(&entry) {
            mode::DIRECTORY => ItemKind::Folder,
            mode::SYMLINK => ItemKind::Symlink(entry.data),
            _ if entry.header.nlink < 2 => ItemKind::File(entry.data),
            _ => {
                let first = *files.entry(identity(archive, &entry)?).or_insert(items.len());
                match items.get_mut(first) {
                    Some(file) => {
                        take_data(file, &entry)?;
                        ItemKind::Link(first)
                    }
                    None => ItemKind::File(entry.data),
                }
            }
        };
        let permissions = entry.header.mode & PERMISSIONS_TAKEN;
        items.push(Item { path, permissions, kind });
    }
    Ok(items)
}

/// What the names of one file have in common: device and inode number.
type FileIdentity = [u32; 3];

fn identity(archive: &[u8], entry: &Entry<'_>) -> Result<FileIdentity, cpio::Error> {
    let major = cpio::read_field(archive, entry.offset, Field::DevMajor)?;
    let minor = cpio::read_field(archive, entry.offset, Field::DevMinor)?;
    Ok([major, minor, entry.header.ino])
}

/// Gives the data that stands with a further name to the file; writers put it with one of them.
fn take_data<'a>(file: &mut Item<'a>, entry: &Entry<'a>) -> Result<(), ContentsError> {
    match file.kind {
        ItemKind::File([]) => file.kind = ItemKind::File(entry.data),
        ItemKind::File(data) if !entry.data.is_empty() && data != entry.data => {
            let (name, other) = (os_name(entry.name), os_name(&file.path));
            return Err(ContentsError::LinkData { name, other });
        }
        _ => {}
    }
    Ok(())
}
