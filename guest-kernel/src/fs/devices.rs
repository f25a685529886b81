// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Character devices, and the nodes that every tree has without an archive giving them.
//!
//! `/dev` and its nodes, `/tmp` and `/out` are made when somebody first looks: most programs never
//! do, and each node costs the start-up instructions. Until then they are [`Pending`].

use super::directory::Directory;
use super::inode::{Content, FileSystem, InodeId};
use alloc::borrow::Cow;

/// The character devices that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// `/dev/null`
    Null,
    /// `/dev/zero`
    Zero,
    /// `/dev/full`
    Full,
    /// `/dev/random`
    Random,
    /// `/dev/urandom`
    Urandom,
    /// `/dev/tty`
    Tty,
    /// `/dev/console`
    Console,
}

impl DeviceKind {
    /// Major and minor number, as Linux's `Documentation/admin-guide/devices.txt` has them.
    #[must_use]
    pub const fn number(self) -> (u32, u32) {
        match self {
            Self::Null => (1, 3),
            Self::Zero => (1, 5),
            Self::Full => (1, 7),
            Self::Random => (1, 8),
            Self::Urandom => (1, 9),
            Self::Tty => (5, 0),
            Self::Console => (5, 1),
        }
    }

    /// The device with a number, if there is one.
    #[must_use]
    pub fn from_number(major: u32, minor: u32) -> Option<Self> {
        STANDARD_NODES.iter().find_map(|&(_, node, _)| match node {
            Standard::Device(device) => (device.number() == (major, minor)).then_some(device),
            Standard::Link(_) | Standard::Folder => None,
        })
    }
}

/// A node of `/dev`.
#[derive(Clone, Copy, Debug)]
enum Standard {
    Device(DeviceKind),
    Link(&'static [u8]),
    /// Where the C libraries keep named semaphores and named shared memory.
    Folder,
}

/// Name, kind and permissions of the nodes in `/dev`, in order of their names.
const STANDARD_NODES: [(&[u8], Standard, u16); 12] = [
    (b"console", Standard::Device(DeviceKind::Console), 0o600),
    (b"fd", Standard::Link(b"/proc/self/fd"), 0o777),
    (b"full", Standard::Device(DeviceKind::Full), 0o666),
    (b"null", Standard::Device(DeviceKind::Null), 0o666),
    (b"random", Standard::Device(DeviceKind::Random), 0o666),
    (b"shm", Standard::Folder, 0o1777),
    (b"stderr", Standard::Link(b"/proc/self/fd/2"), 0o777),
    (b"stdin", Standard::Link(b"/proc/self/fd/0"), 0o777),
    (b"stdout", Standard::Link(b"/proc/self/fd/1"), 0o777),
    (b"tty", Standard::Device(DeviceKind::Tty), 0o666),
    (b"urandom", Standard::Device(DeviceKind::Urandom), 0o666),
    (b"zero", Standard::Device(DeviceKind::Zero), 0o666),
];

/// Standard nodes that nobody has looked for yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// `/tmp`, `/out`, and `/dev` and `/proc` themselves.
    in_root: bool,
    /// The nodes of a `/dev` that the archive brought.
    in_dev: bool,
    /// What is in a `/proc` that the archive brought.
    in_proc: bool,
    /// When they are said to have been made.
    now: u64,
}

impl Pending {
    pub(super) const NONE: Self = Self { in_root: false, in_dev: false, in_proc: false, now: 0 };
}

impl FileSystem {
    /// Sees to it that `/dev` with its nodes, `/tmp` and `/out` appear to exist from here on.
    ///
    /// What the archive brought stays as it is.
    pub fn make_standard_nodes(&mut self, now: u64) {
        self.pending = Pending { in_root: true, in_dev: true, in_proc: true, now };
    }

    /// Makes what is pending under `name` in a directory that has no such name, if there is
    /// something.
    #[inline]
    pub(super) fn make_pending(&mut self, directory: InodeId, name: &[u8]) -> Option<InodeId> {
        let Pending { in_root, in_dev, .. } = self.pending;
        if directory == InodeId::ROOT {
            return if in_root { self.make_in_root(name) } else { None };
        }
        if self.pending.in_proc {
            self.make_archived_proc();
        }
        if !in_dev || self.archived_dev() != Some(directory) {
            return None;
        }
        self.make_devices(directory);
        self.directory(directory).ok()?.find(name)
    }

