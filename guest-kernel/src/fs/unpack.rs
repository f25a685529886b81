// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The input archive becomes the tree.
//!
//! Nothing is copied: file data, names and link targets stay in the archive, which must lie in
//! memory for ever. Archives are usually sorted, so an entry is mostly found to lie in the directory
//! of the one before it and behind all names there. Directories without an entry of their own are
//! made with mode 755. An archive that says something twice, or something that cannot be, is an
//! error: nothing is left out silently.

use super::data::FileData;
use super::devices::DeviceKind;
use super::directory::Directory;
use super::inode::{Content, FileSystem, InodeId, Kind};
use crate::errno::Errno;
use crate::mm::address::PhysAddr;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use seed_protocols::cpio::{self, Entry, Field, NameError, Reader, find_byte, mode};
use seed_protocols::settings;

/// Nanoseconds in a second.
const NS: u64 = 1_000_000_000;

/// Why an entry cannot be part of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Name(NameError),
    Duplicate,
    NotADirectory,
    IsADirectory,
    UnknownDevice(u32, u32),
    UnknownType(u32),
    BadLink,
    BadSettings,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Duplicate => write!(f, "the name is there twice"),
            Self::NotADirectory => write!(f, "a file stands where a directory is needed"),
            Self::IsADirectory => write!(f, "there is a directory of this name already"),
            Self::UnknownDevice(major, minor) => {
                write!(f, "there is no character device {major}:{minor}")
            }
            Self::UnknownType(kind) => write!(f, "entries of type {kind:#o} are not supported"),
            Self::BadLink => write!(f, "the target of the symbolic link is empty or too long"),
            Self::BadSettings => write!(f, "the settings are no regular file"),
        }
    }
}

/// Why an archive cannot be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackError(ErrorKind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum ErrorKind {
    Archive(cpio::Error),
    Entry { offset: usize, name: String, reason: Reason },
}

impl From<cpio::Error> for UnpackError {
    fn from(error: cpio::Error) -> Self {
        Self(ErrorKind::Archive(error))
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ErrorKind::Archive(error) => error.fmt(f),
            ErrorKind::Entry { offset, name, reason } => {
                write!(f, "cpio entry {name:?} at offset {offset}: {reason}")
            }
        }
    }
}

impl core::error::Error for UnpackError {}

/// What an archive had to say besides the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Content of the entry [`settings::NAME`], which is no part of the tree.
    pub settings: Option<&'static [u8]>,
    /// Number of entries.
    pub nr_entries: u64,
}

/// Puts the entries of `archive` into the tree. `base` is where the archive lies: memory that never
/// changes and is never given back.
///
/// # Errors
/// The archive is damaged, or an entry cannot be part of the tree; the tree is then of no use.
pub fn unpack(
    tree: &mut FileSystem,
    archive: &'static [u8],
    base: PhysAddr,
) -> Result<Unpacked, UnpackError> {
    let mut reader = Reader::new(archive);
    let mut unpacker = Unpacker {
        tree,
        archive,
        base,
        last_name: b"",
        path: Vec::new(),
        links: BTreeMap::new(),
        settings: None,
    };
    let mut nr_entries = 0;
    while let Some(entry) = reader.read_entry()? {
        unpacker.add(&entry)?;
        nr_entries += 1;
    }
    Ok(Unpacked { settings: unpacker.settings, nr_entries })
}

/// Tells the inodes of an archive apart: number, and device of origin.
type LinkKey = (u32, u32, u32);

struct Unpacker<'t> {
    tree: &'t mut FileSystem,
    archive: &'static [u8],
    base: PhysAddr,
    /// Name of the entry before this one.
    last_name: &'static [u8],
    /// The directories on the way to it: where in the name each ends, slash included.
    path: Vec<(usize, InodeId)>,
    /// Files with several names.
    links: BTreeMap<LinkKey, InodeId>,
    settings: Option<&'static [u8]>,
}

