// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Path walking, as `path_resolution(7)` has it for user 0.

use super::inode::{Content, FileSystem, InodeId};
use crate::errno::Errno;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use seed_protocols::bytes::find_byte;
use seed_protocols::cpio::NAME_MAX;

/// Symbolic links that one resolution may follow.
pub(super) const LINKS_MAX: u32 = 40;

/// Whether a symbolic link in the last component is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It is.
    Last,
    /// The link itself is meant.
    NoLast,
}

/// What the last component of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// A name that an entry can have.
    Name,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There is none: the path is all slashes.
    Root,
}

/// A path up to its last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent<'a> {
    /// The directory that the last component is looked up in.
    pub directory: InodeId,
    /// The last component, empty for the root.
    pub name: &'a [u8],
    /// What it is.
    pub last: Last,
    /// Whether slashes follow: then only a directory can be meant.
    pub has_trailing_slash: bool,
}

impl FileSystem {
    /// The inode that `path` leads to from the directory `start`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP` and `ENAMETOOLONG` as Linux has them.
    pub fn resolve(
        &mut self,
        start: InodeId,
        path: &[u8],
        follow: Follow,
    ) -> Result<InodeId, Errno> {
        check_length(path)?;
        self.walk(start, path, follow, &mut { LINKS_MAX })
    }

    /// The directory that holds what `path` names, and the name; that need not exist.
    ///
    /// # Errors
    /// As for [`FileSystem::resolve`].
    pub fn resolve_parent<'a>(
        &mut self,
        start: InodeId,
        path: &'a [u8],
    ) -> Result<Parent<'a>, Errno> {
        self.walk_to_parent(start, path, &mut { LINKS_MAX })
    }

    /// The absolute path of a directory.
    ///
    /// # Errors
    /// `ENOENT`: it was removed. `ENOTDIR`: it is none.
    pub fn path_of(&self, directory: InodeId) -> Result<Vec<u8>, Errno> {
        let mut names = Vec::new();
        let mut here = directory;
        while here != InodeId::ROOT {
            let parent = self.directory(here)?.parent();
            names.push(self.directory(parent)?.name_of(here).ok_or(Errno::ENOENT)?);
            here = parent;
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            self.directory(directory)?;
            path.push(b'/');
        }
        Ok(path)
    }

    /// [`FileSystem::resolve_parent`] in the middle of a resolution, which may still follow
    /// `links_left` links.
    pub(super) fn walk_to_parent<'a>(
        &mut self,
        start: InodeId,
        path: &'a [u8],
        links_left: &mut u32,
    ) -> Result<Parent<'a>, Errno> {
        check_length(path)?;
        let bare_len = path.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at + 1);
        let bare = &path[..bare_len];
        let name_start = bare.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
        let name = &bare[name_start..];
        let directory = match name_start {
            0 if bare.is_empty() => InodeId::ROOT,
            0 => start,
            _ => self.walk(start, &path[..name_start], Follow::Last, links_left)?,
        };
        self.directory(directory)?;
        let last = match name {
            b"" => Last::Root,
            b"." => Last::Dot,
            b".." => Last::DotDot,
            _ => Last::Name,
        };
        Ok(Parent { directory, name, last, has_trailing_slash: bare_len < path.len() })
    }

    /// What the last component of a path stands for, without following it.
    ///
    /// # Errors
    /// `ENOENT`: no entry has this name.
    pub fn child_of(&mut self, parent: &Parent<'_>) -> Result<InodeId, Errno> {
        match parent.last {
            Last::Name => self.lookup(parent.directory, parent.name)?.ok_or(Errno::ENOENT),
            Last::DotDot => Ok(self.directory(parent.directory)?.parent()),
            Last::Dot | Last::Root => Ok(parent.directory),
        }
    }

    /// Target of a symbolic link, for the time that the tree may change; copied unless it lies in
    /// the archive.
    pub(super) fn link_target(&self, link: InodeId) -> Result<Cow<'static, [u8]>, Errno> {
        match &self.inode(link).content {
            Content::Symlink(target) => Ok(target.clone()),
            _ => Err(Errno::EINVAL),
        }
    }

    fn walk(
        &mut self,
        start: InodeId,
        path: &[u8],
        follow: Follow,
        links_left: &mut u32,
    ) -> Result<InodeId, Errno> {
        let mut here = if path.starts_with(b"/") { InodeId::ROOT } else { start };
        let mut rest = path;
        while !rest.is_empty() {
            while let [b'/', behind @ ..] = rest {
                rest = behind;
            }
            let (name, behind) = rest.split_at(find_byte(rest, b'/').unwrap_or(rest.len()));
            rest = behind;
            here = match name {
                b"" | b"." => {
                    self.directory(here)?;
                    here
                }
                b".." => self.directory(here)?.parent(),
                _ => {
                    let child = self.lookup(here, name)?.ok_or(Errno::ENOENT)?;
                    let is_followed = follow == Follow::Last || !rest.is_empty();
                    let is_link = matches!(self.inode(child).content, Content::Symlink(_));
                    if is_link && is_followed {
                        self.walk_link(here, child, links_left)?
                    } else {
                        child
                    }
                }
            };
        }
        Ok(here)
    }

    /// What a symbolic link in `directory` leads to.
    #[inline(never)]
    fn walk_link(
        &mut self,
        directory: InodeId,
        link: InodeId,
        links_left: &mut u32,
    ) -> Result<InodeId, Errno> {
        *links_left = links_left.checked_sub(1).ok_or(Errno::ELOOP)?;
        if self.inode(link).is_synthetic
            && let Some(target) = self.proc_jump(link)
        {
            return target;
        }
        let target = self.link_target(link)?;
        self.walk(directory, &target, Follow::Last, links_left)
    }
}

