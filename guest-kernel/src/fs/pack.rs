// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The output archive: what is left at and below some roots, as a canonical cpio.
//!
//! Entries stand in byte order of their names, which have no leading slash; a root that lies deeper
//! brings the directories that lead to it. Owner, group and devices are 0, all times are one, inodes
//! are numbered by entry from 1, and the names of one file share the number of the first, which also
//! carries the data. Links are counted as far as they are in the archive; directories have 2. File
//! data is not copied: it goes to the [`Sink`] from where it lies. Devices and named pipes are no
//! results: they are left out and counted. So are names that no path can have, which a program makes
//! by going down step by step; they are not results either, but somebody may look for them.

use super::archive_writer::{Body, Sink, WriteError, Writer};
use super::inode::{FileSystem, Inode, InodeId, Planned};
use super::walk::{Walk, normalise};
use crate::shown::Shown;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use seed_protocols::block::SECTOR_SIZE;
use seed_protocols::cpio::{self, HEADER_SIZE, Header, TRAILER};

/// Entries, and bytes of their names, for which one walk is enough.
const REMEMBERED_ENTRIES: usize = 64;
const REMEMBERED_NAME_BYTES: usize = 1024;

/// Why there can be no archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackError {
    /// The format has 32 bits for a file's size.
    FileTooLarge {
        /// The name.
        name: String,
        /// Size in bytes.
        size_bytes: u64,
    },
    /// A file has the name that ends an archive.
    ReservedName,
    /// There is no memory for the walk.
    NoMemory,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileTooLarge { name, size_bytes } => {
                write!(f, "file \"{name}\" has {size_bytes} bytes: too large for a cpio archive")
            }
            Self::NoMemory => write!(f, "no memory left to walk through the output"),
            Self::ReservedName => {
                write!(f, "a file is named \"TRAILER!!!\", which is how a cpio archive ends")
            }
        }
    }
}

impl core::error::Error for PackError {}

/// Names that are longer than a path may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongNames {
    /// How many, without what is below them.
    count: u64,
    /// How the first one starts.
    start: String,
}

impl LongNames {
    /// Bytes of a name that are told.
    const START: usize = 40;

    fn note(noted: &mut Option<Self>, name: &[u8]) {
        let start = || format!("{}", Shown(&name[..Self::START]));
        noted.get_or_insert_with(|| Self { count: 0, start: start() }).count += 1;
    }
}

impl fmt::Display for LongNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, start) = (cpio::NAME_MAX, &self.start);
        match self.count {
            1 => write!(f, "a name has more than {limit} bytes: \"{start}...\""),
            count => write!(f, "{count} names have more than {limit} bytes: \"{start}...\""),
        }
    }
}

/// An archive that can be written: all of it is known to fit the format, and how long it is.
#[derive(Debug)]
pub struct Plan<'a> {
    tree: &'a FileSystem,
    roots: Vec<Vec<u8>>,
    remembered: Remembered,
    size_bytes: u64,
    nr_entries: u32,
    nr_left_out: u32,
    nr_missing_roots: u32,
    long_names: Option<LongNames>,
}

impl<'a> Plan<'a> {
    /// Plans the archive of everything at and below `roots`, which are paths from the root
    /// directory; links on the way are not followed. Roots that do not exist add nothing.
    ///
    /// # Errors
    /// Something does not fit the format.
    pub fn new(tree: &'a mut FileSystem, roots: &[&[u8]]) -> Result<Self, PackError> {
        let mut found = Vec::with_capacity(roots.len());
        let mut nr_missing_roots = 0;
        for root in roots {
            let root = normalise(root);
            if tree.has_root(&root) {
                found.push(root);
            } else {
                nr_missing_roots += 1;
            }
        }
        tree.nr_plans += 1;
        let mut plan = Self {
            tree,
            roots: found,
            remembered: Remembered::new(),
            size_bytes: 0,
            nr_entries: 0,
            nr_left_out: 0,
            nr_missing_roots,
            long_names: None,
        };
        plan.measure()?;
        Ok(plan)
    }