impl Unpacker<'_> {
    fn add(&mut self, entry: &Entry<'static>) -> Result<(), UnpackError> {
        let refuse = |reason| refuse(entry, reason);
        let (directory, name) = self.find_place(entry).map_err(refuse)?;
        let kind = entry.header.mode & mode::TYPE_MASK;
        if directory == InodeId::ROOT && name == settings::NAME {
            let is_first = kind == mode::REGULAR && self.settings.is_none();
            self.settings = Some(entry.data);
            return if is_first { Ok(()) } else { Err(refuse(Reason::BadSettings)) };
        }
        let content = match kind {
            mode::DIRECTORY => return self.add_directory(directory, name, entry),
            mode::REGULAR if entry.header.nlink > 1 => {
                return self.add_link(directory, name, entry);
            }
            mode::REGULAR => Content::Regular(self.data(entry)),
            mode::SYMLINK if (1..=cpio::NAME_MAX).contains(&entry.data.len()) => {
                Content::Symlink(Cow::Borrowed(entry.data))
            }
            mode::SYMLINK => return Err(refuse(Reason::BadLink)),
            mode::CHARACTER => Content::Character(self.device(entry)?),
            mode::FIFO => Content::Fifo,
            other => return Err(refuse(Reason::UnknownType(other))),
        };
        self.add_new(directory, name, content, entry)?;
        Ok(())
    }

    fn data(&self, entry: &Entry<'static>) -> FileData {
        FileData::in_place(self.base.add(entry.data_offset as u64), entry.data.len() as u64)
    }

    fn device(&self, entry: &Entry<'static>) -> Result<DeviceKind, UnpackError> {
        let major = cpio::read_field(self.archive, entry.offset, Field::RdevMajor)?;
        let minor = cpio::read_field(self.archive, entry.offset, Field::RdevMinor)?;
        DeviceKind::from_number(major, minor)
            .ok_or_else(|| refuse(entry, Reason::UnknownDevice(major, minor)))
    }

    fn add_directory(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        entry: &Entry<'static>,
    ) -> Result<(), UnpackError> {
        let known = match name {
            b"" => Some(directory),
            _ => self.tree.directory(directory).ok().and_then(|names| names.find(name)),
        };
        match known {
            None => {
                let content = Content::Directory(Directory::new(directory));
                self.add_new(directory, name, content, entry)?;
            }
            Some(id) if self.tree.inode(id).is_directory() => {
                let inode = self.tree.inode_mut(id);
                let mtime = mtime(entry);
                inode.permissions = permissions(entry);
                (inode.atime, inode.mtime, inode.ctime) = (mtime, mtime, mtime);
            }
            Some(_) => return Err(refuse(entry, Reason::Duplicate)),
        }
        Ok(())
    }

    /// Adds one of the names of a file with several. The data may stand with any of them; where it
    /// stands with more than one, the last counts, as for Linux.
    fn add_link(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        entry: &Entry<'static>,
    ) -> Result<(), UnpackError> {
        let read = |field| cpio::read_field(self.archive, entry.offset, field);
        let key = (entry.header.ino, read(Field::DevMajor)?, read(Field::DevMinor)?);
        let Some(&file) = self.links.get(&key) else {
            let content = Content::Regular(self.data(entry));
            let file = self.add_new(directory, name, content, entry)?;
            self.links.insert(key, file);
            return Ok(());
        };
        self.add_name(directory, name, file, entry)?;
        if !entry.data.is_empty() {
            self.tree.inode_mut(file).content = Content::Regular(self.data(entry));
        }
        Ok(())
    }

    fn add_new(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        content: Content,
        entry: &Entry<'static>,
    ) -> Result<InodeId, UnpackError> {
        let id = self.tree.insert(content, permissions(entry), mtime(entry));
        self.add_name(directory, name, id, entry)?;
        Ok(id)
    }

    fn add_name(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        id: InodeId,
        entry: &Entry<'static>,
    ) -> Result<(), UnpackError> {
        let result = match name {
            b"" => Err(Errno::EEXIST),
            _ => self.tree.link_unpacked(directory, name, id),
        };
        result.map_err(|_| {
            let found = self.tree.directory(directory).ok().and_then(|names| names.find(name));
            let reason = match self.tree.kind(found.unwrap_or(directory)) {
                Kind::Directory => Reason::IsADirectory,
                _ => Reason::Duplicate,
            };
            refuse(entry, reason)
        })
    }

    /// The directory that an entry belongs into, made if need be, and its name there, which is
    /// empty for the root itself.
    fn find_place(&mut self, entry: &Entry<'static>) -> Result<(InodeId, &'static [u8]), Reason> {
        let name = entry.name;
        // The directories of the entry before this one that this one is in, too: their names were
        // checked.
        while let Some(&(end, _)) = self.path.last()
            && !cpio::has_prefix(name, &self.last_name[..end])
        {
            self.path.pop();
        }
        let (mut start, mut here) = self.path.last().copied().unwrap_or((0, InodeId::ROOT));
        match name {
            [] => return Err(Reason::Name(NameError::Empty)),
            [b'/', ..] => return Err(Reason::Name(NameError::Absolute)),
            _ if name.len() > cpio::NAME_MAX => return Err(Reason::Name(NameError::TooLong)),
            _ => {}
        }
        self.last_name = name;
        let mut component: &'static [u8] = b"";
        loop {
            let rest = &name[start..];
            let len = find_byte(rest, b'/').unwrap_or(rest.len());
            let next = check_component(&rest[..len]).map_err(Reason::Name)?;
            if !next.is_empty() {
                if !component.is_empty() {
                    here = self.enter(here, component, entry)?;
                    // `start` is where `next` begins.
                    self.path.push((start, here));
                }
                component = next;
            }
            if len == rest.len() {
                return Ok((here, component));
            }
            start += len + 1;
        }
    }

    /// The directory `name`, made if there is none.
    fn enter(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        entry: &Entry<'static>,
    ) -> Result<InodeId, Reason> {
        let names = self.tree.directory(directory).map_err(|_| Reason::NotADirectory)?;
        if let Some(found) = names.find(name) {
            let is_directory = self.tree.inode(found).is_directory();
            return if is_directory { Ok(found) } else { Err(Reason::NotADirectory) };
        }
        let content = Content::Directory(Directory::new(directory));
        let made = self.tree.insert(content, 0o755, mtime(entry));
        self.tree.link_unpacked(directory, name, made).map_err(|_| Reason::Duplicate)?;
        Ok(made)
    }
}