    /// Makes all that is pending in a directory, for whoever looks at the whole of it or removes
    /// something from it.
    #[inline]
    pub(super) fn make_pending_in(&mut self, directory: InodeId) {
        let Pending { in_root, in_dev, in_proc, .. } = self.pending;
        if in_proc {
            self.make_archived_proc();
        }
        if in_dev
            && let Some(dev) = self.archived_dev()
            && (directory == dev || directory == InodeId::ROOT)
        {
            self.make_devices(dev);
        }
        if in_root && directory == InodeId::ROOT {
            for name in [&b"dev"[..], b"out", b"proc", b"tmp"] {
                if self.directory(directory).is_ok_and(|root| root.find(name).is_none()) {
                    self.make_in_root(name);
                }
            }
            self.pending.in_root = false;
        }
    }

    /// The `/dev` whose nodes are pending; if there is none, they no longer are.
    #[inline(never)]
    fn archived_dev(&mut self) -> Option<InodeId> {
        let dev = self.directory(InodeId::ROOT).ok().and_then(|root| root.find(b"dev"));
        let dev = dev.filter(|&dev| self.inode(dev).is_directory());
        self.pending.in_dev = dev.is_some();
        dev
    }

    /// Makes an empty `/proc` that the archive brought the real one.
    #[inline(never)]
    fn make_archived_proc(&mut self) {
        self.pending.in_proc = false;
        let root = self.directory(InodeId::ROOT);
        if let Some(proc) = root.ok().and_then(|root| root.find(b"proc"))
            && self.directory(proc).is_ok_and(Directory::is_empty)
        {
            self.make_proc_root(proc);
        }
    }

    /// Makes the standard directory `name`, if it is one.
    fn make_in_root(&mut self, name: &[u8]) -> Option<InodeId> {
        let (name, permissions): (&'static [u8], u16) = match name {
            b"dev" => (b"dev", 0o755),
            b"out" => (b"out", 0o755),
            b"proc" => (b"proc", 0o555),
            b"tmp" => (b"tmp", 0o1777),
            _ => return None,
        };
        let content = Content::Directory(Directory::new(InodeId::ROOT));
        let made = self.make_standard(InodeId::ROOT, name, content, permissions);
        match name {
            b"dev" => self.make_devices(made),
            b"proc" => self.make_proc_root(made),
            _ => {}
        }
        Some(made)
    }

    /// Makes the nodes of `/dev` that are not there.
    fn make_devices(&mut self, dev: InodeId) {
        self.pending.in_dev = false;
        for (name, node, permissions) in STANDARD_NODES {
            if self.directory(dev).is_ok_and(|names| names.find(name).is_none()) {
                let content = match node {
                    Standard::Device(device) => Content::Character(device),
                    Standard::Link(target) => Content::Symlink(Cow::Borrowed(target)),
                    Standard::Folder => Content::Directory(Directory::new(dev)),
                };
                self.make_standard(dev, name, content, permissions);
            }
        }
    }

    fn make_standard(
        &mut self,
        directory: InodeId,
        name: &'static [u8],
        content: Content,
        permissions: u16,
    ) -> InodeId {
        let now = self.pending.now;
        let made = self.insert(content, permissions, now);
        self.add_name(directory, Cow::Borrowed(name), made, now)
            .expect("standard nodes are made where they are absent");
        made
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cursor, Follow, Kind, RenameMode};
    use super::*;
    use crate::errno::Errno;
    use std::string::String;
    use std::vec::Vec;

    const ROOT: InodeId = InodeId::ROOT;

    fn tree() -> FileSystem {
        let mut tree = FileSystem::new(0);
        tree.make_standard_nodes(3);
        tree
    }

    fn names(tree: &mut FileSystem, path: &[u8]) -> Vec<String> {
        let directory = tree.resolve(ROOT, path, Follow::Last).unwrap();
        let entries = tree.entries(directory, &Cursor::at(2)).unwrap();
        entries.map(|entry| String::from_utf8(entry.name.to_vec()).unwrap()).collect()
    }