    /// Length of the archive in bytes, a multiple of the sector size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Number of entries, the trailer not counted.
    #[must_use]
    pub fn nr_entries(&self) -> u32 {
        self.nr_entries
    }

    /// Number of devices and named pipes, which the archive does not have.
    #[must_use]
    pub fn nr_left_out(&self) -> u32 {
        self.nr_left_out
    }

    /// Number of roots that do not exist.
    #[must_use]
    pub fn nr_missing_roots(&self) -> u32 {
        self.nr_missing_roots
    }

    /// Names that the archive does not have, nor anything below them.
    #[must_use]
    pub fn long_names(&self) -> Option<&LongNames> {
        self.long_names.as_ref()
    }

    /// Writes the archive, every entry dated `mtime` in seconds since 1970.
    ///
    /// # Errors
    /// The sink fails, or there is no memory for headers.
    pub fn write<S: Sink>(self, mtime: u32, sink: &mut S) -> Result<(), WriteError<S::Error>> {
        let mut writer = Writer::new(sink);
        let mut next = 0;
        self.for_each(|name, id| {
            let inode = self.tree.inode(id);
            let Some(mut body) = Body::of(&inode.content) else { return Ok(()) };
            if name.len() > cpio::NAME_MAX {
                return Ok(());
            }
            next += 1;
            let mut header = Header {
                ino: next,
                mode: inode.kind().mode_type() | u32::from(inode.permissions),
                nlink: if inode.is_directory() { 2 } else { 1 },
                mtime,
                size_bytes: 0,
                name_size: 0,
            };
            if has_several_names(inode) {
                let mut planned = inode.planned.get();
                header.nlink = planned.nr_names;
                if planned.number == 0 {
                    planned.number = next;
                    inode.planned.set(planned);
                } else {
                    header.ino = planned.number;
                    body = Body::Nothing;
                }
            }
            writer.write_entry(name, header, body)
        })?;
        writer.write_trailer()?;
        writer.finish()
    }

    /// Calls `visit` for everything that the archive is made of, in its order.
    fn for_each<E>(
        &self,
        mut visit: impl FnMut(&[u8], InodeId) -> Result<(), WriteError<E>>,
    ) -> Result<(), WriteError<E>> {
        if self.remembered.entries.len() == self.nr_entries as usize {
            let mut start = 0;
            for &(id, end) in &self.remembered.entries {
                visit(&self.remembered.names[start..end], id)?;
                start = end;
            }
            return Ok(());
        }
        let mut walk = Walk::new(self.tree, &self.roots);
        while let Some((name, id)) = walk.next() {
            visit(name, id)?;
        }
        if walk.lacks_memory() { Err(WriteError::NoMemory) } else { Ok(()) }
    }

    /// Finds out length, links and whatever does not fit.
    fn measure(&mut self) -> Result<(), PackError> {
        let (mut offset, plan) = (0, self.tree.nr_plans);
        let mut walk = Walk::new(self.tree, &self.roots);
        while let Some((name, id)) = walk.next() {
            let inode = self.tree.inode(id);
            let Some(body) = Body::of(&inode.content) else {
                self.nr_left_out += 1;
                continue;
            };
            if name == TRAILER {
                return Err(PackError::ReservedName);
            }
            if name.len() > cpio::NAME_MAX {
                LongNames::note(&mut self.long_names, name);
                continue;
            }
            self.nr_entries += 1;
            self.remembered.note(name, id);
            let mut size_bytes = body.size_bytes();
            if u32::try_from(size_bytes).is_err() {
                let name = format!("{}", Shown(name));
                return Err(PackError::FileTooLarge { name, size_bytes });
            }
            if has_several_names(inode) {
                let before = Some(inode.planned.get()).filter(|planned| planned.plan == plan);
                let nr_names = before.map_or(0, |planned| planned.nr_names) + 1;
                inode.planned.set(Planned { plan, nr_names, number: 0 });
                if nr_names > 1 {
                    size_bytes = 0;
                }
            }
            offset = entry_end(offset, name, size_bytes);
        }
        if walk.lacks_memory() {
            return Err(PackError::NoMemory);
        }
        self.size_bytes = entry_end(offset, TRAILER, 0).next_multiple_of(SECTOR_SIZE);
        Ok(())
    }
}

