// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Directories: entries in byte order of their names, and cursors that walk them.
//!
//! Entries stand in chunks of at most [`CHUNK`], so that inserting moves few of them; appending
//! behind the last name, as a sorted archive does, moves none.

use super::inode::{FileSystem, InodeId, Kind};
use super::name::Name;
use crate::errno::Errno;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::cmp::Ordering;
use seed_protocols::bytes::leading_word;

/// Entries in a chunk: they fill 1 KiB.
const CHUNK: usize = 24;

/// Entries that a directory has room for when it gets its first one: they fill 256 bytes.
const FIRST_CHUNK: usize = 6;

/// What an entry adds to a directory's size, as in Linux's tmpfs.
const ENTRY_SIZE: u64 = 20;

/// One name and what it stands for.
#[derive(Debug)]
struct Slot {
    name: Name,
    inode: InodeId,
}

/// Where an entry stands, or where one would be inserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    chunk: usize,
    slot: usize,
}

const _: () = assert!(size_of::<Slot>() == 40);

/// The entries of a directory.
#[derive(Debug)]
pub(super) struct Directory {
    parent: InodeId,
    len: usize,
    /// None of them empty.
    chunks: Vec<Vec<Slot>>,
}

impl Directory {
    pub(super) const fn new(parent: InodeId) -> Self {
        Self { parent, len: 0, chunks: Vec::new() }
    }

    pub(super) fn parent(&self) -> InodeId {
        self.parent
    }

    pub(super) fn set_parent(&mut self, parent: InodeId) {
        self.parent = parent;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn size(&self) -> u64 {
        (self.len as u64 + 2) * ENTRY_SIZE
    }

    /// What `name` stands for.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<InodeId> {
        let at = self.search(name).ok()?;
        Some(self.chunks[at.chunk][at.slot].inode)
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.slots(Position::default()).map(|slot| slot.name.bytes())
    }

    /// What all names stand for.
    pub(super) fn inodes(&self) -> impl Iterator<Item = InodeId> {
        self.slots(Position::default()).map(|slot| slot.inode)
    }

    /// The name of an inode, by looking at all.
    pub(super) fn name_of(&self, inode: InodeId) -> Option<&[u8]> {
        self.slots(Position::default()).find(|slot| slot.inode == inode).map(|s| s.name.bytes())
    }

    /// Where `name` is, or where it belongs.
    pub(super) fn search(&self, name: &[u8]) -> Result<Position, Position> {
        let key = leading_word(name);
        let Some(last_chunk) = self.chunks.last() else { return Err(Position::default()) };
        let last = Position { chunk: self.chunks.len() - 1, slot: last_chunk.len() - 1 };
        match last_chunk[last.slot].name.compare(key, name) {
            Ordering::Less => return Err(Position { slot: last.slot + 1, ..last }),
            Ordering::Equal => return Ok(last),
            Ordering::Greater => {}
        }
        let is_behind = |chunk: &Vec<Slot>| chunk[0].name.compare(key, name) == Ordering::Greater;
        let chunk = self.chunks.partition_point(|chunk| !is_behind(chunk)).saturating_sub(1);
        match self.chunks[chunk].binary_search_by(|slot| slot.name.compare(key, name)) {
            Ok(slot) => Ok(Position { chunk, slot }),
            Err(slot) => Err(Position { chunk, slot }),
        }
    }

    /// Adds a name.
    ///
    /// # Errors
    /// `EEXIST`: it is there.
    pub(super) fn add(&mut self, name: Cow<'static, [u8]>, inode: InodeId) -> Result<(), Errno> {
        self.add_anywhere(Slot { name: Name::new(name), inode })
    }

    /// [`Directory::add`] for a name that most likely belongs behind the last one, where there is
    /// mostly room: as in a sorted archive.
    #[inline(always)]
    pub(super) fn append(&mut self, name: Cow<'static, [u8]>, inode: InodeId) -> Result<(), Errno> {
        let slot = Slot { name: Name::new(name), inode };
        match self.chunks.last_mut() {
            None => {
                self.add_first(slot);
                Ok(())
            }
            Some(chunk)
                if chunk.len() < chunk.capacity().min(CHUNK)
                    && chunk.last().is_some_and(|last| slot.name.is_behind(&last.name)) =>
            {
                chunk.push(slot);
                self.len += 1;
                Ok(())
            }
            _ => self.add_anywhere(slot),
        }
    }

    #[inline(never)]
    fn add_first(&mut self, slot: Slot) {
        let mut chunk = Vec::with_capacity(FIRST_CHUNK);
        chunk.push(slot);
        self.chunks = alloc::vec![chunk];
        self.len = 1;
    }

    #[inline(never)]
    fn add_anywhere(&mut self, slot: Slot) -> Result<(), Errno> {
        let at = self.search(slot.name.bytes()).err().ok_or(Errno::EEXIST)?;
        self.insert(at, slot);
        Ok(())
    }

