// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where inodes lie: a table of chunks, each of which is memory only while it has an inode.

use super::inode::{Inode, InodeId};
use crate::arch::layout::PAGE_SIZE;
use alloc::vec::Vec;

/// Inodes in a chunk: they fill a page.
const CHUNK: usize = 32;

/// Chunks that there is room for before their table grows.
const FIRST_CHUNKS: usize = 64;

/// Inodes that there may be: the table of their chunks fits the largest block of the kernel's heap.
const INODES_MAX: usize = CHUNK << 17;

const _: () = assert!(size_of::<Option<Inode>>() * CHUNK <= PAGE_SIZE as usize);

#[derive(Debug)]
struct Chunk {
    slots: Vec<Option<Inode>>,
    nr_used: usize,
}

impl Chunk {
    fn insert(&mut self, inode: Inode) -> usize {
        self.nr_used += 1;
        if self.slots.len() < CHUNK {
            self.slots.reserve_exact(CHUNK - self.slots.len());
            self.slots.push(Some(inode));
            return self.slots.len() - 1;
        }
        let hole = self.slots.iter().position(Option::is_none).expect("it has room");
        self.slots[hole] = Some(inode);
        hole
    }

    fn remove(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.nr_used -= 1;
        if self.nr_used == 0 {
            self.slots = Vec::new();
        }
    }
}

/// All inodes, by id.
#[derive(Debug)]
pub(super) struct InodeTable {
    chunks: Vec<Chunk>,
    /// No chunk before this one has room.
    first_open: usize,
    count: usize,
}

impl InodeTable {
    pub(super) fn new() -> Self {
        Self { chunks: Vec::with_capacity(FIRST_CHUNKS), first_open: 0, count: 0 }
    }

    /// Number of inodes.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether there is no room for another inode.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.count >= INODES_MAX
    }

    #[inline]
    pub(super) fn find(&self, id: InodeId) -> Option<&Inode> {
        self.chunks[id.index() / CHUNK].slots.get(id.index() % CHUNK)?.as_ref()
    }

    #[inline]
    pub(super) fn find_mut(&mut self, id: InodeId) -> Option<&mut Inode> {
        self.chunks[id.index() / CHUNK].slots.get_mut(id.index() % CHUNK)?.as_mut()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.chunks.iter_mut().flat_map(|chunk| &mut chunk.slots).flatten()
    }

    pub(super) fn insert(&mut self, inode: Inode) -> InodeId {
        while self.chunks.get(self.first_open).is_some_and(|chunk| chunk.nr_used == CHUNK) {
            self.first_open += 1;
        }
        if self.first_open == self.chunks.len() {
            self.chunks.push(Chunk { slots: Vec::new(), nr_used: 0 });
        }
        self.count += 1;
        let slot = self.chunks[self.first_open].insert(inode);
        let id = self.first_open * CHUNK + slot;
        InodeId::of_index(id)
    }

    pub(super) fn remove(&mut self, id: InodeId) {
        let index = id.index() / CHUNK;
        self.count -= 1;
        self.chunks[index].remove(id.index() % CHUNK);
        self.first_open = self.first_open.min(index);
    }
}

#[cfg(test)]
mod tests {
    use super::super::inode::Content;
    use super::*;

    fn inode(number: u64) -> Inode {
        Inode::new(number, Content::Fifo, 0o777, 1, 0)
    }

    #[test]
    fn ids_lead_to_their_inodes_and_are_used_again() {
        let mut table = InodeTable::new();
        let ids: Vec<InodeId> = (0..100).map(|number| table.insert(inode(number))).collect();
        for (number, &id) in (0..).zip(&ids) {
            assert_eq!(table.find(id).map(|inode| inode.number), Some(number));
        }
        for &id in &ids[3..70] {
            table.remove(id);
            assert!(table.find(id).is_none());
        }
        let again: Vec<InodeId> = (0..67).map(|_| table.insert(inode(7))).collect();
        assert!(again.iter().all(|id| ids[3..70].contains(id)));
        assert_eq!(table.count(), 100);
        assert_eq!(table.find(ids[99]).map(|inode| inode.number), Some(99));
    }
}
