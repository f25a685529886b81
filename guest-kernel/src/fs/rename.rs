// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Renaming, as `rename(2)` and `renameat2(2)` have it.

use super::inode::{FileSystem, InodeId};
use super::path::{Last, Parent};
use crate::errno::Errno;
use alloc::borrow::Cow;

/// What happens if the target exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameMode {
    /// It is replaced.
    Replace,
    /// It is an error: `RENAME_NOREPLACE`.
    NoReplace,
    /// It must exist, and gets the other name: `RENAME_EXCHANGE`.
    Exchange,
}

impl FileSystem {
    /// Gives what `source` names the name `target`.
    ///
    /// # Errors
    /// `EXDEV` from or to `/proc`, `EBUSY` for `.`, `..` and the root, `EEXIST`, `EINVAL` for a
    /// directory into itself, `ENOENT`, `ENAMETOOLONG`, `ENOTEMPTY`, `ENOTDIR`, `EISDIR`.
    pub fn rename(
        &mut self,
        source: &Parent<'_>,
        target: &Parent<'_>,
        mode: RenameMode,
        now: u64,
    ) -> Result<(), Errno> {
        self.check_same_system(source.directory, target.directory)?;
        if source.last != Last::Name {
            return Err(Errno::EBUSY);
        }
        if target.last != Last::Name {
            let is_taken = mode == RenameMode::NoReplace;
            return Err(if is_taken { Errno::EEXIST } else { Errno::EBUSY });
        }
        self.make_pending_in(source.directory);
        self.make_pending_in(target.directory);
        let moved = self.child_of(source)?;
        let existing = self.lookup(target.directory, target.name)?;
        if existing.is_none() {
            self.check_is_named(target.directory)?;
        }
        self.check_is_changeable(source.directory, moved)?;
        if let Some(other) = existing {
            self.check_is_changeable(target.directory, other)?;
        }
        match (mode, existing) {
            (RenameMode::NoReplace, Some(_)) => return Err(Errno::EEXIST),
            (RenameMode::Exchange, None) => return Err(Errno::ENOENT),
            _ => {}
        }
        self.check_slashes(source, moved, target, existing, mode)?;
        self.check_ancestry(source, moved, target, existing, mode)?;
        match existing {
            Some(same) if same == moved => Ok(()),
            Some(other) if mode == RenameMode::Exchange => {
                self.exchange(source, moved, target, other, now)
            }
            Some(replaced) => {
                self.check_replaceable(moved, replaced)?;
                self.note_removal(target.directory, target.name, replaced);
                self.move_name(source, moved, target, now)?;
                self.drop_name(target.directory, replaced, now);
                Ok(())
            }
            None => self.move_name(source, moved, target, now),
        }
    }

    /// Only directories may be named with a slash behind.
    fn check_slashes(
        &self,
        source: &Parent<'_>,
        moved: InodeId,
        target: &Parent<'_>,
        existing: Option<InodeId>,
        mode: RenameMode,
    ) -> Result<(), Errno> {
        let moved_is_directory = self.inode(moved).is_directory();
        let target_is_directory = match existing {
            Some(other) if mode == RenameMode::Exchange => self.inode(other).is_directory(),
            _ => moved_is_directory,
        };
        let is_wrong = (source.has_trailing_slash && !moved_is_directory)
            || (target.has_trailing_slash && !target_is_directory);
        if is_wrong { Err(Errno::ENOTDIR) } else { Ok(()) }
    }

    /// No directory may come to lie below itself.
    fn check_ancestry(
        &self,
        source: &Parent<'_>,
        moved: InodeId,
        target: &Parent<'_>,
        existing: Option<InodeId>,
        mode: RenameMode,
    ) -> Result<(), Errno> {
        if self.is_at_or_above(moved, target.directory)? {
            return Err(Errno::EINVAL);
        }
        match existing {
            Some(other) if self.is_at_or_above(other, source.directory)? => Err(match mode {
                RenameMode::Exchange => Errno::EINVAL,
                _ => Errno::ENOTEMPTY,
            }),
            _ => Ok(()),
        }
    }

    fn check_replaceable(&self, moved: InodeId, replaced: InodeId) -> Result<(), Errno> {
        match (self.inode(moved).is_directory(), self.directory(replaced)) {
            (true, Ok(directory)) if directory.is_empty() => Ok(()),
            (true, Ok(_)) => Err(Errno::ENOTEMPTY),
            (true, Err(not_a_directory)) => Err(not_a_directory),
            (false, Ok(_)) => Err(Errno::EISDIR),
            (false, Err(_)) => Ok(()),
        }
    }