    /// Inserts a slot where [`Directory::search`] did not find its name.
    fn insert(&mut self, at: Position, slot: Slot) {
        self.len += 1;
        let is_last_chunk = at.chunk + 1 == self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(at.chunk) else { return self.add_first(slot) };
        if chunk.len() < CHUNK {
            if chunk.len() == chunk.capacity() {
                chunk.reserve_exact(CHUNK - chunk.len());
            }
            chunk.insert(at.slot, slot);
        } else if at.slot == CHUNK && is_last_chunk {
            let mut chunk = Vec::with_capacity(CHUNK);
            chunk.push(slot);
            self.chunks.push(chunk);
        } else {
            let mut upper = Vec::with_capacity(CHUNK);
            upper.extend(chunk.drain(CHUNK / 2..));
            match at.slot.checked_sub(CHUNK / 2) {
                Some(slot_above) => upper.insert(slot_above, slot),
                None => chunk.insert(at.slot, slot),
            }
            self.chunks.insert(at.chunk + 1, upper);
        }
    }

    /// Removes the entry at a place where [`Directory::search`] found it.
    pub(super) fn remove(&mut self, at: Position) {
        self.len -= 1;
        let chunk = &mut self.chunks[at.chunk];
        chunk.remove(at.slot);
        if chunk.is_empty() {
            self.chunks.remove(at.chunk);
        }
    }

    /// Makes the entry at a place where it was found stand for another inode.
    pub(super) fn replace(&mut self, at: Position, inode: InodeId) {
        self.chunks[at.chunk][at.slot].inode = inode;
    }

    /// The entry at `at`, with the place behind it.
    pub(super) fn entry_at(&self, at: Position) -> Option<(&[u8], InodeId, Position)> {
        let slot = self.chunks.get(at.chunk)?.get(at.slot)?;
        let next = match at.slot + 1 < self.chunks[at.chunk].len() {
            true => Position { slot: at.slot + 1, ..at },
            false => Position { chunk: at.chunk + 1, slot: 0 },
        };
        Some((slot.name.bytes(), slot.inode, next))
    }

    /// Where entry number `ordinal` stands, or the end.
    fn position_of(&self, ordinal: u64) -> Position {
        let mut left = usize::try_from(ordinal).unwrap_or(usize::MAX);
        for (chunk, slots) in self.chunks.iter().enumerate() {
            if left < slots.len() {
                return Position { chunk, slot: left };
            }
            left -= slots.len();
        }
        Position { chunk: self.chunks.len(), slot: 0 }
    }

    fn slots(&self, from: Position) -> impl Iterator<Item = &Slot> {
        let chunks = self.chunks.get(from.chunk..).unwrap_or(&[]);
        chunks.iter().flatten().skip(from.slot)
    }
}

/// How far a directory was read: kept with the open directory, moved by whoever took entries.
///
/// The cursor remembers the last name, so names that come and go meanwhile neither repeat nor hide
/// others. Its offset, for `d_off` and `lseek`, counts entries, `.` and `..` included; a cursor made
/// from an offset ([`Cursor::at`]) is exact for as long as the directory stays the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    offset: u64,
    last: Option<Vec<u8>>,
}

impl Cursor {
    /// The cursor that stands behind `offset` entries; 0 is the start.
    #[must_use]
    pub const fn at(offset: u64) -> Self {
        Self { offset, last: None }
    }

    /// The offset, as the last entry's `d_off` had it.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves behind an entry that was taken.
    pub fn move_behind(&mut self, entry: &Entry<'_>) {
        self.offset = entry.next_offset;
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(entry.name);
    }
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The inode's number, for `d_ino`.
    pub number: u64,
    /// What it is, for `d_type`.
    pub kind: Kind,
    /// Offset of the entry behind this one, for `d_off`.
    pub next_offset: u64,
}

/// The entries from a cursor on: `.`, `..`, then names in byte order.
pub struct Entries<'a> {
    tree: &'a FileSystem,
    id: InodeId,
    directory: &'a Directory,
    offset: u64,
    at: Position,
}

