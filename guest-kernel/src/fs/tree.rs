// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Operations on names: making, finding, linking and removing them, with Linux's errors.

use super::data::FileData;
use super::directory::Directory;
use super::inode::{Content, FileSystem, Inode, InodeId, Kind};
use super::path::{Follow, LINKS_MAX, Last, Parent};
use crate::errno::Errno;
use alloc::borrow::Cow;
use seed_protocols::cpio::{COMPONENT_MAX, NAME_MAX};

/// A directory with this bit gives it to those that are made in it.
const S_ISGID: u16 = 0o2000;

/// How `open` with `O_CREAT` treats a file that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// It is taken.
    IfAbsent,
    /// It is an error: `O_EXCL`.
    Exclusive,
}

/// What `open` with `O_CREAT` found or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The inode, not yet held.
    pub inode: InodeId,
    /// Whether it was made by this call.
    pub is_new: bool,
}

impl FileSystem {
    /// Finds or makes a file: `open` with `O_CREAT`.
    ///
    /// With [`Follow::NoLast`] (`O_NOFOLLOW`) a symbolic link is an error.
    ///
    /// # Errors
    /// `EEXIST` if it must not exist, `EISDIR` for a directory, `ELOOP` for a link that is not
    /// followed, and those of [`FileSystem::resolve_parent`].
    pub fn open_or_create(
        &mut self,
        start: InodeId,
        path: &[u8],
        follow: Follow,
        create: Create,
        permissions: u16,
        now: u64,
    ) -> Result<Opened, Errno> {
        let mut start = start;
        let mut path = Cow::Borrowed(path);
        let mut links_left = LINKS_MAX;
        loop {
            let parent = self.walk_to_parent(start, &path, &mut links_left)?;
            match (parent.last, create) {
                (Last::Name, _) if !parent.has_trailing_slash => {}
                (Last::Name, _) | (_, Create::IfAbsent) => return Err(Errno::EISDIR),
                (_, Create::Exclusive) => return Err(Errno::EEXIST),
            }
            let Some(inode) = self.lookup(parent.directory, parent.name)? else {
                let content = Content::Regular(FileData::default());
                let inode = self.make_child(&parent, content, permissions, now)?;
                return Ok(Opened { inode, is_new: true });
            };
            if create == Create::Exclusive {
                return Err(Errno::EEXIST);
            }
            match (self.kind(inode), follow) {
                (Kind::Symlink, Follow::Last) => {
                    if self.inode(inode).is_synthetic
                        && let Some(inode) = self.proc_jump(inode)
                    {
                        return Ok(Opened { inode: inode?, is_new: false });
                    }
                    links_left = links_left.checked_sub(1).ok_or(Errno::ELOOP)?;
                    start = parent.directory;
                    path = self.link_target(inode)?;
                }
                (Kind::Symlink, Follow::NoLast) => return Err(Errno::ELOOP),
                (Kind::Directory, _) => return Err(Errno::EISDIR),
                _ => return Ok(Opened { inode, is_new: false }),
            }
        }
    }

    /// Makes an empty directory.
    ///
    /// # Errors
    /// `EEXIST`, and those of [`FileSystem::resolve_parent`].
    pub fn make_directory(
        &mut self,
        start: InodeId,
        path: &[u8],
        permissions: u16,
        now: u64,
    ) -> Result<InodeId, Errno> {
        let parent = self.resolve_absent(start, path, Kind::Directory)?;
        let inherited = self.permissions(parent.directory) & S_ISGID;
        let content = Content::Directory(Directory::new(parent.directory));
        self.make_child(&parent, content, permissions | inherited, now)
    }

