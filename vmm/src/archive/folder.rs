// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A folder of the host that nothing leads out of.
//!
//! Every path is walked part by part from the folder's own descriptor, and a part that is a
//! symbolic link stops the walk, wherever it points: neither an archive nor somebody at work in
//! the same folder can redirect it. (`openat2` could do a walk in one call, but not every host
//! and sandbox has it, and two ways would need twice the trust.) One descriptor is open at a time
//! beside the folder's, so depth costs no descriptors.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use thiserror::Error;

/// What a walk needs of a folder: to go on from there.
const WALK: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Permissions of a folder while it is being filled.
const FILLING: Mode = Mode::RWXU;

/// Permissions of a folder that the archive does not mention; the host's umask applies.
const UNMENTIONED: Mode = Mode::from_raw_mode(0o777);

/// Why something cannot be created or looked at below the folder.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The host refused.
    #[error("cannot {action} {}", path.display())]
    Host {
        /// What was tried.
        action: &'static str,
        /// The host path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// A part of the path is a symbolic link or a file.
    #[error("{} is not a folder, and links there are not followed", path.display())]
    NotFolder {
        /// The host path of the part.
        path: PathBuf,
    },
    /// The name is taken, and nothing is overwritten.
    #[error(
        "{} is already there, and nothing is overwritten: remove it or give another folder",
        path.display()
    )]
    Exists {
        /// The host path.
        path: PathBuf,
    },
}

/// What a walk does when a part of its path is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Report,
}

/// The folder, and the place in it where the last walk ended.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    root: OwnedFd,
    /// Where the last walk ended, unless that is the root, and its path.
    place: Option<(Vec<u8>, OwnedFd)>,
}

impl Folder {
    /// Opens the folder at `path`, which may be a symbolic link to one.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let flags = WALK.difference(OFlags::NOFOLLOW);
        let root = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|no| host_error("open", path.to_owned(), no))?;
        Ok(Self { path: path.to_owned(), root, place: None })
    }

    /// What kind of thing is at `path`, or `None`.
    pub(super) fn kind(&mut self, path: &[u8]) -> Result<Option<FileType>, FolderError> {
        let (parent, name) = split(path);
        if !self.walk(parent, Missing::Report)? {
            return Ok(None);
        }
        match rustix::fs::statat(self.here(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(FileType::from_raw_mode(found.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(no) => Err(host_error("look at", self.host_path(path), no)),
        }
    }

    /// Creates a folder that only we can use until [`set_permissions`](Self::set_permissions), and
    /// tells whether it was there already.
    pub(super) fn create_folder(&mut self, path: &[u8]) -> Result<WasThere, FolderError> {
        let name = self.enter_parent(path)?;
        match rustix::fs::mkdirat(self.here(), name, FILLING) {
            Ok(()) => Ok(WasThere::No),
            // The walk fails if it is a folder in name only.
            Err(Errno::EXIST) => self.walk(path, Missing::Report).map(|_| WasThere::Yes),
            Err(no) => Err(host_error("create the folder", self.host_path(path), no)),
        }
    }

    /// Gives a folder its permissions.
    pub(super) fn set_permissions(&mut self, path: &[u8], bits: u32) -> Result<(), FolderError> {
        let name = self.enter_parent(path)?;
        let flags = WALK.difference(OFlags::PATH);
        rustix::fs::openat(self.here(), name, flags, Mode::empty())
            .and_then(|folder| rustix::fs::fchmod(folder, Mode::from_raw_mode(bits)))
            .map_err(|no| host_error("set the permissions of", self.host_path(path), no))
    }

    /// Creates a file that only we can use until it has its permissions.
    pub(super) fn create_file(&mut self, path: &[u8]) -> Result<File, FolderError> {
        let name = self.enter_parent(path)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(self.here(), name, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|no| self.create_error("create", path, no))
    }

    /// Creates a symbolic link to `target`, whatever that is.
    pub(super) fn create_symlink(&mut self, path: &[u8], target: &[u8]) -> Result<(), FolderError> {
        let name = self.enter_parent(path)?;
        rustix::fs::symlinkat(OsStr::from_bytes(target), self.here(), name)
            .map_err(|no| self.create_error("create the symbolic link", path, no))
    }

    /// Gives the file at `first` in `other`, this folder opened once more, a further name.
    pub(super) fn create_link(
        &mut self,
        path: &[u8],
        other: &mut Self,
        first: &[u8],
    ) -> Result<(), FolderError> {
        let name = self.enter_parent(path)?;
        let first_name = other.enter_parent(first)?;
        rustix::fs::linkat(other.here(), first_name, self.here(), name, AtFlags::empty())
            .map_err(|no| self.create_error("create the hard link", path, no))
    }

    /// The host's path of `path`, for messages.
    pub(super) fn host_path(&self, path: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(path))
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.place.as_ref().map_or(self.root.as_fd(), |(_, place)| place.as_fd())
    }

    fn enter_parent<'a>(&mut self, path: &'a [u8]) -> Result<&'a OsStr, FolderError> {
        let (parent, name) = split(path);
        self.walk(parent, Missing::Create)?;
        Ok(name)
    }

    /// Goes to the folder at `path`; `false` means that it is not there.
    fn walk(&mut self, path: &[u8], missing: Missing) -> Result<bool, FolderError> {
        let (mut reached, mut rest) = match &self.place {
            Some((place, _)) => match below(path, place) {
                Some(rest) => (place.len(), rest),
                None => (0, path),
            },
            None => (0, path),
        };
        if reached == 0 {
            self.place = None;
        }
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let part = OsStr::from_bytes(&rest[..end]);
            reached += end + usize::from(reached > 0);
            rest = rest.get(end + 1..).unwrap_or(&[]);
            match self.step(part, &path[..reached], missing)? {
                Some(place) => self.place = Some((path[..reached].to_vec(), place)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Opens `part` of the current place, which makes it `path`.
    fn step(
        &self,
        part: &OsStr,
        path: &[u8],
        missing: Missing,
    ) -> Result<Option<OwnedFd>, FolderError> {
        let mut opened = rustix::fs::openat(self.here(), part, WALK, Mode::empty());
        if matches!(opened, Err(Errno::NOENT)) {
            if missing == Missing::Report {
                return Ok(None);
            }
            rustix::fs::mkdirat(self.here(), part, UNMENTIONED)
                .map_err(|no| host_error("create the folder", self.host_path(path), no))?;
            opened = rustix::fs::openat(self.here(), part, WALK, Mode::empty());
        }
        match opened {
            Ok(place) => Ok(Some(place)),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(FolderError::NotFolder { path: self.host_path(path) })
            }
            Err(no) => Err(host_error("open", self.host_path(path), no)),
        }
    }

    fn create_error(&self, action: &'static str, path: &[u8], no: Errno) -> FolderError {
        let path = self.host_path(path);
        match no {
            Errno::EXIST => FolderError::Exists { path },
            _ => host_error(action, path, no),
        }
    }
}

/// Whether a folder that was to be created had been there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasThere {
    Yes,
    No,
}

/// Folder and last part of a path, the folder empty for the root.
fn split(path: &[u8]) -> (&[u8], &OsStr) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], OsStr::from_bytes(&path[slash + 1..])),
        None => (&[], OsStr::from_bytes(path)),
    }
}

/// What leads from `folder` to `path`, if `path` is it or lies below it.
fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b"/") }
}

fn host_error(action: &'static str, path: PathBuf, no: Errno) -> FolderError {
    FolderError::Host { action, path, source: no.into() }
}