fn check_length(path: &[u8]) -> Result<(), Errno> {
    match path.len() {
        0 => Err(Errno::ENOENT),
        1..=NAME_MAX => Ok(()),
        _ => Err(Errno::ENAMETOOLONG),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use Errno::{EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR};
    use std::format;

    const ROOT: InodeId = InodeId::ROOT;

    /// `/d/e/f` (a file), links `/d/up` to `..`, `/abs` to `/d/e`, `/rel` to `d/e`, `/none`.
    fn tree() -> FileSystem {
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"d", 0o755, 0).unwrap();
        tree.make_directory(ROOT, b"d/e", 0o755, 0).unwrap();
        tree.make_node(ROOT, b"d/e/f", Kind::Regular, 0o644, 0).unwrap();
        tree.make_symlink(b"..", ROOT, b"d/up", 0).unwrap();
        tree.make_symlink(b"/d/e", ROOT, b"abs", 0).unwrap();
        tree.make_symlink(b"d/e", ROOT, b"rel", 0).unwrap();
        tree.make_symlink(b"nowhere", ROOT, b"none", 0).unwrap();
        tree
    }

    fn number(tree: &mut FileSystem, path: &[u8]) -> Result<u64, Errno> {
        let id = tree.resolve(ROOT, path, Follow::Last)?;
        Ok(tree.stat(id).number)
    }

    #[test]
    fn paths_lead_where_linux_leads_them() {
        let mut tree = tree();
        let cases: [(&[u8], Result<u64, Errno>); 30] = [
            (b"/", Ok(1)),
            (b"//", Ok(1)),
            (b".", Ok(1)),
            (b"..", Ok(1)),
            (b"/../..", Ok(1)),
            (b"d", Ok(2)),
            (b"/d/", Ok(2)),
            (b"d/./e/..//", Ok(2)),
            (b"d/e/f", Ok(4)),
            (b"d/e/f/", Err(ENOTDIR)),
            (b"d/e/f/.", Err(ENOTDIR)),
            (b"d/e/f/..", Err(ENOTDIR)),
            (b"d/e/f/x", Err(ENOTDIR)),
            (b"d/e/x", Err(ENOENT)),
            (b"x/..", Err(ENOENT)),
            (b"", Err(ENOENT)),
            (b"d/up", Ok(1)),
            (b"d/up/d/up/d", Ok(2)),
            (b"abs", Ok(3)),
            (b"abs/", Ok(3)),
            (b"abs/f", Ok(4)),
            (b"abs/..", Ok(2)),
            (b"rel/f", Ok(4)),
            (b"rel/f/", Err(ENOTDIR)),
            (b"none", Err(ENOENT)),
            (b"none/", Err(ENOENT)),
            (b"none/x", Err(ENOENT)),
            (&[b'a'; 255], Err(ENOENT)),
            (&[b'a'; 256], Err(ENAMETOOLONG)),
            (&[b'/'; 4096], Err(ENAMETOOLONG)),
        ];
        for (path, expected) in cases {
            let shown = path.escape_ascii();
            assert_eq!(number(&mut tree, path), expected, "{shown}");
        }
        assert_eq!(number(&mut tree, &[b'/'; 4095]), Ok(1));
    }

    #[test]
    fn the_last_link_is_followed_only_on_request() {
        let mut tree = tree();
        let mut kind = |path| {
            let id = tree.resolve(ROOT, path, Follow::NoLast).unwrap();
            tree.kind(id)
        };
        assert_eq!(kind(b"abs"), Kind::Symlink);
        assert_eq!(kind(b"none"), Kind::Symlink);
        assert_eq!(kind(b"abs/"), Kind::Directory);
        assert_eq!(kind(b"abs/f"), Kind::Regular);
    }

    #[test]
    fn forty_links_are_followed_and_no_more() {
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"l0", 0o755, 0).unwrap();
        for index in 1..=41 {
            let target = format!("l{}", index - 1);
            tree.make_symlink(target.as_bytes(), ROOT, format!("l{index}").as_bytes(), 0).unwrap();
        }
        assert_eq!(number(&mut tree, b"l40"), Ok(2));
        assert_eq!(number(&mut tree, b"l41"), Err(ELOOP));
        assert_eq!(number(&mut tree, b"l20/../l20"), Ok(2));
        assert_eq!(number(&mut tree, b"l20/../l21"), Err(ELOOP));
        tree.make_symlink(b"self", ROOT, b"self", 0).unwrap();
        assert_eq!(number(&mut tree, b"self"), Err(ELOOP));
        assert_eq!(number(&mut tree, b"self/x"), Err(ELOOP));
    }

    #[test]
    fn relative_paths_start_where_they_are_told() {
        let mut tree = tree();
        let e = tree.resolve(ROOT, b"d/e", Follow::Last).unwrap();
        let f = tree.resolve(e, b"f", Follow::Last).unwrap();
        assert_eq!(tree.resolve(e, b"../e/f", Follow::Last), Ok(f));
        assert_eq!(tree.resolve(e, b"/d/e/f", Follow::Last), Ok(f));
        assert_eq!(tree.resolve(f, b"x", Follow::Last), Err(ENOTDIR));
        assert_eq!(tree.resolve(f, b".", Follow::Last), Err(ENOTDIR));
        assert_eq!(tree.resolve_parent(f, b"x"), Err(ENOTDIR));
    }

    #[test]
    fn parents_tell_what_the_last_component_is() {
        let mut tree = tree();
        let mut parent = |path| {
            let parent = tree.resolve_parent(ROOT, path)?;
            let number = tree.stat(parent.directory).number;
            Ok((number, parent.name, parent.last, parent.has_trailing_slash))
        };
        assert_eq!(parent(b"x"), Ok((1, &b"x"[..], Last::Name, false)));
        assert_eq!(parent(b"/x//"), Ok((1, &b"x"[..], Last::Name, true)));
        assert_eq!(parent(b"abs/x"), Ok((3, &b"x"[..], Last::Name, false)));
        assert_eq!(parent(b"d//."), Ok((2, &b"."[..], Last::Dot, false)));
        assert_eq!(parent(b"d/../"), Ok((2, &b".."[..], Last::DotDot, true)));
        assert_eq!(parent(b"///"), Ok((1, &b""[..], Last::Root, true)));
        assert_eq!(parent(b"x/y"), Err(ENOENT));
        assert_eq!(parent(b"d/e/f/y"), Err(ENOTDIR));
        assert_eq!(parent(b""), Err(ENOENT));
    }

    #[test]
    fn directories_know_their_paths() {
        let mut tree = tree();
        let e = tree.resolve(ROOT, b"rel", Follow::Last).unwrap();
        let f = tree.resolve(ROOT, b"rel/f", Follow::Last).unwrap();
        assert_eq!(tree.path_of(e).unwrap(), b"/d/e");
        assert_eq!(tree.path_of(ROOT).unwrap(), b"/");
        assert_eq!(tree.path_of(f), Err(ENOTDIR));
        assert_eq!(tree.read_link(e), Err(EINVAL));
        tree.open(e);
        tree.unlink(e, b"f", 0).unwrap();
        tree.remove_directory(ROOT, b"d/e", 0).unwrap();
        assert_eq!(tree.path_of(e), Err(ENOENT));
    }
}
