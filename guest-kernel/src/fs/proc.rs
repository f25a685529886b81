// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The nodes of `/proc`: inodes like others, whose names and contents somebody else knows.
//!
//! Nothing here knows about processes. A walk that comes to a directory of `/proc` ends with
//! `ESTALE`, and the kernel says what it should have found there; then the call is made again. What
//! was said counts until the call has its answer. So all calls find in `/proc` what is the case when
//! they look, and cost nothing elsewhere.

use super::data::FileData;
use super::directory::Directory;
use super::inode::{Content, FileSystem, InodeId, Kind};
use crate::errno::Errno;
use crate::sorted_map::SortedMap;
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// What a node of `/proc` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcNode {
    /// A directory.
    Directory(ProcDirectory),
    /// A file whose text is made when it is opened.
    Text(ProcText),
    /// A symbolic link.
    Link(ProcLink),
}

/// A directory of `/proc`; those of processes have the process's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of proc(5)")]
pub enum ProcDirectory {
    Root,
    Sys,
    SysKernel,
    Process(u32),
    Fd(u32),
}

/// A file of `/proc`; those of processes have the process's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of proc(5)")]
pub enum ProcText {
    Cpuinfo,
    Filesystems,
    Loadavg,
    Meminfo,
    Stat,
    Uptime,
    Version,
    KernelHostname,
    KernelOsrelease,
    KernelOstype,
    KernelVersion,
    ProcessCmdline(u32),
    ProcessComm(u32),
    ProcessEnviron(u32),
    ProcessMaps(u32),
    ProcessMounts(u32),
    ProcessStat(u32),
    ProcessStatm(u32),
    ProcessStatus(u32),
    /// What it may use.
    ProcessLimits(u32),
}

/// A link of `/proc`. All but the first lead to what they stand for, whatever their text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcLink {
    /// A link like others, with this text.
    Text(&'static str),
    /// `self`: the process that looks.
    OwnProcess(u32),
    /// `exe`: the program of a process.
    Executable(u32),
    /// `cwd`: its working directory.
    WorkingDirectory(u32),
    /// `root`: its root directory.
    Root(u32),
    /// What a descriptor leads to: process and number.
    Descriptor(u32, u64),
}

/// A name in a directory of `/proc`, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcEntry {
    /// The name.
    pub name: Cow<'static, [u8]>,
    /// What it stands for.
    pub node: ProcNode,
    /// Where a link leads, if that is something in the tree.
    pub target: Option<InodeId>,
}

/// What a walk needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcQuestion {
    /// The directory that it came to.
    pub directory: InodeId,
    /// The name that it looks for there, or all names.
    pub name: Option<Vec<u8>>,
}

/// The nodes that there are, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct ProcNodes {
    root: Option<InodeId>,
    nodes: SortedMap<InodeId, (ProcNode, Option<InodeId>)>,
    question: Option<ProcQuestion>,
    /// Questions that were answered for the call at hand.
    answered: Vec<ProcQuestion>,
}

impl FileSystem {
    /// What a walk needed to know when it ended with `ESTALE`.
    pub fn take_proc_question(&mut self) -> Option<ProcQuestion> {
        self.proc_nodes.as_mut()?.question.take()
    }

    /// What a node of `/proc` is.
    #[must_use]
    pub fn proc_node(&self, id: InodeId) -> Option<ProcNode> {
        if !self.inode(id).is_synthetic {
            return None;
        }
        self.proc_nodes.as_ref()?.nodes.get(id).map(|&(node, _)| node)
    }

    /// Answers a question: what names there are, of those that were asked for.
    pub fn answer_proc_question(
        &mut self,
        question: ProcQuestion,
        entries: Vec<ProcEntry>,
        now: u64,
    ) -> Result<(), Errno> {
        let directory = question.directory;
        let old: Vec<Vec<u8>> = match &question.name {
            Some(name) => Vec::from([name.clone()]),
            None => self.directory(directory)?.names().map(<[u8]>::to_vec).collect(),
        };
        for name in old {
            let node = entries.iter().find(|entry| *entry.name == *name).map(|entry| entry.node);
            let found = self.directory(directory)?.find(&name);
            if let Some(child) = found
                && self.proc_node(child) != node
            {
                self.take_proc_name(directory, &name, child, now)?;
            }
        }
        for entry in entries {
            self.put_proc_entry(directory, entry, now)?;
        }
        self.proc_nodes_mut().answered.push(question);
        Ok(())
    }

    /// The call at hand has its answer: what is known of `/proc` counts no more.
    pub fn forget_proc_answers(&mut self) {
        let nodes = self.proc_nodes_mut();
        nodes.answered.clear();
        nodes.question = None;
    }