    fn kind(tree: &mut FileSystem, path: &[u8]) -> Result<Kind, Errno> {
        let id = tree.resolve(ROOT, path, Follow::Last)?;
        Ok(tree.kind(id))
    }

    const ALL: [&str; 12] = [
        "console", "fd", "full", "null", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    ];

    #[test]
    fn nobody_can_tell_that_nodes_are_made_late() {
        let mut tree = self::tree();
        assert_eq!(tree.nr_inodes(), 1);
        assert_eq!(kind(&mut tree, b"dev/null"), Ok(Kind::Character(DeviceKind::Null)));
        assert_eq!(kind(&mut tree, b"dev/nothing"), Err(Errno::ENOENT));
        assert_eq!(names(&mut tree, b"/"), ["dev", "out", "proc", "tmp"]);
        assert_eq!(names(&mut self::tree(), b"/"), ["dev", "out", "proc", "tmp"]);
        assert_eq!(names(&mut self::tree(), b"/dev"), ALL);
        assert_eq!(self::tree().stat(ROOT).nlink, 6);
        let tmp = tree.resolve(ROOT, b"tmp", Follow::Last).unwrap();
        assert_eq!((tree.stat(tmp).mode(), tree.stat(tmp).mtime), (0o041_777, 3));
        let made = self::tree().make_directory(ROOT, b"tmp", 0o755, 0);
        assert_eq!(made, Err(Errno::EEXIST));
    }

    #[test]
    fn nodes_that_were_removed_do_not_come_back() {
        let mut tree = self::tree();
        tree.remove_directory(ROOT, b"tmp", 0).unwrap();
        assert_eq!(kind(&mut tree, b"tmp"), Err(Errno::ENOENT));
        tree.unlink(ROOT, b"dev/full", 0).unwrap();
        assert_eq!(kind(&mut tree, b"dev/full"), Err(Errno::ENOENT));
        assert_eq!(tree.remove_directory(ROOT, b"dev", 0), Err(Errno::ENOTEMPTY));
        assert_eq!(self::tree().remove_directory(ROOT, b"dev", 0), Err(Errno::ENOTEMPTY));
        let mut tree = self::tree();
        let source = tree.resolve_parent(ROOT, b"dev").unwrap();
        let target = tree.resolve_parent(ROOT, b"old").unwrap();
        tree.rename(&source, &target, RenameMode::Replace, 0).unwrap();
        assert_eq!(names(&mut tree, b"/"), ["old", "out", "proc", "tmp"]);
        assert_eq!(names(&mut tree, b"old"), ALL);
    }

    #[test]
    fn what_is_there_already_stays() {
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"dev", 0o700, 0).unwrap();
        tree.make_node(ROOT, b"dev/null", Kind::Regular, 0o644, 0).unwrap();
        tree.make_node(ROOT, b"tmp", Kind::Fifo, 0o644, 0).unwrap();
        tree.make_standard_nodes(0);
        assert_eq!(kind(&mut tree, b"dev/null"), Ok(Kind::Regular));
        assert_eq!(kind(&mut tree, b"tmp"), Ok(Kind::Fifo));
        assert_eq!(kind(&mut tree, b"dev/zero"), Ok(Kind::Character(DeviceKind::Zero)));
        assert_eq!(names(&mut tree, b"dev"), ALL);
        tree.unlink(ROOT, b"dev/null", 0).unwrap();
        assert_eq!(kind(&mut tree, b"dev/null"), Err(Errno::ENOENT));
    }

    #[test]
    fn devices_have_the_numbers_that_linux_gives_them() {
        assert_eq!(DeviceKind::from_number(1, 9), Some(DeviceKind::Urandom));
        assert_eq!(DeviceKind::from_number(5, 1), Some(DeviceKind::Console));
        assert_eq!(DeviceKind::from_number(1, 1), None);
        for (name, node, _) in STANDARD_NODES {
            if let Standard::Device(device) = node {
                let (major, minor) = device.number();
                assert_eq!(DeviceKind::from_number(major, minor), Some(device), "{name:?}");
            }
        }
    }
}