/// The first entries as the measuring walk found them. Where these are all, nobody walks again.
#[derive(Debug)]
struct Remembered {
    /// Each inode, and where its name ends in `names`.
    entries: Vec<(InodeId, usize)>,
    names: Vec<u8>,
}

impl Remembered {
    fn new() -> Self {
        let entries = Vec::with_capacity(REMEMBERED_ENTRIES);
        Self { entries, names: Vec::with_capacity(REMEMBERED_NAME_BYTES) }
    }

    /// Notes an entry if there is room. One that is missing shows in their number.
    fn note(&mut self, name: &[u8], id: InodeId) {
        let is_room = self.entries.len() < REMEMBERED_ENTRIES
            && self.names.len() + name.len() <= REMEMBERED_NAME_BYTES;
        if is_room {
            self.names.extend_from_slice(name);
            self.entries.push((id, self.names.len()));
        }
    }
}

impl FileSystem {
    /// Whether a normalised path exists, no links followed.
    fn has_root(&mut self, root: &[u8]) -> bool {
        let mut here = InodeId::ROOT;
        for name in root.split(|&byte| byte == b'/') {
            if name.is_empty() {
                self.make_pending_in(here);
                return true;
            }
            match self.lookup(here, name) {
                Ok(Some(child)) => here = child,
                _ => return false,
            }
        }
        true
    }
}

/// Whether the inode has more names than one, in the tree if not in the archive.
fn has_several_names(inode: &Inode) -> bool {
    inode.nlink > 1 && !inode.is_directory()
}