    /// Whether `id` is `directory` or one of the directories above it.
    fn is_at_or_above(&self, id: InodeId, directory: InodeId) -> Result<bool, Errno> {
        if !self.inode(id).is_directory() {
            return Ok(false);
        }
        let mut here = directory;
        while here != id {
            if here == InodeId::ROOT {
                return Ok(false);
            }
            here = self.directory(here)?.parent();
        }
        Ok(true)
    }

    /// Moves an entry, over whatever the target's name stands for.
    fn move_name(
        &mut self,
        source: &Parent<'_>,
        moved: InodeId,
        target: &Parent<'_>,
        now: u64,
    ) -> Result<(), Errno> {
        let names = self.directory_mut(source.directory)?;
        let at = names.search(source.name).map_err(|_| Errno::ENOENT)?;
        names.remove(at);
        let names = self.directory_mut(target.directory)?;
        match names.search(target.name) {
            Ok(at) => names.replace(at, moved),
            Err(_) => names.add(Cow::Owned(target.name.to_vec()), moved)?,
        }
        self.note_moved(moved, source.directory, target.directory, now)
    }

    fn exchange(
        &mut self,
        source: &Parent<'_>,
        moved: InodeId,
        target: &Parent<'_>,
        other: InodeId,
        now: u64,
    ) -> Result<(), Errno> {
        for (parent, inode) in [(source, other), (target, moved)] {
            let names = self.directory_mut(parent.directory)?;
            let at = names.search(parent.name).map_err(|_| Errno::ENOENT)?;
            names.replace(at, inode);
        }
        self.note_moved(moved, source.directory, target.directory, now)?;
        self.note_moved(other, target.directory, source.directory, now)
    }

