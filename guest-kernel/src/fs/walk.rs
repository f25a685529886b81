// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A walk over the parts of the tree that go into an archive, in byte order of full names.
//!
//! A slash counts as a byte like others: `a`, `a-b`, `a/x`. So the content of a directory does not
//! follow it at once, but waits for the siblings whose names go on with a byte below the slash.

use super::directory::{Directory, Position};
use super::inode::{FileSystem, InodeId};
use alloc::vec::Vec;
use seed_protocols::cpio;

/// Levels and waiting directories that there is room for before a walk grows.
const FIRST_LEVELS: usize = 12;

/// Bytes that there is room for in the path before it grows.
const FIRST_PATH_LEN: usize = 256;

/// Bytes that a name adds to the path at most, with two slashes.
const LONGEST_STEP: usize = cpio::COMPONENT_MAX * 2 + 2;

/// Which part of a directory is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All of it.
    Whole,
    /// What leads to a root.
    TowardsRoots,
}

/// A directory in the middle of its walk.
#[derive(Clone, Copy, Debug)]
struct Level<'a> {
    directory: &'a Directory,
    scope: Scope,
    next: Position,
    /// Length of the path, slash included, that the names are added to.
    prefix_len: usize,
    /// Where the waiting directories of this level start.
    waiting_start: usize,
}

/// A directory whose own entry was given, and whose content was not.
#[derive(Clone, Copy, Debug)]
struct Waiting<'a> {
    directory: &'a Directory,
    scope: Scope,
    name: &'a [u8],
}

/// The walk. Roots are paths as [`normalise`] makes them.
pub(super) struct Walk<'a> {
    tree: &'a FileSystem,
    roots: &'a [Vec<u8>],
    levels: Vec<Level<'a>>,
    waiting: Vec<Waiting<'a>>,
    path: Vec<u8>,
    lacks_memory: bool,
}

impl<'a> Walk<'a> {
    /// A walk over everything at and below `roots`, and the directories that lead there.
    pub(super) fn new(tree: &'a FileSystem, roots: &'a [Vec<u8>]) -> Self {
        let scope = match roots.iter().any(Vec::is_empty) {
            true => Scope::Whole,
            false => Scope::TowardsRoots,
        };
        // What most trees need is there from the start: growing costs more than the walk itself.
        let mut levels = Vec::with_capacity(FIRST_LEVELS);
        if let Ok(directory) = tree.directory(InodeId::ROOT) {
            levels.push(Level {
                directory,
                scope,
                next: Position::default(),
                prefix_len: 0,
                waiting_start: 0,
            });
        }
        let waiting = Vec::with_capacity(FIRST_LEVELS);
        let path = Vec::with_capacity(FIRST_PATH_LEN);
        Self { tree, roots, levels, waiting, path, lacks_memory: false }
    }

    /// Whether something was passed over for want of memory.
    pub(super) fn lacks_memory(&self) -> bool {
        self.lacks_memory
    }

    /// The next inode with its path, which has no leading slash.
    pub(super) fn next(&mut self) -> Option<(&[u8], InodeId)> {
        loop {
            let level = *self.levels.last()?;
            let entry = level.directory.entry_at(level.next);
            if let Some(waiting) = self.take_waiting(&level, entry.map(|(name, ..)| name)) {
                self.descend(&level, waiting);
                continue;
            }
            let Some((name, inode, next)) = entry else {
                self.levels.pop();
                continue;
            };
            if let Some(level) = self.levels.last_mut() {
                level.next = next;
            }
            self.path.truncate(level.prefix_len);
            self.path.extend_from_slice(name);
            let Some(scope) = self.scope_here(level.scope) else { continue };
            if let Ok(directory) = self.tree.directory(inode) {
                // What is in `/proc` is nobody's file. Below a name that no path can have the archive
                // has nothing; a walk there could go deeper than there is memory for.
                let is_reached = self.path.len() <= cpio::NAME_MAX;
                let has_room = self.waiting.try_reserve(1).is_ok();
                self.lacks_memory |= !has_room;
                if is_reached && has_room && !self.tree.inode(inode).is_synthetic {
                    self.waiting.push(Waiting { directory, scope, name });
                }
            } else if scope == Scope::TowardsRoots {
                continue;
            }
            return Some((&self.path, inode));
        }
    }

    /// The last waiting directory of the level, if its content comes before `next_name`.
    #[inline]
    fn take_waiting(&mut self, level: &Level<'a>, next_name: Option<&[u8]>) -> Option<Waiting<'a>> {
        let waiting = *self.waiting.get(level.waiting_start..)?.last()?;
        // The next name is above; it comes first only where it goes on with a byte below the slash.
        let goes_on = next_name.and_then(|next| next.strip_prefix(waiting.name));
        if goes_on.is_some_and(|behind| behind.first().is_some_and(|&byte| byte < b'/')) {
            return None;
        }
        self.waiting.pop()
    }

    fn descend(&mut self, level: &Level<'a>, waiting: Waiting<'a>) {
        let has_room = self.levels.try_reserve(1).and(self.path.try_reserve(LONGEST_STEP)).is_ok();
        if !has_room {
            self.lacks_memory = true;
            return;
        }
        self.path.truncate(level.prefix_len);
        self.path.extend_from_slice(waiting.name);
        self.path.push(b'/');
        self.levels.push(Level {
            directory: waiting.directory,
            scope: waiting.scope,
            next: Position::default(),
            prefix_len: self.path.len(),
            waiting_start: self.waiting.len(),
        });
    }

    /// How the walk goes on below the current path, or `None` if the path is not part of it.
    fn scope_here(&self, above: Scope) -> Option<Scope> {
        if above == Scope::Whole {
            return Some(Scope::Whole);
        }
        let mut scope = None;
        for root in self.roots {
            match root.strip_prefix(self.path.as_slice()) {
                Some([]) => return Some(Scope::Whole),
                Some([b'/', ..]) => scope = Some(Scope::TowardsRoots),
                _ => {}
            }
        }
        scope
    }
}

/// A root as the walk compares it: components joined by single slashes, no slash in front.
pub(super) fn normalise(root: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(root.len());
    let parts = root.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    for part in parts {
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(part);
    }
    path
}