    /// Makes a regular file, a device or a named pipe: `mknod`.
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` for kinds that `mknod` does not make, and those of
    /// [`FileSystem::resolve_parent`].
    pub fn make_node(
        &mut self,
        start: InodeId,
        path: &[u8],
        kind: Kind,
        permissions: u16,
        now: u64,
    ) -> Result<InodeId, Errno> {
        let content = match kind {
            Kind::Regular => Content::Regular(FileData::default()),
            Kind::Character(device) => Content::Character(device),
            Kind::Fifo => Content::Fifo,
            Kind::Directory | Kind::Symlink => return Err(Errno::EPERM),
        };
        let parent = self.resolve_absent(start, path, kind)?;
        self.make_child(&parent, content, permissions, now)
    }

    /// Makes a symbolic link to `target`.
    ///
    /// # Errors
    /// `ENOENT` for an empty target, `ENAMETOOLONG` for one that no path can have, `EEXIST`, and
    /// those of [`FileSystem::resolve_parent`].
    pub fn make_symlink(
        &mut self,
        target: &[u8],
        start: InodeId,
        path: &[u8],
        now: u64,
    ) -> Result<InodeId, Errno> {
        match target.len() {
            0 => return Err(Errno::ENOENT),
            1..=NAME_MAX => {}
            _ => return Err(Errno::ENAMETOOLONG),
        }
        let parent = self.resolve_absent(start, path, Kind::Symlink)?;
        let content = Content::Symlink(Cow::Owned(target.to_vec()));
        self.make_child(&parent, content, 0o777, now)
    }

    /// Gives an inode another name.
    ///
    /// # Errors
    /// `EXDEV` from or to `/proc`, `EPERM` for a directory, `ENOENT` for a file that has no name
    /// left, `EEXIST`, and those of [`FileSystem::resolve_parent`].
    pub fn link(
        &mut self,
        existing: InodeId,
        start: InodeId,
        path: &[u8],
        now: u64,
    ) -> Result<(), Errno> {
        let parent = self.resolve_absent(start, path, Kind::Regular)?;
        self.check_same_system(existing, parent.directory)?;
        self.check_is_named(parent.directory)?;
        if self.inode(existing).is_directory() {
            return Err(Errno::EPERM);
        }
        let inode = self.inode(existing);
        if inode.nlink == 0 && !inode.may_be_named {
            return Err(Errno::ENOENT);
        }
        self.inode_mut(existing).may_be_named = false;
        self.add_name(parent.directory, Cow::Owned(parent.name.to_vec()), existing, now)
    }

    /// Removes the name of something that is no directory.
    ///
    /// # Errors
    /// `EISDIR` for a directory, `ENOENT`, and those of [`FileSystem::resolve_parent`].
    pub fn unlink(&mut self, start: InodeId, path: &[u8], now: u64) -> Result<(), Errno> {
        let parent = self.resolve_parent(start, path)?;
        if parent.last != Last::Name {
            return Err(Errno::EISDIR);
        }
        let child = self.child_of(&parent)?;
        if self.inode(child).is_directory() {
            return Err(Errno::EISDIR);
        }
        if parent.has_trailing_slash {
            return Err(Errno::ENOTDIR);
        }
        self.remove_name(&parent, child, now)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOTDIR`, `EBUSY` for the root, `EINVAL` for `.`, `ENOENT`, and those of
    /// [`FileSystem::resolve_parent`].
    pub fn remove_directory(&mut self, start: InodeId, path: &[u8], now: u64) -> Result<(), Errno> {
        let parent = self.resolve_parent(start, path)?;
        match parent.last {
            Last::Name => {}
            Last::Dot => return Err(Errno::EINVAL),
            Last::DotDot => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        }
        self.make_pending_in(parent.directory);
        let child = self.child_of(&parent)?;
        self.check_is_changeable(parent.directory, child)?;
        if !self.directory(child)?.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.remove_name(&parent, child, now)
    }

    /// Whether a directory has an entry `name` of the archive's or of a program's making.
    #[must_use]
    pub fn has_entry(&self, directory: InodeId, name: &[u8]) -> bool {
        self.directory(directory).is_ok_and(|names| names.find(name).is_some())
    }