impl FileSystem {
    /// Adds a name from the archive. Times stay: they are the archive's.
    fn link_unpacked(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        child: InodeId,
    ) -> Result<(), Errno> {
        let names = self.directory_mut(directory)?;
        let at = names.search(name).err().ok_or(Errno::EEXIST)?;
        names.insert(at, Cow::Borrowed(name), child);
        let inode = self.inode_mut(child);
        inode.nlink += 1;
        if inode.is_directory() {
            inode.nlink += 1;
            self.inode_mut(directory).nlink += 1;
        }
        Ok(())
    }
}

/// A component as a name in its directory: empty if it stands for the directory itself.
fn check_component(component: &[u8]) -> Result<&[u8], NameError> {
    match component {
        b"." => Ok(b""),
        b".." => Err(NameError::ParentComponent),
        _ if component.len() > cpio::COMPONENT_MAX => Err(NameError::ComponentTooLong),
        _ => Ok(component),
    }
}

fn permissions(entry: &Entry<'_>) -> u16 {
    (entry.header.mode & mode::PERMISSIONS) as u16
}

/// Modification time in ns; the archive has no other.
fn mtime(entry: &Entry<'_>) -> u64 {
    u64::from(entry.header.mtime) * NS
}

fn refuse(entry: &Entry<'_>, reason: Reason) -> UnpackError {
    let name = String::from_utf8_lossy(entry.name).into_owned();
    UnpackError(ErrorKind::Entry { offset: entry.offset, name, reason })
}

#[cfg(test)]
mod tests {
    use super::super::archive_builder::{ArchiveBuilder, place};
    use super::super::{Cursor, Follow};
    use super::*;
    use seed_protocols::cpio::Header;
    use std::format;
    use std::string::ToString;

    const ROOT: InodeId = InodeId::ROOT;

    fn new() -> ArchiveBuilder {
        ArchiveBuilder::default()
    }

    fn unpacked(builder: ArchiveBuilder) -> (FileSystem, Unpacked) {
        let mut tree = FileSystem::new(0);
        let (archive, base) = builder.finish();
        let unpacked = unpack(&mut tree, archive, base).unwrap();
        (tree, unpacked)
    }

