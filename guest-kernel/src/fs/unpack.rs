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
use crate::mm::address::PhysAddr;
use crate::shown::Shown;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use seed_protocols::bytes::{find_byte, has_prefix};
use seed_protocols::cpio::{self, Entry, Field, Header, NameError, Reader, mode};
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
    BadField(Field),
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
            Self::BadField(field) => write!(f, "field {field:?} is not hexadecimal"),
            Self::BadSettings => write!(f, "the settings are no regular file"),
        }
    }
}

/// Bytes of a name that a message shows.
const SHOWN_MAX: usize = 200;

/// A name for a message, cut if it is long.
fn shown(name: &[u8]) -> String {
    match name.get(..SHOWN_MAX) {
        Some(start) => format!("{}...", Shown(start)),
        None => format!("{}", Shown(name)),
    }
}

/// Why an archive cannot be unpacked. It lies on the heap, so that a result is short without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackError(Box<ErrorKind>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum ErrorKind {
    Archive(cpio::Error),
    Entry { offset: usize, name: String, reason: Reason },
}

impl From<cpio::Error> for UnpackError {
    #[cold]
    fn from(error: cpio::Error) -> Self {
        Self(Box::new(ErrorKind::Archive(error)))
    }
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::Archive(error) => error.fmt(f),
            ErrorKind::Entry { offset, name, reason } => {
                write!(f, "cpio entry \"{name}\" at offset {offset}: {reason}")
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
    /// Latest time of an entry, in ns.
    pub latest: u64,
}

/// Puts the entries of `archive` into the tree. `base` is where the archive lies: memory that never
/// changes and is never given back.
///
/// # Errors
/// The archive is damaged, or an entry cannot be part of the tree; the tree is then of no use.
// Apart from its caller it has registers enough.
#[inline(never)]
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
        links: Directory::new(InodeId::ROOT),
        settings: None,
        latest: 0,
    };
    let mut nr_entries = 0;
    while let Some(added) = reader.visit_entry(|entry| {
        unpacker.add(entry).map_err(|reason| refuse(entry.offset, entry.name, reason))
    })? {
        added?;
        nr_entries += 1;
    }
    Ok(Unpacked { settings: unpacker.settings, nr_entries, latest: unpacker.latest })
}

struct Unpacker<'t> {
    tree: &'t mut FileSystem,
    archive: &'static [u8],
    base: PhysAddr,
    /// Name of the entry before this one.
    last_name: &'static [u8],
    /// The directories on the way to it: where in the name each ends, slash included.
    path: Vec<(usize, InodeId)>,
    /// Files with several names, by what tells them apart: a directory finds one of many quickly.
    links: Directory,
    settings: Option<&'static [u8]>,
    latest: u64,
}