/// Where the entry behind one at `offset` starts.
fn entry_end(offset: u64, name: &[u8], size_bytes: u64) -> u64 {
    let data = (offset + (HEADER_SIZE + name.len() + 1) as u64).next_multiple_of(4);
    (data + size_bytes).next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::super::archive_builder::ArchiveBuilder;
    use super::super::{DeviceKind, Follow, Kind, unpack};
    use super::*;
    use crate::mm::address::PhysAddr;
    use crate::mm::frames::{Fill, frames};
    use seed_protocols::cpio::Reader;
    use std::format;
    use std::string::ToString;

    const ROOT: InodeId = InodeId::ROOT;

    /// Reads the memory only when it must, as a disk may.
    #[derive(Default)]
    struct Disk {
        segments: Vec<(PhysAddr, u64)>,
        nr_read: usize,
        room: Option<u64>,
        bytes: Vec<u8>,
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Full;

    impl Sink for Disk {
        type Error = Full;

        fn put(&mut self, start: PhysAddr, len: u64) -> Result<(), Full> {
            assert!(len > 0);
            self.segments.push((start, len));
            let total: u64 = self.segments.iter().map(|&(_, len)| len).sum();
            if self.room.is_some_and(|room| total > room) { Err(Full) } else { Ok(()) }
        }

        fn make_room(&mut self) -> Result<(), Full> {
            let Some((start, len)) = self.segments.pop() else { return Ok(()) };
            let kept = len % 512;
            self.segments.push((start, len - kept));
            self.finish()?;
            self.segments.push((start.add(len - kept), kept));
            Ok(())
        }

        fn finish(&mut self) -> Result<(), Full> {
            for &(start, len) in &self.segments[self.nr_read..] {
                let old_len = self.bytes.len();
                self.bytes.resize(old_len + len as usize, 0);
                frames().read(start, &mut self.bytes[old_len..]);
            }
            self.nr_read = self.segments.len();
            Ok(())
        }
    }

    fn pack(tree: &mut FileSystem, roots: &[&[u8]]) -> Vec<u8> {
        let free = frames().counts().free;
        let plan = Plan::new(tree, roots).unwrap();
        let (mut disk, size_bytes) = (Disk::default(), plan.size_bytes());
        plan.write(77, &mut disk).unwrap();
        assert_eq!(disk.bytes.len() as u64, size_bytes);
        assert_eq!(disk.bytes.len() % 512, 0);
        assert_eq!(frames().counts().free, free);
        disk.bytes
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut reader = Reader::new(archive);
        core::iter::from_fn(|| reader.read_entry().unwrap())
            .map(|entry| String::from_utf8(entry.name.to_vec()).unwrap())
            .collect()
    }

    fn add(tree: &mut FileSystem, path: &str, data: &[u8]) -> InodeId {
        for (end, _) in path.match_indices('/') {
            let _ = tree.make_directory(ROOT, &path.as_bytes()[..end], 0o755, 0);
        }
        let id = tree.make_node(ROOT, path.as_bytes(), Kind::Regular, 0o644, 0).unwrap();
        assert_eq!(tree.write_bytes(id, 0, data, 0), Ok(data.len()));
        id
    }

    #[test]
    fn entries_stand_in_byte_order_of_their_names() {
        let mut tree = FileSystem::new(0);
        let paths = [
            "out/a/x",
            "out/a-b/y",
            "out/a-b-c/z",
            "out/a-b/-/y",
            "out/a.txt",
            "out/a/b/c/d",
            "out/b",
            "out/a0",
            "out/ab",
            "other/n",
            "out-2/m",
            "out+",
            "zz",
        ];
        for path in paths {
            add(&mut tree, path, path.as_bytes());
        }
        let all = names(&pack(&mut tree, &[b"out"]));
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all.len(), 9 + 7);
        assert_eq!(all[..4], ["out", "out/a", "out/a-b", "out/a-b-c"]);
        let all = names(&pack(&mut tree, &[b"/"]));
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all.len(), 13 + 9);
        let all = names(&pack(&mut tree, &[b"zz", b"/out-2/", b"out/a-b//-", b"out", b"out/b"]));
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all.len(), 16 + 2 + 1);
    }

    #[test]
    fn a_root_that_lies_deeper_brings_its_directories_only() {
        let mut tree = FileSystem::new(0);
        for path in ["a/b/c/d", "a/b/e", "a/f", "a-z", "a/b-/x"] {
            add(&mut tree, path, b"");
        }
        let roots: [&[u8]; 2] = [b"a/b/c", b"a/b-/x"];
        let expected = ["a", "a/b", "a/b-", "a/b-/x", "a/b/c", "a/b/c/d"];
        assert_eq!(names(&pack(&mut tree, &roots)), expected);
    }

    #[test]
    fn missing_roots_leave_the_trailer() {
        let mut tree = FileSystem::new(0);
        add(&mut tree, "a/f", b"");
        let roots: [&[u8]; 4] = [b"out", b"a/x", b"a/f/x", b"../a"];
        let archive = pack(&mut tree, &roots);
        assert_eq!(archive.len(), 512);
        assert_eq!(archive[..30], *b"070701000000000000000000000000");
        assert_eq!(archive[38..46], *b"00000001");
        assert_eq!(archive[94..102], *b"0000000B");
        assert_eq!(archive[110..121], *b"TRAILER!!!\0");
        assert!(archive[121..].iter().all(|&byte| byte == 0));
        assert_eq!(pack(&mut tree, &[]).len(), 512);
        assert_eq!(Plan::new(&mut tree, &roots).unwrap().nr_missing_roots(), 4);
    }

    #[test]
    fn entries_carry_fixed_owner_and_time_and_their_data() {
        let mut tree = FileSystem::new(0);
        add(&mut tree, "out/f", b"12345");
        tree.make_symlink(b"f", ROOT, b"out/l", 0).unwrap();
        let archive = pack(&mut tree, &[b"out"]);
        let expected = [
            (1, &b"out"[..], 0o040_755, 2, &b""[..]),
            (2, b"out/f", 0o100_644, 1, b"12345"),
            (3, b"out/l", 0o120_777, 1, b"f"),
        ];
        let mut reader = Reader::new(&archive);
        for (ino, name, mode, nlink, data) in expected {
            let entry = reader.read_entry().unwrap().unwrap();
            let header = entry.header;
            assert_eq!((header.ino, entry.name, entry.data), (ino, name, data));
            assert_eq!((header.mode, header.nlink, header.mtime), (mode, nlink, 77));
            let zeros = [b'0'; 32];
            assert_eq!(archive[entry.offset + 22..entry.offset + 38], zeros[..16], "owner");
            assert_eq!(archive[entry.offset + 62..entry.offset + 94], zeros, "devices");
        }
        assert_eq!(reader.read_entry(), Ok(None));
    }

    #[test]
    fn names_of_one_file_carry_its_data_once() {
        let mut tree = FileSystem::new(0);
        let f = add(&mut tree, "out/b", b"data");
        for name in [&b"out/c"[..], b"out/a", b"elsewhere"] {
            tree.link(f, ROOT, name, 0).unwrap();
        }
        let archive = pack(&mut tree, &[b"out"]);
        let mut reader = Reader::new(&archive);
        let links: Vec<_> = core::iter::from_fn(|| reader.read_entry().unwrap())
            .map(|entry| (entry.name, entry.header.ino, entry.header.nlink, entry.data))
            .collect();
        let expected: [(&[u8], u32, u32, &[u8]); 4] = [
            (b"out", 1, 2, b""),
            (b"out/a", 2, 3, b"data"),
            (b"out/b", 2, 3, b""),
            (b"out/c", 2, 3, b""),
        ];
        assert_eq!(links, expected);
    }

    #[test]
    fn devices_and_pipes_are_left_out_and_counted() {
        let mut tree = FileSystem::new(0);
        add(&mut tree, "out/f", b"");
        let null = Kind::Character(DeviceKind::Null);
        tree.make_node(ROOT, b"out/null", null, 0o666, 0).unwrap();
        tree.make_node(ROOT, b"out/pipe", Kind::Fifo, 0o666, 0).unwrap();
        assert_eq!(names(&pack(&mut tree, &[b"out"])), ["out", "out/f"]);
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        assert_eq!((plan.nr_entries(), plan.nr_left_out()), (2, 2));
    }

    #[test]
    fn data_is_not_copied() {
        let mut tree = FileSystem::new(0);
        let (archive, base) = ArchiveBuilder::default().simple("out/f", &[7; 9000]).finish();
        unpack(&mut tree, archive, base).unwrap();
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        let mut disk = Disk::default();
        plan.write(0, &mut disk).unwrap();
        assert_eq!(disk.segments.len(), 3);
        assert_eq!(disk.segments[1], (base.add(116), 9000));
    }

    #[test]
    fn what_went_in_comes_out() {
        let mut builder = ArchiveBuilder::default().simple("out/", b"");
        for index in 0..500_usize {
            let data = std::vec![index as u8; index * 37 % 5000];
            builder = builder.simple(&format!("out/{}/{index}", index % 7), &data);
        }
        let (archive, base) = builder.finish();
        let mut tree = FileSystem::new(0);
        unpack(&mut tree, archive, base).unwrap();
        let sparse = add(&mut tree, "out/sparse", b"start");
        tree.truncate(sparse, 20_000, 0).unwrap();
        let packed = pack(&mut tree, &[b"out"]);
        let mut reader = Reader::new(&packed);
        let mut count = 0;
        while let Some(entry) = reader.read_entry().unwrap() {
            let path: Vec<&str> = core::str::from_utf8(entry.name).unwrap().split('/').collect();
            match path[..] {
                ["out", _, index] => {
                    let index: usize = index.parse().unwrap();
                    assert_eq!(entry.data, std::vec![index as u8; index * 37 % 5000]);
                }
                ["out", "sparse"] => {
                    assert_eq!(entry.data[..5], *b"start");
                    assert_eq!(entry.data[5..], [0; 19_995]);
                }
                _ => assert!(entry.data.is_empty()),
            }
            count += 1;
        }
        assert_eq!(count, 1 + 7 + 500 + 1);
        let again = pack(&mut tree, &[b"out"]);
        assert_eq!(again, packed);
    }

    #[test]
    fn what_does_not_fit_the_format_is_refused() {
        let mut tree = FileSystem::new(0);
        let f = add(&mut tree, "out/f", b"");
        tree.truncate(f, u64::from(u32::MAX), 0).unwrap();
        assert_eq!(Plan::new(&mut tree, &[b"out"]).unwrap().size_bytes(), (1 << 32) + 512);
        tree.truncate(f, 1 << 32, 0).unwrap();
        let error = Plan::new(&mut tree, &[b"out"]).unwrap_err().to_string();
        let expected = "file \"out/f\" has 4294967296 bytes: too large for a cpio archive";
        assert_eq!(error, expected);
        add(&mut tree, "TRAILER!!!", b"");
        assert_eq!(Plan::new(&mut tree, &[b"/TRAILER!!!"]).err(), Some(PackError::ReservedName));
        let mut deep = ROOT;
        for _ in 0..20 {
            deep = tree.make_directory(deep, &[b'x'; 255], 0o755, 0).unwrap();
        }
    }

    #[test]
    fn names_longer_than_a_path_are_left_out_with_all_below_them() {
        let mut tree = FileSystem::new(0);
        add(&mut tree, "out/f", b"kept");
        let mut deep = tree.resolve(ROOT, b"out", Follow::Last).unwrap();
        for _ in 0..20 {
            deep = tree.make_directory(deep, &[b'x'; 255], 0o755, 0).unwrap();
        }
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        let told = plan.long_names().unwrap().to_string();
        assert!(told.starts_with("a name has more than 4095 bytes: \"out/xxx"), "{told}");
        let archive = pack(&mut tree, &[b"out"]);
        let all = names(&archive);
        assert_eq!(all.len(), 2 + 15);
        assert_eq!(all.iter().map(String::len).max(), Some(3 + 15 * 256));
    }

    #[test]
    fn headers_need_little_memory() {
        let mut tree = FileSystem::new(0);
        for number in 0..1000 {
            add(&mut tree, &format!("out/a-name-that-takes-some-room-{number:04}"), b"");
        }
        let expected = pack(&mut tree, &[b"out"]);
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        let spare: Vec<_> = (0..5).map(|_| frames().allocate(Fill::Any).unwrap()).collect();
        while frames().allocate(Fill::Any).is_some() {}
        spare.into_iter().for_each(|frame| frames().release(frame));
        let mut disk = Disk::default();
        plan.write(77, &mut disk).unwrap();
        assert!(disk.bytes == expected);
    }

    #[test]
    fn failures_are_passed_on_and_nothing_leaks() {
        let mut tree = FileSystem::new(0);
        add(&mut tree, "out/f", &[1; 5000]);
        let free = frames().counts().free;
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        let mut disk = Disk { room: Some(2000), ..Disk::default() };
        assert_eq!(plan.write(0, &mut disk), Err(WriteError::Sink(Full)));
        assert_eq!(frames().counts().free, free);
        while frames().allocate(Fill::Any).is_some() {}
        let plan = Plan::new(&mut tree, &[b"out"]).unwrap();
        assert_eq!(plan.write(0, &mut Disk::default()), Err(WriteError::NoMemory));
    }
}