    fn error(builder: ArchiveBuilder) -> String {
        let (archive, base) = builder.finish();
        unpack(&mut FileSystem::new(0), archive, base).unwrap_err().to_string()
    }

    fn find(tree: &mut FileSystem, path: &str) -> InodeId {
        tree.resolve(ROOT, path.as_bytes(), Follow::NoLast).unwrap()
    }

    fn content(tree: &mut FileSystem, path: &str) -> Vec<u8> {
        let id = find(tree, path);
        let mut bytes = std::vec![0; tree.size(id).unwrap() as usize];
        assert_eq!(tree.read_bytes(id, 0, &mut bytes), Ok(bytes.len()));
        bytes
    }

    #[test]
    fn every_kind_of_entry_becomes_its_inode() {
        let fifo = Header { mode: mode::FIFO | 0o622, nlink: 1, ..Header::default() };
        let archive = new()
            .simple("./", b"")
            .simple("bin/", b"")
            .simple("bin/sh -> busybox", b"")
            .simple("init", b"#!/bin/sh\n")
            .simple("empty", b"")
            .device("dev/null", 1, 3)
            .entry(b"pipe", fifo, b"");
        let (mut tree, unpacked) = unpacked(archive);
        assert_eq!(unpacked, Unpacked { settings: None, nr_entries: 7 });
        assert_eq!(content(&mut tree, "init"), b"#!/bin/sh\n");
        assert_eq!(content(&mut tree, "empty"), b"");
        let mut stat = |path| {
            let id = find(&mut tree, path);
            tree.stat(id)
        };
        assert_eq!((stat("/").mode(), stat("/").nlink), (0o040_750, 4));
        let bin = stat("bin");
        assert_eq!((bin.mode(), bin.nlink, bin.mtime, bin.number), (0o040_750, 2, 5 * NS, 2));
        let init = stat("init");
        assert_eq!((init.mode(), init.nlink, init.mtime, init.size), (0o100_640, 1, 5 * NS, 10));
        assert_eq!(stat("dev").mode(), 0o040_755);
        assert_eq!(stat("dev/null").kind, Kind::Character(DeviceKind::Null));
        assert_eq!(stat("pipe").mode(), 0o010_622);
        let sh = find(&mut tree, "bin/sh");
        assert_eq!(tree.read_link(sh), Ok(&b"busybox"[..]));
    }

    #[test]
    fn entries_find_their_places_in_any_order() {
        let names = [
            "a/b/c/1",
            "a/b/2",
            "a/3",
            "a/b/c/4",
            "5",
            "a-b/6",
            "a/b-c/7",
            ".//a/./b//c/8",
            "a/b/c/9",
        ];
        for first in 0..names.len() {
            let mut builder = new();
            for index in 0..names.len() {
                let name = names[(first + index * 4) % names.len()];
                builder = builder.simple(name, name.as_bytes());
            }
            let (mut tree, _) = unpacked(builder);
            for name in names {
                assert_eq!(content(&mut tree, name), name.as_bytes());
            }
            assert_eq!(tree.nr_inodes(), 9 + 6);
        }
    }

    #[test]
    fn many_files_in_one_folder_are_all_there() {
        let mut builder = new();
        for index in 0..10_000 {
            builder = builder.simple(&format!("in/{index:05}"), b"");
        }
        let (mut tree, _) = unpacked(builder);
        let folder = find(&mut tree, "in");
        assert_eq!(tree.entries(folder, &Cursor::default()).unwrap().count(), 10_002);
    }

    #[test]
    fn names_of_one_file_share_it_wherever_the_data_stands() {
        for with_data in 0..3 {
            let data = |index| if index == with_data { &b"shared"[..] } else { b"" };
            let archive = new()
                .linked("a", 9, data(0))
                .linked("other", 8, b"")
                .linked("b", 9, data(1))
                .linked("d/c", 9, data(2));
            let (mut tree, _) = unpacked(archive);
            let a = find(&mut tree, "a");
            assert_eq!(find(&mut tree, "b"), a);
            assert_eq!(find(&mut tree, "d/c"), a);
            assert_eq!(content(&mut tree, "a"), b"shared");
            assert_eq!(content(&mut tree, "other"), b"");
            assert_eq!(tree.stat(a).nlink, 3);
        }
    }

