// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Inodes, and the file system as the place that keeps them.
//!
//! An inode lives as long as it has a name or is open. Slots of inodes that are gone are used again,
//! their numbers are not. Slots come in chunks that never move, so growing copies nothing.

use super::data::FileData;
use super::devices::{DeviceKind, Pending};
use super::directory::Directory;
use super::inode_table::InodeTable;
use super::proc::ProcNodes;
use crate::errno::Errno;
use crate::sorted_map::SortedMap;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;
use core::num::NonZeroU64;
use seed_protocols::cpio::mode;

/// Names an inode for as long as it lives. Whoever keeps one across calls holds the inode with
/// [`FileSystem::open`].
// As wide as an `Errno`, as most results are one or the other; never 0, so that what may have none is
// as wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InodeId(NonZeroU64);

impl InodeId {
    /// The root directory.
    pub const ROOT: Self = Self::of_index(0);

    /// The inode at a place of the table.
    pub(super) const fn of_index(index: usize) -> Self {
        Self(NonZeroU64::MIN.saturating_add(index as u64))
    }

    /// Its place in the table.
    pub(super) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character(DeviceKind),
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// The file type in `st_mode`.
    #[must_use]
    pub const fn mode_type(self) -> u32 {
        match self {
            Self::Regular => mode::REGULAR,
            Self::Directory => mode::DIRECTORY,
            Self::Symlink => mode::SYMLINK,
            Self::Character(_) => mode::CHARACTER,
            Self::Fifo => mode::FIFO,
        }
    }
}

/// What `stat` tells of an inode, but for the device number, which is one for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Inode number.
    pub number: u64,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, set-user-id and the like included.
    pub permissions: u16,
    /// Whose it is said to be.
    pub owner: Owner,
    /// Number of names.
    pub nlink: u32,
    /// Size in bytes.
    pub size: u64,
    /// Memory that it takes, in units of 512 bytes.
    pub nr_blocks: u64,
    /// Time of last access, in ns since 1970.
    pub atime: i64,
    /// Time of the last change of the content, in ns since 1970.
    pub mtime: i64,
    /// Time of the last change of the inode, in ns since 1970.
    pub ctime: i64,
}

impl Stat {
    /// Type and permissions as `st_mode` has them.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.kind.mode_type() | u32::from(self.permissions)
    }
}

/// Whose a file is said to be, by number. Nobody is kept from anything by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

/// What an inode holds.
#[derive(Debug)]
pub(super) enum Content {
    Regular(FileData),
    Directory(Directory),
    Symlink(Cow<'static, [u8]>),
    Character(DeviceKind),
    Fifo,
}

#[derive(Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) permissions: u16,
    pub(super) owner: Owner,
    pub(super) nlink: u32,
    pub(super) open_count: u32,
    /// Whether it may get its first name: it was made without one for that.
    pub(super) may_be_named: bool,
    /// Whether it is a node of `/proc`.
    pub(super) is_synthetic: bool,
    /// Its seals, if it can have any.
    pub(super) seals: Option<u8>,
    pub(super) atime: i64,
    pub(super) mtime: i64,
    pub(super) ctime: i64,
    /// Notes of the last plan of an archive that came here.
    pub(super) planned: Cell<Planned>,
    pub(super) content: Content,
}

/// What a plan of an archive notes of a file that has several names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which plan.
    pub(super) plan: u32,
    /// Names in the archive.
    pub(super) nr_names: u32,
    /// Number that the entry of the first name got; 0 before it is written.
    pub(super) number: u32,
}