impl Unpacker<'_> {
    // What most entries go through is inlined and takes single values, so that an entry never lies
    // in memory as a whole.
    #[inline(always)]
    fn add(&mut self, entry: Entry<'static>) -> Result<(), Reason> {
        let Header { mode, nlink, mtime, .. } = entry.header;
        let meta = Meta { permissions: mode & mode::PERMISSIONS, mtime: u64::from(mtime) * NS };
        self.latest = self.latest.max(meta.mtime);
        let (directory, name) = self.find_place(entry.name, entry.base_start, meta)?;
        let data = || {
            let start = self.base.add(entry.data_offset as u64);
            FileData::in_place(start, entry.data.len() as u64)
        };
        let kind = mode & mode::TYPE_MASK;
        if directory == InodeId::ROOT && name == settings::NAME {
            return self.take_settings(kind, entry.data);
        }
        if kind == mode::REGULAR && nlink <= 1 {
            let id = self.insert(Content::Regular(data()), meta);
            return self.add_name(directory, name, id);
        }
        let content = match kind {
            mode::REGULAR => {
                return self.add_link(directory, name, meta, data(), self.link_key(entry.offset)?);
            }
            mode::DIRECTORY => return self.add_directory(directory, name, meta),
            mode::SYMLINK if (1..=cpio::NAME_MAX).contains(&entry.data.len()) => {
                Content::Symlink(Cow::Borrowed(entry.data))
            }
            mode::SYMLINK => return Err(Reason::BadLink),
            mode::CHARACTER => Content::Character(self.device(entry.offset)?),
            mode::FIFO => Content::Fifo,
            other => return Err(Reason::UnknownType(other)),
        };
        self.add_new(directory, name, content, meta)?;
        Ok(())
    }

    #[cold]
    fn take_settings(&mut self, kind: u32, data: &'static [u8]) -> Result<(), Reason> {
        if kind != mode::REGULAR || self.settings.is_some() {
            return Err(Reason::BadSettings);
        }
        self.settings = Some(data);
        Ok(())
    }

    fn device(&self, offset: usize) -> Result<DeviceKind, Reason> {
        let major = self.read_field(offset, Field::RdevMajor)?;
        let minor = self.read_field(offset, Field::RdevMinor)?;
        DeviceKind::from_number(major, minor).ok_or(Reason::UnknownDevice(major, minor))
    }

    /// What tells a file with several names apart: its number, and its device of origin.
    fn link_key(&self, offset: usize) -> Result<Vec<u8>, Reason> {
        let number = self.read_field(offset, Field::Ino)?;
        let major = self.read_field(offset, Field::DevMajor)?;
        let minor = self.read_field(offset, Field::DevMinor)?;
        Ok(format!("{number} {major} {minor}").into_bytes())
    }

    fn read_field(&self, offset: usize, field: Field) -> Result<u32, Reason> {
        cpio::read_field(self.archive, offset, field).map_err(|_| Reason::BadField(field))
    }

    fn add_directory(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        meta: Meta,
    ) -> Result<(), Reason> {
        let known = match name {
            b"" => Some(directory),
            _ => self.tree.directory(directory).ok().and_then(|names| names.find(name)),
        };
        match known {
            None => {
                self.make_directory(directory, name, meta)?;
            }
            Some(id) if self.tree.inode(id).is_directory() => {
                let inode = self.tree.inode_mut(id);
                inode.permissions = meta.permissions();
                let mtime = meta.mtime.cast_signed();
                (inode.atime, inode.mtime, inode.ctime) = (mtime, mtime, mtime);
            }
            Some(_) => return Err(Reason::Duplicate),
        }
        Ok(())
    }

    /// Adds one of the names of a file with several. The data may stand with any of them; where it
    /// stands with more than one, the last counts, as for Linux.
    fn add_link(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        meta: Meta,
        data: FileData,
        key: Vec<u8>,
    ) -> Result<(), Reason> {
        let Some(file) = self.links.find(&key) else {
            let file = self.add_new(directory, name, Content::Regular(data), meta)?;
            self.links.add(Cow::Owned(key), file).expect("it was not found");
            return Ok(());
        };
        self.add_further_name(directory, name, file)?;
        let inode = self.tree.inode_mut(file);
        inode.nlink += 1;
        if data.size() > 0 {
            inode.content = Content::Regular(data);
        }
        Ok(())
    }

    #[inline(always)]
    fn insert(&mut self, content: Content, meta: Meta) -> InodeId {
        self.tree.insert_linked(content, meta.permissions(), 1, meta.mtime)
    }

    /// Adds what is no file with one name.
    #[inline(never)]
    fn add_new(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        content: Content,
        meta: Meta,
    ) -> Result<InodeId, Reason> {
        let id = self.insert(content, meta);
        self.add_further_name(directory, name, id)?;
        Ok(id)
    }

    /// [`Unpacker::add_name`] for all but a file's first name: one copy of what is inlined there.
    #[inline(never)]
    fn add_further_name(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        id: InodeId,
    ) -> Result<(), Reason> {
        self.add_name(directory, name, id)
    }

    #[inline(always)]
    fn add_name(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        id: InodeId,
    ) -> Result<(), Reason> {
        if let Ok(names) = self.tree.directory_mut(directory)
            && !name.is_empty()
            && names.append(Cow::Borrowed(name), id).is_ok()
        {
            return Ok(());
        }
        Err(self.explain(directory, name))
    }

    /// Why a name cannot be added.
    #[cold]
    fn explain(&self, directory: InodeId, name: &'static [u8]) -> Reason {
        let found = self.tree.directory(directory).ok().and_then(|names| names.find(name));
        match self.tree.kind(found.unwrap_or(directory)) {
            Kind::Directory => Reason::IsADirectory,
            _ => Reason::Duplicate,
        }
    }

    /// Adds an empty directory.
    fn make_directory(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        meta: Meta,
    ) -> Result<InodeId, Reason> {
        let content = Content::Directory(Directory::new(directory));
        let made = self.add_new(directory, name, content, meta)?;
        self.tree.inode_mut(made).nlink += 1;
        self.tree.inode_mut(directory).nlink += 1;
        Ok(made)
    }

    /// The directory that an entry belongs into, made if need be, and its name there, which is
    /// empty for the root itself.
    #[inline(always)]
    fn find_place(
        &mut self,
        name: &'static [u8],
        base_start: usize,
        meta: Meta,
    ) -> Result<(InodeId, &'static [u8]), Reason> {
        // The directories of the entry before this one that this one is in, too: their names were
        // checked.
        let (start, here) = loop {
            match self.path.last() {
                None => break (0, InodeId::ROOT),
                Some(&(end, id)) if has_prefix(name, &self.last_name[..end]) => {
                    break (end, id);
                }
                Some(_) => self.path.pop(),
            };
        };
        self.last_name = name;
        let rest = &name[start..];
        let is_plain = !matches!(rest, [] | [b'.'] | [b'.', b'.']);
        let is_short = rest.len() <= cpio::COMPONENT_MAX && name.len() <= cpio::NAME_MAX;
        if is_plain && is_short && base_start == start {
            return Ok((here, rest));
        }
        self.walk(start, here, name, meta)
    }

    /// [`Unpacker::find_place`] from byte `start` of the name on.
    #[inline(never)]
    fn walk(
        &mut self,
        start: usize,
        here: InodeId,
        name: &'static [u8],
        meta: Meta,
    ) -> Result<(InodeId, &'static [u8]), Reason> {
        match name {
            [] => return Err(Reason::Name(NameError::Empty)),
            [b'/', ..] => return Err(Reason::Name(NameError::Absolute)),
            _ if name.len() > cpio::NAME_MAX => return Err(Reason::Name(NameError::TooLong)),
            _ => {}
        }
        let (mut start, mut here) = (start, here);
        let mut component: &'static [u8] = b"";
        loop {
            let rest = &name[start..];
            let len = find_byte(rest, b'/').unwrap_or(rest.len());
            let next = check_component(&rest[..len]).map_err(Reason::Name)?;
            if !next.is_empty() {
                if !component.is_empty() {
                    here = self.enter(here, component, meta)?;
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
        meta: Meta,
    ) -> Result<InodeId, Reason> {
        match self.tree.directory(directory).ok().and_then(|names| names.find(name)) {
            None => self.make_directory(directory, name, Meta { permissions: 0o755, ..meta }),
            Some(found) if self.tree.inode(found).is_directory() => Ok(found),
            Some(_) => Err(Reason::NotADirectory),
        }
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

/// What an entry says of its inode besides the content.
#[derive(Clone, Copy, Debug)]
struct Meta {
    /// The permission bits of `mode`.
    permissions: u32,
    /// Modification time in ns; the archive has no other.
    mtime: u64,
}

impl Meta {
    #[expect(clippy::cast_possible_truncation, reason = "permissions have twelve bits")]
    const fn permissions(self) -> u16 {
        self.permissions as u16
    }
}

#[cold]
fn refuse(offset: usize, name: &[u8], reason: Reason) -> UnpackError {
    let name = shown(name);
    UnpackError(Box::new(ErrorKind::Entry { offset, name, reason }))
}

#[cfg(test)]
mod tests {
    use super::super::archive_builder::{ArchiveBuilder, place};
    use super::super::{Cursor, Follow};
    use super::*;
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
    fn times_can_be_limited() {
        let (mut tree, unpacked) = unpacked(new().simple("bin/", b"").simple("bin/sh", b""));
        assert_eq!(unpacked.latest, 5 * NS);
        tree.limit_times(3 * NS);
        for path in ["bin", "bin/sh"] {
            let id = find(&mut tree, path);
            let stat = tree.stat(id);
            assert_eq!([stat.atime, stat.mtime, stat.ctime], [3 * NS as i64; 3], "{path}");
        }
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
        assert_eq!(unpacked, Unpacked { settings: None, nr_entries: 7, latest: 5 * NS });
        assert_eq!(content(&mut tree, "init"), b"#!/bin/sh\n");
        assert_eq!(content(&mut tree, "empty"), b"");
        let mut stat = |path| {
            let id = find(&mut tree, path);
            tree.stat(id)
        };
        assert_eq!((stat("/").mode(), stat("/").nlink), (0o040_750, 4));
        let bin = stat("bin");
        assert_eq!(
            (bin.mode(), bin.nlink, bin.mtime, bin.number),
            (0o040_750, 2, 5 * NS as i64, 2)
        );
        let init = stat("init");
        assert_eq!(
            (init.mode(), init.nlink, init.mtime, init.size),
            (0o100_640, 1, 5 * NS as i64, 10)
        );
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
            "cpio entry \"a\\x0a\\xff\\x1b\" at offset 0: entries of type 0o0 are not supported"
        );
    }
}