    /// What `name` stands for in a directory; `.` and `..` are not known here. Whoever makes a name
    /// looks for it first, so none is too long. In a directory that was removed there is nothing.
    #[inline]
    pub(super) fn lookup(
        &mut self,
        directory: InodeId,
        name: &[u8],
    ) -> Result<Option<InodeId>, Errno> {
        if let Some(found) = self.directory(directory)?.find(name)
            && !self.inode(directory).is_synthetic
        {
            return Ok(Some(found));
        }
        if name.len() > COMPONENT_MAX && self.inode(directory).nlink > 0 {
            return Err(Errno::ENAMETOOLONG);
        }
        if let Some(made) = self.make_pending(directory, name) {
            return Ok(Some(made));
        }
        if self.inode(directory).is_synthetic {
            self.check_proc_known(directory, Some(name))?;
            return Ok(self.directory(directory)?.find(name));
        }
        Ok(None)
    }

    /// Gives `child` a name that the directory does not have.
    pub(super) fn add_name(
        &mut self,
        directory: InodeId,
        name: Cow<'static, [u8]>,
        child: InodeId,
        now: u64,
    ) -> Result<(), Errno> {
        self.directory_mut(directory)?.add(name, child)?;
        let inode = self.inode_mut(child);
        inode.ctime = now.cast_signed();
        let is_directory = inode.is_directory();
        inode.nlink += 1 + u32::from(is_directory);
        self.note_names_changed(directory, now).nlink += u32::from(is_directory);
        Ok(())
    }

    /// Marks a directory as changed.
    pub(super) fn note_names_changed(&mut self, directory: InodeId, now: u64) -> &mut Inode {
        let inode = self.inode_mut(directory);
        inode.mtime = now.cast_signed();
        inode.ctime = now.cast_signed();
        inode
    }

    /// Takes a name from an inode whose entry in `directory` is gone.
    pub(super) fn drop_name(&mut self, directory: InodeId, child: InodeId, now: u64) {
        let inode = self.inode_mut(child);
        inode.ctime = now.cast_signed();
        if inode.is_directory() {
            inode.nlink = 0;
            let parent = self.inode_mut(directory);
            parent.nlink -= 1;
            parent.open_count += 1;
        } else {
            inode.nlink -= 1;
        }
        self.free_if_unused(child);
    }

    fn remove_name(&mut self, parent: &Parent<'_>, child: InodeId, now: u64) -> Result<(), Errno> {
        self.check_is_changeable(parent.directory, child)?;
        self.make_pending_in(parent.directory);
        self.note_removal(parent.directory, parent.name, child);
        let names = self.directory_mut(parent.directory)?;
        let at = names.search(parent.name).map_err(|_| Errno::ENOENT)?;
        names.remove(at);
        self.note_names_changed(parent.directory, now);
        self.drop_name(parent.directory, child, now);
        Ok(())
    }