impl Inode {
    pub(super) const fn new(
        number: u64,
        content: Content,
        permissions: u16,
        nlink: u32,
        now: u64,
    ) -> Self {
        Self {
            number,
            permissions,
            owner: Owner { user: 0, group: 0 },
            nlink,
            open_count: 0,
            may_be_named: false,
            is_synthetic: false,
            seals: None,
            atime: now.cast_signed(),
            mtime: now.cast_signed(),
            ctime: now.cast_signed(),
            planned: Cell::new(Planned { plan: 0, nr_names: 0, number: 0 }),
            content,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match &self.content {
            Content::Regular(_) => Kind::Regular,
            Content::Directory(_) => Kind::Directory,
            Content::Symlink(_) => Kind::Symlink,
            Content::Character(device) => Kind::Character(*device),
            Content::Fifo => Kind::Fifo,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }
}

/// The tree and all that is in it.
#[derive(Debug)]
pub struct FileSystem {
    inodes: InodeTable,
    last_number: u64,
    /// Number of archives that were planned.
    pub(super) nr_plans: u32,
    pub(super) pending: Pending,
    /// The nodes of `/proc`, once somebody has looked.
    pub(super) proc_nodes: Option<Box<ProcNodes>>,
    /// What inodes without a name are called.
    pub(super) lost_paths: SortedMap<InodeId, Vec<u8>>,
}

impl FileSystem {
    /// A file system with an empty root directory of mode 755.
    #[must_use]
    pub fn new(now: u64) -> Self {
        let root = Content::Directory(Directory::new(InodeId::ROOT));
        let mut inodes = InodeTable::new();
        inodes.insert(Inode::new(1, root, 0o755, 2, now));
        Self {
            inodes,
            last_number: 1,
            nr_plans: 0,
            pending: Pending::NONE,
            proc_nodes: None,
            lost_paths: SortedMap::new(),
        }
    }

    /// What the inode is.
    #[must_use]
    pub fn kind(&self, id: InodeId) -> Kind {
        self.inode(id).kind()
    }

    /// The permission bits.
    #[must_use]
    pub fn permissions(&self, id: InodeId) -> u16 {
        self.inode(id).permissions
    }

    /// All that `stat` tells.
    #[must_use]
    pub fn stat(&mut self, id: InodeId) -> Stat {
        self.make_pending_in(id);
        let inode = self.inode(id);
        let (size, nr_blocks) = match &inode.content {
            Content::Regular(data) => (data.size(), data.nr_pages() * 8),
            Content::Directory(directory) => (directory.size(), 0),
            Content::Symlink(target) => (target.len() as u64, 0),
            Content::Character(_) | Content::Fifo => (0, 0),
        };
        Stat {
            number: inode.number,
            kind: inode.kind(),
            permissions: inode.permissions,
            owner: inode.owner,
            nlink: inode.nlink,
            size,
            nr_blocks,
            atime: inode.atime,
            mtime: inode.mtime,
            ctime: inode.ctime,
        }
    }

    /// Number of inodes that live.
    #[must_use]
    pub fn nr_inodes(&self) -> u64 {
        self.inodes.count() as u64
    }

    /// Whether there is no room for another inode.
    #[must_use]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.inodes.is_full()
    }

    /// Target of a symbolic link.
    ///
    /// # Errors
    /// `EINVAL`: it is something else.
    pub fn read_link(&self, id: InodeId) -> Result<&[u8], Errno> {
        match &self.inode(id).content {
            Content::Symlink(target) => Ok(target),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Sets the permission bits.
    pub fn set_permissions(&mut self, id: InodeId, permissions: u16, now: u64) {
        let inode = self.inode_mut(id);
        inode.permissions = permissions & 0o7777;
        inode.ctime = now.cast_signed();
    }

    /// Sets the user and the group that are given.
    pub fn set_owner(&mut self, id: InodeId, user: Option<u32>, group: Option<u32>) {
        let owner = &mut self.inode_mut(id).owner;
        owner.user = user.unwrap_or(owner.user);
        owner.group = group.unwrap_or(owner.group);
    }

    /// Sets the times that are given.
    pub fn set_times(&mut self, id: InodeId, atime: Option<i64>, mtime: Option<i64>, now: u64) {
        let inode = self.inode_mut(id);
        inode.atime = atime.unwrap_or(inode.atime);
        inode.mtime = mtime.unwrap_or(inode.mtime);
        inode.ctime = now.cast_signed();
    }

    /// Makes no time of any inode later than this one.
    pub fn limit_times(&mut self, latest: u64) {
        for inode in self.inodes.iter_mut() {
            for time in [&mut inode.atime, &mut inode.mtime, &mut inode.ctime] {
                *time = (*time).min(latest.cast_signed());
            }
        }
    }

    /// Holds the inode, whatever happens to its names, until [`FileSystem::close`].
    pub fn open(&mut self, id: InodeId) {
        self.inode_mut(id).open_count += 1;
    }

    /// Gives back one hold.
    pub fn close(&mut self, id: InodeId) {
        let inode = self.inode_mut(id);
        assert!(inode.open_count > 0, "inode {} closed without being open", inode.number);
        inode.open_count -= 1;
        self.free_if_unused(id);
    }

    // Not inlined, nor is the next: dozens of callers, and two bounds to check.
    #[inline(never)]
    pub(super) fn inode(&self, id: InodeId) -> &Inode {
        self.inodes.find(id).expect("ids name inodes that live")
    }

    #[inline(never)]
    pub(super) fn inode_mut(&mut self, id: InodeId) -> &mut Inode {
        self.inodes.find_mut(id).expect("ids name inodes that live")
    }

    /// Makes an empty regular file without a name: memory that several processes share. The caller
    /// holds it with [`FileSystem::open`].
    pub fn make_unnamed(&mut self, permissions: u16, now: u64) -> InodeId {
        self.insert(Content::Regular(FileData::default()), permissions, now)
    }

    /// As [`FileSystem::make_unnamed`], in a directory: `O_TMPFILE`. It may get a name later, if it is
    /// to be nameable.
    pub fn make_temporary(
        &mut self,
        directory: InodeId,
        is_nameable: bool,
        permissions: u16,
        now: u64,
    ) -> InodeId {
        let id = self.make_unnamed(permissions, now);
        let inode = self.inode_mut(id);
        inode.may_be_named = is_nameable;
        let name = alloc::format!("#{}", inode.number);
        if let Some(path) = self.path_in(directory, name.as_bytes()) {
            self.note_lost_path(id, path);
        }
        id
    }

    /// Makes an inode without a name.
    pub(super) fn insert(&mut self, content: Content, permissions: u16, now: u64) -> InodeId {
        self.insert_linked(content, permissions, 0, now)
    }

    /// Makes an inode with `nlink` names, which the caller sees to.
    #[inline(always)]
    pub(super) fn insert_linked(
        &mut self,
        content: Content,
        permissions: u16,
        nlink: u32,
        now: u64,
    ) -> InodeId {
        self.last_number += 1;
        let inode = Inode::new(self.last_number, content, permissions, nlink, now);
        self.inodes.insert(inode)
    }

    /// Frees the inode if nothing refers to it any more.
    pub(super) fn free_if_unused(&mut self, mut id: InodeId) {
        loop {
            let inode = self.inode(id);
            if inode.nlink > 0 || inode.open_count > 0 {
                return;
            }
            if inode.is_synthetic {
                self.forget_proc_node(id);
            }
            let parent = match &self.inode(id).content {
                Content::Directory(directory) => Some(directory.parent()),
                _ => None,
            };
            self.inodes.remove(id);
            self.lost_paths.remove(id);
            // A removed directory holds its parent, so that ".." leads somewhere.
            let Some(parent) = parent else { return };
            self.inode_mut(parent).open_count -= 1;
            id = parent;
        }
    }

    /// The directory behind `id`.
    #[inline(never)]
    pub(super) fn directory(&self, id: InodeId) -> Result<&Directory, Errno> {
        match &self.inode(id).content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    #[inline(never)]
    pub(super) fn directory_mut(&mut self, id: InodeId) -> Result<&mut Directory, Errno> {
        match &mut self.inode_mut(id).content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }
}