impl FileSystem {
    /// The entries of a directory from `cursor` on.
    ///
    /// # Errors
    /// `ENOTDIR`: it is no directory. `ENOENT`: it was removed.
    pub fn entries(&mut self, id: InodeId, cursor: &Cursor) -> Result<Entries<'_>, Errno> {
        self.directory(id)?;
        self.make_pending_in(id);
        if self.inode(id).is_synthetic {
            self.check_proc_known(id, None)?;
        }
        if self.inode(id).nlink == 0 {
            return Err(Errno::ENOENT);
        }
        let directory = self.directory(id)?;
        let at = match (&cursor.last, cursor.offset.checked_sub(2)) {
            (_, None) => Position::default(),
            (Some(last), Some(1..)) => match directory.search(last) {
                Ok(found) => directory.entry_at(found).map_or(found, |(_, _, next)| next),
                // The end of a chunk is the start of the one behind it.
                Err(at) => match directory.entry_at(at) {
                    None => Position { chunk: at.chunk + 1, slot: 0 },
                    Some(_) => at,
                },
            },
            (_, Some(ordinal)) => directory.position_of(ordinal),
        };
        Ok(Entries { tree: self, id, directory, offset: cursor.offset, at })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (name, id) = match self.offset {
            0 => (&b"."[..], self.id),
            1 => (&b".."[..], self.directory.parent()),
            _ => {
                let (name, id, next) = self.directory.entry_at(self.at)?;
                self.at = next;
                (name, id)
            }
        };
        self.offset += 1;
        let inode = self.tree.inode(id);
        Some(Entry { name, number: inode.number, kind: inode.kind(), next_offset: self.offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    /// A file system whose root has files named as given, made in this order.
    fn tree_of(names: impl Iterator<Item = String>) -> FileSystem {
        let mut tree = FileSystem::new(0);
        for name in names {
            tree.make_node(InodeId::ROOT, name.as_bytes(), Kind::Regular, 0o644, 0).unwrap();
        }
        tree
    }

    fn names(tree: &mut FileSystem, cursor: &mut Cursor, limit: usize) -> Vec<String> {
        let root = InodeId::ROOT;
        let mut all = Vec::new();
        for entry in tree.entries(root, &cursor.clone()).unwrap().take(limit) {
            all.push(String::from_utf8(entry.name.to_vec()).unwrap());
            cursor.move_behind(&entry);
        }
        all
    }

    fn unlink(tree: &mut FileSystem, name: &str) {
        tree.unlink(InodeId::ROOT, name.as_bytes(), 0).unwrap();
    }

    #[test]
    fn entries_come_in_byte_order_however_they_were_made() {
        for factor in [1, 9999, 777] {
            let name = |index| format!("file-with-a-long-name-{:05}", index * factor % 10_000);
            let mut tree = tree_of((0..10_000).map(name));
            let all = names(&mut tree, &mut Cursor::default(), usize::MAX);
            assert_eq!(all[..2], [".", ".."]);
            assert!(all[2..].is_sorted());
            assert_eq!(all.len(), 10_002);
            for index in 0..10_000 {
                let path = name(index);
                tree.resolve(InodeId::ROOT, path.as_bytes(), super::super::Follow::Last).unwrap();
            }
            for index in (0..10_000).step_by(2) {
                unlink(&mut tree, &format!("file-with-a-long-name-{index:05}"));
            }
            let all = names(&mut tree, &mut Cursor::default(), usize::MAX);
            assert_eq!(all.len(), 5002);
            assert!(all[2..].is_sorted());
        }
    }

    #[test]
    fn a_cursor_survives_removal_of_what_it_has_passed() {
        let mut tree = tree_of((0..300).map(|index| format!("{index:03}")));
        let mut cursor = Cursor::default();
        let mut seen = Vec::new();
        loop {
            let some = names(&mut tree, &mut cursor, 7);
            if some.is_empty() {
                break;
            }
            for name in some.iter().filter(|name| !name.starts_with('.')) {
                unlink(&mut tree, name);
            }
            seen.extend(some);
        }
        assert_eq!(seen.len(), 302);
        assert_eq!(names(&mut tree, &mut Cursor::default(), 9), [".", ".."]);
    }

    #[test]
    fn a_cursor_sees_what_is_made_in_front_of_it_once() {
        let mut tree = tree_of(["b", "d"].map(String::from).into_iter());
        let mut cursor = Cursor::default();
        assert_eq!(names(&mut tree, &mut cursor, 3), [".", "..", "b"]);
        for name in [b"a", b"c", b"e"] {
            tree.make_node(InodeId::ROOT, name, Kind::Regular, 0o644, 0).unwrap();
        }
        assert_eq!(names(&mut tree, &mut cursor, 9), ["c", "d", "e"]);
        assert!(names(&mut tree, &mut cursor, 9).is_empty());
    }

    #[test]
    fn an_offset_leads_back_to_its_place() {
        let mut tree = tree_of((0..100).map(|index| format!("{index:03}")));
        let mut cursor = Cursor::default();
        let first = names(&mut tree, &mut cursor, 50);
        assert_eq!(first.last().unwrap(), "047");
        assert_eq!(cursor.offset(), 50);
        assert_eq!(names(&mut tree, &mut Cursor::at(50), 1), ["048"]);
        assert_eq!(names(&mut tree, &mut Cursor::at(1), 2), ["..", "000"]);
        assert!(names(&mut tree, &mut Cursor::at(102), 1).is_empty());
        assert!(names(&mut tree, &mut Cursor::at(u64::MAX), 1).is_empty());
    }

    #[test]
    fn entries_tell_what_they_are() {
        let mut tree = FileSystem::new(0);
        tree.make_directory(InodeId::ROOT, b"d", 0o755, 0).unwrap();
        let d = tree.resolve(InodeId::ROOT, b"d", super::super::Follow::Last).unwrap();
        tree.make_symlink(b"x", d, b"l", 0).unwrap();
        let all: Vec<_> = tree.entries(d, &Cursor::default()).unwrap().collect();
        let entry = |name, number, kind, next_offset| Entry { name, number, kind, next_offset };
        let expected = [
            entry(&b"."[..], 2, Kind::Directory, 1),
            entry(b"..", 1, Kind::Directory, 2),
            entry(b"l", 3, Kind::Symlink, 3),
        ];
        assert_eq!(all, expected);
    }
}
