// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What inodes are called that have no name: as they were when somebody who had them open lost their
//! last name, or as they were made. For people who look at `/proc`.

use super::inode::{FileSystem, InodeId};
use alloc::vec::Vec;

impl FileSystem {
    /// What an inode is called: one of its paths, or what is left of it.
    #[must_use]
    pub fn shown_path(&self, id: InodeId) -> Vec<u8> {
        if self.inode(id).nlink > 0
            && let Some(path) = self.path_of(id).ok().or_else(|| self.find_path(id))
        {
            return path;
        }
        // What no call made by a path is memory that processes share.
        let path = self.lost_paths.get(id).map_or(&b"/dev/zero"[..], Vec::as_slice);
        [path, b" (deleted)"].concat()
    }

    /// Notes what an inode without a name is called, for as long as it lives.
    pub fn note_lost_path(&mut self, id: InodeId, path: Vec<u8>) {
        self.lost_paths.insert(id, path);
    }

    /// The path of a name in a directory.
    pub(super) fn path_in(&self, directory: InodeId, name: &[u8]) -> Option<Vec<u8>> {
        let mut path = self.path_of(directory).ok()?;
        if path != b"/" {
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Some(path)
    }

    /// An inode is about to lose a name: notes it if that is the last one and somebody has it open.
    pub(super) fn note_removal(&mut self, directory: InodeId, name: &[u8], child: InodeId) {
        let inode = self.inode(child);
        let is_last = inode.nlink == 1 || inode.is_directory();
        if is_last
            && inode.open_count > 0
            && let Some(path) = self.path_in(directory, name)
        {
            self.note_lost_path(child, path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, RenameMode};
    use super::*;

    const ROOT: InodeId = InodeId::ROOT;

    #[test]
    fn what_is_open_keeps_its_last_path_and_is_forgotten_with_its_inode() {
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"d", 0o755, 0).unwrap();
        let [one, two] = [&b"d/one"[..], b"two"]
            .map(|path| tree.make_node(ROOT, path, Kind::Regular, 0o644, 0).unwrap());
        tree.open(one);
        tree.open(two);
        assert_eq!(tree.shown_path(one), b"/d/one");
        let [from, to] =
            [&b"two"[..], b"d/one"].map(|path| tree.resolve_parent(ROOT, path).unwrap());
        tree.rename(&from, &to, RenameMode::Replace, 0).unwrap();
        assert_eq!(tree.shown_path(one), b"/d/one (deleted)");
        tree.unlink(ROOT, b"d/one", 0).unwrap();
        assert_eq!(tree.shown_path(two), b"/d/one (deleted)");
        tree.close(one);
        tree.close(two);
        assert!(tree.lost_paths.is_empty());
    }
}