    #[test]
    fn settings_are_handed_out_and_are_no_file() {
        let (mut tree, unpacked) = unpacked(new().simple(".seedvmm", b"arg=x\0").simple("a", b""));
        assert_eq!(unpacked.settings, Some(&b"arg=x\0"[..]));
        assert!(tree.resolve(ROOT, b".seedvmm", Follow::NoLast).is_err());
        let (mut tree, unpacked) = self::unpacked(new().simple("a/.seedvmm", b"x"));
        assert_eq!(unpacked.settings, None);
        assert_eq!(content(&mut tree, "a/.seedvmm"), b"x");
        let twice = new().simple(".seedvmm", b"").simple("./.seedvmm", b"");
        assert!(error(twice).contains("the settings are no regular file"));
    }

    #[test]
    fn a_folder_may_be_given_again() {
        let (mut tree, _) =
            unpacked(new().simple("a/b/f", b"").simple("a/b/", b"").simple("a/", b""));
        let b = find(&mut tree, "a/b");
        assert_eq!(tree.stat(b).mode(), 0o040_750);
        assert_eq!(tree.stat(b).nlink, 2);
    }

    #[test]
    fn what_cannot_be_is_refused_with_name_and_place() {
        let odd = |mode| Header { mode, nlink: 1, ..Header::default() };
        let cases = [
            (
                new().simple("a", b"").simple("a", b""),
                "\"a\" at offset 112: the name is there twice",
            ),
            (new().simple("a", b"").simple("./a", b""), "the name is there twice"),
            (new().simple("a", b"").simple("a/", b""), "the name is there twice"),
            (new().simple("a -> b", b"").simple("a", b""), "the name is there twice"),
            (new().linked("a", 1, b"").linked("a", 1, b""), "the name is there twice"),
            (new().simple("a/", b"").simple("a", b""), "there is a directory of this name already"),
            (new().simple("a/", b"").linked("a", 1, b""), "there is a directory of this name"),
            (new().simple(".", b"x"), "there is a directory of this name already"),
            (
                new().simple("a", b"").simple("a/b", b""),
                "a file stands where a directory is needed",
            ),
            (new().simple("a -> b", b"").simple("a/b/c", b""), "a file stands where a directory"),
            (new().simple("/etc/passwd", b""), "\"/etc/passwd\" at offset 0: the name is absolute"),
            (new().simple("", b""), "the name is empty"),
            (new().simple("..", b""), "the name has a \"..\" component"),
            (new().simple("a/b", b"").simple("a/../c", b""), "the name has a \"..\" component"),
            (new().simple(&"x".repeat(256), b""), "a component of the name is longer than 255"),
            (new().simple(&"x/".repeat(2049), b""), "the name is longer than 4095 bytes"),
            (new().device("sda", 8, 0), "there is no character device 8:0"),
            (new().entry(b"s", odd(mode::SOCKET), b""), "entries of type 0o140000"),
            (new().entry(b"b", odd(mode::BLOCK), b""), "entries of type 0o60000"),
            (new().entry(b"z", odd(0), b""), "entries of type 0o0"),
            (new().simple("l -> ", b""), "the target of the symbolic link is empty or too long"),
        ];
        for (builder, expected) in cases {
            let text = error(builder);
            assert!(text.contains(expected), "{text:?} lacks {expected:?}");
            assert!(text.starts_with("cpio entry \""), "{text}");
            assert!(!text.contains('\n'));
        }
    }

    #[test]
    fn damaged_archives_are_refused() {
        let whole = new().simple("a", b"12345").simple("b/c", b"1").bytes();
        for length in 0..whole.len() {
            let (archive, base) = place(whole[..length].to_vec());
            assert!(unpack(&mut FileSystem::new(0), archive, base).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn hostile_names_show_on_one_line() {
        assert_eq!(
            error(new().entry(b"a\n\xff\x1b", Header::default(), b"")),
            "cpio entry \"a\\n\u{fffd}\\u{1b}\" at offset 0: entries of type 0o0 are not supported"
        );
    }
}