    /// Turns a directory into `/proc`.
    pub(super) fn make_proc_root(&mut self, directory: InodeId) {
        self.inode_mut(directory).is_synthetic = true;
        let node = ProcNode::Directory(ProcDirectory::Root);
        let nodes = self.proc_nodes_mut();
        nodes.root = Some(directory);
        nodes.nodes.insert(directory, (node, None));
    }

    /// Whether the answer to a question is known; if not, it is asked.
    pub(super) fn check_proc_known(
        &mut self,
        directory: InodeId,
        name: Option<&[u8]>,
    ) -> Result<(), Errno> {
        let nodes = self.proc_nodes_mut();
        let is_known = nodes.answered.iter().any(|answered| {
            answered.directory == directory
                && (answered.name.is_none() || answered.name.as_deref() == name)
        });
        if is_known {
            return Ok(());
        }
        let name = name.map(<[u8]>::to_vec);
        nodes.question = Some(ProcQuestion { directory, name });
        Err(Errno::ESTALE)
    }

    /// Where a link of `/proc` leads that is more than its text, `ENOENT` if nowhere. What a
    /// descriptor stands for need not be in the tree: then that is the link itself.
    pub(super) fn proc_jump(&self, link: InodeId) -> Option<Result<InodeId, Errno>> {
        match *self.proc_nodes.as_ref()?.nodes.get(link)? {
            (ProcNode::Link(ProcLink::Text(_) | ProcLink::OwnProcess(_)), _) => None,
            (ProcNode::Link(ProcLink::Descriptor(..)), None) => Some(Ok(link)),
            (_, target) => Some(target.ok_or(Errno::ENOENT)),
        }
    }

    /// Forgets what was asked about a process that is gone.
    pub fn forget_process(&mut self, pid: u32, now: u64) {
        let Some(root) = self.proc_nodes.as_ref().and_then(|nodes| nodes.root) else { return };
        let name = format!("{pid}").into_bytes();
        if let Some(child) = self.directory(root).ok().and_then(|names| names.find(&name)) {
            // It is there.
            let _ = self.take_proc_name(root, &name, child, now);
        }
    }

    /// Forgets a node whose inode is gone.
    pub(super) fn forget_proc_node(&mut self, id: InodeId) {
        self.proc_nodes_mut().nodes.remove(id);
    }

    fn proc_nodes_mut(&mut self) -> &mut ProcNodes {
        self.proc_nodes.get_or_insert_default()
    }

    fn put_proc_entry(
        &mut self,
        directory: InodeId,
        entry: ProcEntry,
        now: u64,
    ) -> Result<(), Errno> {
        let child = match self.directory(directory)?.find(&entry.name) {
            Some(child) => child,
            None => {
                let (content, permissions) = content_of(entry.node, directory);
                let child = self.insert(content, permissions, now);
                self.inode_mut(child).is_synthetic = true;
                self.add_name(directory, entry.name, child, now)?;
                child
            }
        };
        self.proc_nodes_mut().nodes.insert(child, (entry.node, entry.target));
        Ok(())
    }

    fn take_proc_name(
        &mut self,
        directory: InodeId,
        name: &[u8],
        child: InodeId,
        now: u64,
    ) -> Result<(), Errno> {
        // What is in it goes first: a directory that is gone has no names.
        if let Ok(names) = self.directory(child) {
            let inner: Vec<Vec<u8>> = names.names().map(<[u8]>::to_vec).collect();
            for name in inner {
                if let Some(inode) = self.directory(child)?.find(&name) {
                    self.take_proc_name(child, &name, inode, now)?;
                }
            }
        }
        let names = self.directory_mut(directory)?;
        let at = names.search(name).map_err(|_| Errno::ENOENT)?;
        names.remove(at);
        self.drop_name(directory, child, now);
        Ok(())
    }

    /// A path that leads to something which is no directory, by looking at all names.
    #[must_use]
    pub fn find_path(&self, id: InodeId) -> Option<Vec<u8>> {
        let mut left = Vec::from([InodeId::ROOT]);
        while let Some(here) = left.pop() {
            let names = self.directory(here).ok()?;
            if let Some(name) = names.name_of(id) {
                return self.path_in(here, name);
            }
            let below = names.inodes().filter(|&below| {
                let inode = self.inode(below);
                inode.is_directory() && !inode.is_synthetic
            });
            left.extend(below);
        }
        None
    }

    /// The path of what `path` leads to, without symbolic links in it.
    ///
    /// # Errors
    /// As for [`FileSystem::resolve`].
    pub fn canonical_path(&mut self, start: InodeId, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut start = start;
        let mut path = Cow::Borrowed(path);
        for _ in 0..super::path::LINKS_MAX {
            let parent = self.resolve_parent(start, &path)?;
            let child = self.child_of(&parent)?;
            match self.kind(child) {
                Kind::Directory => return self.path_of(child),
                Kind::Symlink => {
                    start = parent.directory;
                    path = Cow::Owned(self.link_target(child)?.into_owned());
                }
                _ => return self.path_in(parent.directory, parent.name).ok_or(Errno::ENOENT),
            }
        }
        Err(Errno::ELOOP)
    }
}