    /// The parent of a path that must not exist, where a `kind` is to be made.
    fn resolve_absent<'a>(
        &mut self,
        start: InodeId,
        path: &'a [u8],
        kind: Kind,
    ) -> Result<Parent<'a>, Errno> {
        let parent = self.resolve_parent(start, path)?;
        if parent.last != Last::Name || self.lookup(parent.directory, parent.name)?.is_some() {
            return Err(Errno::EEXIST);
        }
        if parent.has_trailing_slash && kind != Kind::Directory {
            return Err(Errno::ENOENT);
        }
        Ok(parent)
    }

    fn make_child(
        &mut self,
        parent: &Parent<'_>,
        content: Content,
        permissions: u16,
        now: u64,
    ) -> Result<InodeId, Errno> {
        self.check_is_named(parent.directory)?;
        let child = self.insert(content, permissions & 0o7777, now);
        let Inode { permissions, owner, .. } = *self.inode(parent.directory);
        self.set_owner(child, None, (permissions & S_ISGID != 0).then_some(owner.group));
        self.add_name(parent.directory, Cow::Owned(parent.name.to_vec()), child, now)?;
        Ok(child)
    }

    /// Refuses to add names to a directory that was removed, or to `/proc`.
    pub(super) fn check_is_named(&self, directory: InodeId) -> Result<(), Errno> {
        match self.inode(directory) {
            Inode { nlink: 0, .. } | Inode { is_synthetic: true, .. } => Err(Errno::ENOENT),
            _ => Ok(()),
        }
    }

    /// Checks that two inodes are both in `/proc`, or both not.
    ///
    /// # Errors
    /// `EXDEV`: they are not.
    pub fn check_same_system(&self, one: InodeId, other: InodeId) -> Result<(), Errno> {
        let is_same = self.inode(one).is_synthetic == self.inode(other).is_synthetic;
        if is_same { Ok(()) } else { Err(Errno::EXDEV) }
    }

    /// Refuses to take names away from `/proc`, and `/proc` itself.
    pub(super) fn check_is_changeable(
        &self,
        directory: InodeId,
        child: InodeId,
    ) -> Result<(), Errno> {
        match (self.inode(directory).is_synthetic, self.inode(child).is_synthetic) {
            (true, _) => Err(Errno::EPERM),
            (false, true) => Err(Errno::EBUSY),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::frames::frames;
    use Errno::{
        EBUSY, EEXIST, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTEMPTY, EPERM,
    };

    const ROOT: InodeId = InodeId::ROOT;

    /// `/d`, `/d/f`, `/l` to `d`, `/new` to `d/made`.
    fn tree() -> FileSystem {
        let mut tree = FileSystem::new(5);
        tree.make_directory(ROOT, b"d", 0o755, 5).unwrap();
        tree.make_node(ROOT, b"d/f", Kind::Regular, 0o644, 5).unwrap();
        tree.make_symlink(b"d", ROOT, b"l", 5).unwrap();
        tree.make_symlink(b"d/made", ROOT, b"new", 5).unwrap();
        tree
    }

    fn find(tree: &mut FileSystem, path: &[u8]) -> InodeId {
        tree.resolve(ROOT, path, Follow::NoLast).unwrap()
    }

    #[test]
    fn creating_answers_as_open_does() {
        let mut tree = tree();
        let f = find(&mut tree, b"d/f");
        let mut open = |path, follow, create| {
            tree.open_or_create(ROOT, path, follow, create, 0o640, 9).map(|opened| opened.is_new)
        };
        use Create::{Exclusive, IfAbsent};
        let cases = [
            (&b"d/f"[..], Follow::Last, IfAbsent, Ok(false)),
            (b"l/f", Follow::Last, IfAbsent, Ok(false)),
            (b"d/f", Follow::Last, Exclusive, Err(EEXIST)),
            (b"d", Follow::Last, IfAbsent, Err(EISDIR)),
            (b"l", Follow::Last, IfAbsent, Err(EISDIR)),
            (b"l", Follow::NoLast, IfAbsent, Err(ELOOP)),
            (b"l", Follow::Last, Exclusive, Err(EEXIST)),
            (b"new", Follow::Last, Exclusive, Err(EEXIST)),
            (b"new", Follow::Last, IfAbsent, Ok(true)),
            (b"new", Follow::Last, IfAbsent, Ok(false)),
            (b"d/made", Follow::Last, IfAbsent, Ok(false)),
            (b"x", Follow::Last, Exclusive, Ok(true)),
            (b"y/", Follow::Last, IfAbsent, Err(EISDIR)),
            (b".", Follow::Last, IfAbsent, Err(EISDIR)),
            (b"/", Follow::Last, Exclusive, Err(EEXIST)),
            (b"y/z", Follow::Last, IfAbsent, Err(ENOENT)),
            (b"d/f/z", Follow::Last, IfAbsent, Err(ENOTDIR)),
            (&[b'a'; 256], Follow::Last, IfAbsent, Err(ENAMETOOLONG)),
        ];
        for (path, follow, create, expected) in cases {
            let shown = path.escape_ascii();
            assert_eq!(open(path, follow, create), expected, "{shown} {follow:?} {create:?}");
        }
        let x = find(&mut tree, b"x");
        assert_eq!(tree.stat(x).mode(), 0o100_640);
        assert_eq!(tree.stat(f).mode(), 0o100_644);
    }

    #[test]
    fn directories_are_made_and_removed_as_linux_does() {
        let mut tree = tree();
        let mut make = |path: &[u8]| tree.make_directory(ROOT, path, 0o1777, 9).map(|_| ());
        assert_eq!(make(b"n/"), Ok(()));
        assert_eq!(make(b"n"), Err(EEXIST));
        assert_eq!(make(b"l"), Err(EEXIST));
        assert_eq!(make(b"new/"), Err(EEXIST));
        assert_eq!(make(b"/"), Err(EEXIST));
        assert_eq!(make(b"n/.."), Err(EEXIST));
        assert_eq!(make(b"x/y"), Err(ENOENT));
        assert_eq!(tree.stat(ROOT).nlink, 4);
        let mut remove = |path: &[u8]| tree.remove_directory(ROOT, path, 9);
        assert_eq!(remove(b"d"), Err(ENOTEMPTY));
        assert_eq!(remove(b"d/f"), Err(ENOTDIR));
        assert_eq!(remove(b"l"), Err(ENOTDIR));
        assert_eq!(remove(b"l/"), Err(ENOTDIR));
        assert_eq!(remove(b"/"), Err(EBUSY));
        assert_eq!(remove(b"n/."), Err(EINVAL));
        assert_eq!(remove(b"n/.."), Err(ENOTEMPTY));
        assert_eq!(remove(b"x"), Err(ENOENT));
        assert_eq!(remove(b"n/"), Ok(()));
        assert_eq!(tree.stat(ROOT).nlink, 3);
        assert_eq!(tree.stat(ROOT).mtime, 9);
    }

    #[test]
    fn unlinking_answers_as_linux_does() {
        let mut tree = tree();
        let mut unlink = |path: &[u8]| tree.unlink(ROOT, path, 9);
        assert_eq!(unlink(b"d"), Err(EISDIR));
        assert_eq!(unlink(b"d/"), Err(EISDIR));
        assert_eq!(unlink(b"d/."), Err(EISDIR));
        assert_eq!(unlink(b"/"), Err(EISDIR));
        assert_eq!(unlink(b"d/f/"), Err(ENOTDIR));
        assert_eq!(unlink(b"l/"), Err(ENOTDIR));
        assert_eq!(unlink(b"x"), Err(ENOENT));
        assert_eq!(unlink(b"l"), Ok(()));
        assert_eq!(unlink(b"d/f"), Ok(()));
        assert_eq!(tree.nr_inodes(), 3);
    }

    #[test]
    fn links_and_nodes_answer_as_linux_does() {
        let mut tree = tree();
        let (f, d) = (find(&mut tree, b"d/f"), find(&mut tree, b"d"));
        assert_eq!(tree.link(f, ROOT, b"g", 9), Ok(()));
        assert_eq!(tree.link(f, ROOT, b"g", 9), Err(EEXIST));
        assert_eq!(tree.link(f, ROOT, b"new", 9), Err(EEXIST));
        assert_eq!(tree.link(f, ROOT, b"h/", 9), Err(ENOENT));
        assert_eq!(tree.link(d, ROOT, b"h", 9), Err(EPERM));
        let stat = tree.stat(f);
        assert_eq!((stat.nlink, stat.ctime, stat.mtime), (2, 9, 5));
        assert_eq!(tree.make_symlink(b"", ROOT, b"s", 9), Err(ENOENT));
        assert_eq!(tree.make_symlink(&[b'a'; 4096], ROOT, b"s", 9), Err(ENAMETOOLONG));
        assert_eq!(tree.make_symlink(b"t", ROOT, b"g", 9), Err(EEXIST));
        assert_eq!(tree.make_node(ROOT, b"s", Kind::Directory, 0, 9), Err(EPERM));
        let fifo = tree.make_node(ROOT, b"s", Kind::Fifo, 0o600, 9).unwrap();
        assert_eq!(tree.stat(fifo).mode(), 0o010_600);
    }

    #[test]
    fn an_open_file_outlives_its_names() {
        let free = frames().counts().free;
        let mut tree = tree();
        let f = find(&mut tree, b"d/f");
        tree.open(f);
        tree.write_bytes(f, 0, b"text", 9).unwrap();
        tree.unlink(ROOT, b"d/f", 9).unwrap();
        assert_eq!(tree.stat(f).nlink, 0);
        assert_eq!(tree.link(f, ROOT, b"again", 9), Err(ENOENT));
        let mut bytes = [0; 9];
        assert_eq!(tree.read_bytes(f, 1, &mut bytes), Ok(3));
        assert_eq!(bytes[..3], *b"ext");
        tree.close(f);
        assert_eq!(frames().counts().free, free);
    }

    #[test]
    fn an_open_directory_that_was_removed_still_leads_up() {
        let mut tree = FileSystem::new(0);
        let a = tree.make_directory(ROOT, b"a", 0o755, 0).unwrap();
        let b = tree.make_directory(ROOT, b"a/b", 0o755, 0).unwrap();
        tree.open(b);
        tree.remove_directory(ROOT, b"a/b", 0).unwrap();
        tree.remove_directory(ROOT, b"a", 0).unwrap();
        assert_eq!(tree.nr_inodes(), 3);
        assert_eq!(tree.resolve(b, b"..", Follow::Last), Ok(a));
        assert_eq!(tree.resolve(b, b"../..", Follow::Last), Ok(ROOT));
        assert_eq!(tree.make_directory(b, b"x", 0, 0), Err(ENOENT));
        assert_eq!(tree.make_directory(b, b"../x", 0, 0), Err(ENOENT));
        assert_eq!(tree.entries(b, &super::super::Cursor::default()).err(), Some(ENOENT));
        tree.close(b);
        assert_eq!(tree.nr_inodes(), 1);
    }

    #[test]
    fn numbers_are_never_used_again() {
        let mut tree = FileSystem::new(0);
        for expected in 2..200 {
            let id = tree.make_node(ROOT, b"f", Kind::Regular, 0o644, 0).unwrap();
            assert_eq!(tree.stat(id).number, expected);
            tree.unlink(ROOT, b"f", 0).unwrap();
        }
        assert_eq!(tree.nr_inodes(), 1);
    }

    #[test]
    fn attributes_change_as_told() {
        let mut tree = tree();
        let f = find(&mut tree, b"d/f");
        tree.set_permissions(f, 0o104_755, 7);
        tree.set_times(f, Some(1), None, 8);
        let stat = tree.stat(f);
        assert_eq!(stat.mode(), 0o104_755);
        assert_eq!((stat.atime, stat.mtime, stat.ctime), (1, 5, 8));
        tree.truncate(f, 5000, 9).unwrap();
        let stat = tree.stat(f);
        assert_eq!((stat.size, stat.nr_blocks, stat.mtime), (5000, 0, 9));
        tree.write_bytes(f, 4090, b"0123456789", 10).unwrap();
        assert_eq!(tree.stat(f).nr_blocks, 16);
        let d = find(&mut tree, b"d");
        assert_eq!(tree.truncate(d, 0, 9), Err(EISDIR));
        assert_eq!(tree.stat(d).size, 60);
    }

    #[test]
    fn data_and_holes_are_found() {
        let mut tree = tree();
        let f = find(&mut tree, b"d/f");
        assert_eq!(tree.seek_data(f, 0), Err(Errno::ENXIO));
        assert_eq!(tree.seek_hole(f, 0), Err(Errno::ENXIO));
        tree.truncate(f, 1 << 30, 9).unwrap();
        tree.write_bytes(f, 20_000, b"x", 9).unwrap();
        assert_eq!(tree.seek_data(f, 0), Ok(16_384));
        assert_eq!(tree.seek_data(f, 16_390), Ok(16_390));
        assert_eq!(tree.seek_data(f, 20_480), Err(Errno::ENXIO));
        assert_eq!(tree.seek_hole(f, 0), Ok(0));
        assert_eq!(tree.seek_hole(f, 16_400), Ok(20_480));
        assert_eq!(tree.seek_hole(f, 1 << 30), Err(Errno::ENXIO));
        assert_eq!(tree.seek_data(f, u64::MAX), Err(Errno::ENXIO));
    }
}