    /// Brings links, parents and times in line with an entry that moved.
    fn note_moved(
        &mut self,
        moved: InodeId,
        from: InodeId,
        to: InodeId,
        now: u64,
    ) -> Result<(), Errno> {
        let inode = self.inode_mut(moved);
        inode.ctime = now.cast_signed();
        let is_directory = inode.is_directory();
        self.note_names_changed(from, now).nlink -= u32::from(is_directory);
        self.note_names_changed(to, now).nlink += u32::from(is_directory);
        if is_directory {
            self.directory_mut(moved)?.set_parent(to);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Follow, Kind};
    use super::*;
    use Errno::{EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY};
    use RenameMode::{Exchange, NoReplace, Replace};

    const ROOT: InodeId = InodeId::ROOT;

    /// `/f`, `/g`, `/empty`, `/d`, `/d/f`, `/d/sub`, `/l` to `d`.
    fn tree() -> FileSystem {
        let mut tree = FileSystem::new(0);
        for directory in [&b"empty"[..], b"d", b"d/sub"] {
            tree.make_directory(ROOT, directory, 0o755, 0).unwrap();
        }
        for file in [&b"f"[..], b"g", b"d/f"] {
            tree.make_node(ROOT, file, Kind::Regular, 0o644, 0).unwrap();
        }
        tree.make_symlink(b"d", ROOT, b"l", 0).unwrap();
        tree
    }

    fn find(tree: &mut FileSystem, path: &[u8]) -> Result<InodeId, Errno> {
        tree.resolve(ROOT, path, Follow::NoLast)
    }

    fn rename(
        tree: &mut FileSystem,
        from: &[u8],
        to: &[u8],
        mode: RenameMode,
        now: u64,
    ) -> Result<(), Errno> {
        let source = tree.resolve_parent(ROOT, from)?;
        let target = tree.resolve_parent(ROOT, to)?;
        tree.rename(&source, &target, mode, now)
    }

    #[test]
    fn errors_are_those_of_linux() {
        let cases: [(&[u8], &[u8], RenameMode, Errno); 29] = [
            (b"x", b"y", Replace, ENOENT),
            (b"x", b"f", Exchange, ENOENT),
            (b"f", b"x", Exchange, ENOENT),
            (b"f", b"x/y", Replace, ENOENT),
            (b"f", b"g/y", Replace, ENOTDIR),
            (b"f", b"g", NoReplace, EEXIST),
            (b"f", b"l", NoReplace, EEXIST),
            (b"f", b"d", Replace, EISDIR),
            (b"f", b"empty", Replace, EISDIR),
            (b"l", b"empty", Replace, EISDIR),
            (b"d", b"f", Replace, ENOTDIR),
            (b"d", b"l", Replace, ENOTDIR),
            (b"empty", b"d", Replace, ENOTEMPTY),
            (b"d", b"d/x", Replace, EINVAL),
            (b"d", b"d/sub/x", Replace, EINVAL),
            (b"d", b"l/x", Replace, EINVAL),
            (b"d/sub", b"d", Replace, ENOTEMPTY),
            (b"d/f", b"d", Replace, ENOTEMPTY),
            (b"d/f", b"d", Exchange, EINVAL),
            (b"d", b"d/f", Exchange, EINVAL),
            (b"f/", b"x", Replace, ENOTDIR),
            (b"f", b"x/", Replace, ENOTDIR),
            (b"d", b"f/", Exchange, ENOTDIR),
            (b".", b"x", Replace, EBUSY),
            (b"d/..", b"x", Replace, EBUSY),
            (b"/", b"x", Replace, EBUSY),
            (b"f", b".", Replace, EBUSY),
            (b"f", b"/", NoReplace, EEXIST),
            (b"l/", b"x", Replace, ENOTDIR),
        ];
        for (from, to, mode, expected) in cases {
            let mut tree = tree();
            let result = rename(&mut tree, from, to, mode, 1);
            let (from, to) = (from.escape_ascii(), to.escape_ascii());
            assert_eq!(result, Err(expected), "{from} to {to}, {mode:?}");
            assert_eq!(tree.nr_inodes(), 8);
        }
    }

    #[test]
    fn files_replace_files() {
        let mut tree = tree();
        let f = find(&mut tree, b"f").unwrap();
        rename(&mut tree, b"f", b"d/f", Replace, 3).unwrap();
        assert_eq!(find(&mut tree, b"d/f"), Ok(f));
        assert_eq!(find(&mut tree, b"f"), Err(ENOENT));
        assert_eq!(tree.nr_inodes(), 7);
        assert_eq!((tree.stat(f).nlink, tree.stat(f).ctime), (1, 3));
        rename(&mut tree, b"d/f", b"l", Replace, 3).unwrap();
        assert_eq!(find(&mut tree, b"l"), Ok(f));
    }

    #[test]
    fn directories_move_with_their_links_and_parents() {
        let mut tree = tree();
        let sub = find(&mut tree, b"d/sub").unwrap();
        assert_eq!(tree.stat(ROOT).nlink, 4);
        rename(&mut tree, b"d/sub/", b"moved/", NoReplace, 0).unwrap();
        let d = find(&mut tree, b"d").unwrap();
        assert_eq!((tree.stat(ROOT).nlink, tree.stat(d).nlink), (5, 2));
        assert_eq!(tree.resolve(sub, b"..", Follow::Last), Ok(ROOT));
        assert_eq!(tree.path_of(sub).unwrap(), b"/moved");
        rename(&mut tree, b"d", b"empty", Replace, 0).unwrap();
        assert_eq!(tree.stat(ROOT).nlink, 4);
        assert_eq!(find(&mut tree, b"empty"), Ok(d));
        assert_eq!(tree.nr_inodes(), 7);
    }

    #[test]
    fn a_replaced_directory_that_is_open_stays_until_it_is_closed() {
        let mut tree = tree();
        let empty = find(&mut tree, b"empty").unwrap();
        tree.open(empty);
        rename(&mut tree, b"d", b"empty", Replace, 0).unwrap();
        assert_eq!(tree.stat(empty).nlink, 0);
        assert_eq!(tree.resolve(empty, b"..", Follow::Last), Ok(ROOT));
        tree.close(empty);
        assert_eq!(tree.nr_inodes(), 7);
    }

    #[test]
    fn names_of_one_file_stay_both() {
        let mut tree = tree();
        let f = find(&mut tree, b"f").unwrap();
        tree.link(f, ROOT, b"h", 0).unwrap();
        rename(&mut tree, b"f", b"h", Replace, 0).unwrap();
        rename(&mut tree, b"f", b"f", Replace, 0).unwrap();
        assert_eq!(tree.stat(f).nlink, 2);
        assert_eq!(find(&mut tree, b"f"), Ok(f));
    }

    #[test]
    fn exchange_swaps_files_and_directories() {
        let mut tree = tree();
        let (f, sub) = (find(&mut tree, b"f").unwrap(), find(&mut tree, b"d/sub").unwrap());
        let d = find(&mut tree, b"d").unwrap();
        rename(&mut tree, b"f", b"d/sub", Exchange, 0).unwrap();
        assert_eq!((find(&mut tree, b"d/sub"), find(&mut tree, b"f")), (Ok(f), Ok(sub)));
        assert_eq!((tree.stat(ROOT).nlink, tree.stat(d).nlink), (5, 2));
        assert_eq!(tree.path_of(sub).unwrap(), b"/f");
        rename(&mut tree, b"d", b"empty", Exchange, 0).unwrap();
        assert_eq!(find(&mut tree, b"empty"), Ok(d));
        assert_eq!(tree.stat(ROOT).nlink, 5);
    }
}