/// What a node of `/proc` is as an inode, with its permissions.
fn content_of(node: ProcNode, parent: InodeId) -> (Content, u16) {
    let directory = Content::Directory(Directory::new(parent));
    match node {
        ProcNode::Directory(ProcDirectory::Fd(_)) => (directory, 0o500),
        ProcNode::Directory(_) => (directory, 0o555),
        ProcNode::Text(_) => (Content::Regular(FileData::default()), 0o444),
        ProcNode::Link(link) => {
            let text = match link {
                ProcLink::Text(text) => Cow::Borrowed(text.as_bytes()),
                ProcLink::OwnProcess(pid) => Cow::Owned(alloc::format!("{pid}").into_bytes()),
                // Their text is made when somebody reads it.
                _ => Cow::Borrowed(&b""[..]),
            };
            (Content::Symlink(text), 0o777)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cursor, Follow};
    use super::*;

    const ROOT: InodeId = InodeId::ROOT;

    fn tree() -> FileSystem {
        let mut tree = FileSystem::new(0);
        tree.make_standard_nodes(3);
        tree
    }

    fn entry(name: &'static [u8], node: ProcNode) -> ProcEntry {
        ProcEntry { name: Cow::Borrowed(name), node, target: None }
    }

    const UPTIME: ProcNode = ProcNode::Text(ProcText::Uptime);

    #[test]
    fn a_walk_into_proc_asks_and_goes_on_when_it_knows() {
        let mut tree = tree();
        assert_eq!(tree.resolve(ROOT, b"proc/uptime", Follow::Last), Err(Errno::ESTALE));
        let question = tree.take_proc_question().unwrap();
        assert_eq!(question.name.as_deref(), Some(&b"uptime"[..]));
        tree.answer_proc_question(question, Vec::from([entry(b"uptime", UPTIME)]), 0).unwrap();
        let id = tree.resolve(ROOT, b"proc/uptime", Follow::Last).unwrap();
        assert_eq!(tree.proc_node(id), Some(UPTIME));
        tree.forget_proc_answers();
        assert_eq!(tree.resolve(ROOT, b"proc/uptime", Follow::Last), Err(Errno::ESTALE));
        let question = tree.take_proc_question().unwrap();
        tree.answer_proc_question(question, Vec::new(), 0).unwrap();
        assert_eq!(tree.resolve(ROOT, b"proc/uptime", Follow::Last), Err(Errno::ENOENT));
    }

    #[test]
    fn programs_cannot_change_proc() {
        let mut tree = tree();
        let proc = tree.resolve(ROOT, b"proc", Follow::Last).unwrap();
        assert!(tree.entries(proc, &Cursor::default()).is_err());
        let question = tree.take_proc_question().unwrap();
        tree.answer_proc_question(question, Vec::from([entry(b"uptime", UPTIME)]), 0).unwrap();
        assert_eq!(tree.unlink(ROOT, b"proc/uptime", 0), Err(Errno::EPERM));
        assert_eq!(tree.make_directory(ROOT, b"proc/x", 0o755, 0), Err(Errno::ENOENT));
        assert_eq!(tree.remove_directory(ROOT, b"proc", 0), Err(Errno::EBUSY));
        assert_eq!(tree.entries(proc, &Cursor::default()).unwrap().count(), 3);
    }

    #[test]
    fn an_empty_proc_of_the_archive_becomes_the_real_one_and_another_stays() {
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"proc", 0o755, 0).unwrap();
        tree.make_standard_nodes(0);
        assert_eq!(tree.resolve(ROOT, b"proc/stat", Follow::Last), Err(Errno::ESTALE));
        let mut tree = FileSystem::new(0);
        tree.make_directory(ROOT, b"proc", 0o755, 0).unwrap();
        tree.make_directory(ROOT, b"proc/own", 0o755, 0).unwrap();
        tree.make_standard_nodes(0);
        assert_eq!(tree.resolve(ROOT, b"proc/stat", Follow::Last), Err(Errno::ENOENT));
    }

    #[test]
    fn paths_are_found_by_inode_and_without_links() {
        let mut tree = tree();
        tree.make_directory(ROOT, b"d", 0o755, 0).unwrap();
        let file = tree.make_node(ROOT, b"d/f", Kind::Regular, 0o644, 0).unwrap();
        tree.make_symlink(b"d/f", ROOT, b"link", 0).unwrap();
        assert_eq!(tree.find_path(file).as_deref(), Some(&b"/d/f"[..]));
        assert_eq!(tree.canonical_path(ROOT, b"/link").as_deref(), Ok(&b"/d/f"[..]));
    }
}
