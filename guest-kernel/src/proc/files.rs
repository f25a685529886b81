// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is in `/proc`: the names, and where its links lead (`proc(5)`).

use super::descriptors::Target;
use super::process::Process;
use crate::errno::Errno;
use crate::fs::{
    Follow, InodeId, ProcDirectory, ProcEntry, ProcLink, ProcNode, ProcQuestion, ProcText,
};
use crate::kernel::Kernel;
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// Names in `/proc` itself, besides those of processes and `self`.
const ROOT: [(&str, ProcNode); 9] = [
    ("cpuinfo", ProcNode::Text(ProcText::Cpuinfo)),
    ("filesystems", ProcNode::Text(ProcText::Filesystems)),
    ("loadavg", ProcNode::Text(ProcText::Loadavg)),
    ("meminfo", ProcNode::Text(ProcText::Meminfo)),
    ("mounts", ProcNode::Link(ProcLink::Text("self/mounts"))),
    ("stat", ProcNode::Text(ProcText::Stat)),
    ("sys", ProcNode::Directory(ProcDirectory::Sys)),
    ("uptime", ProcNode::Text(ProcText::Uptime)),
    ("version", ProcNode::Text(ProcText::Version)),
];

const SYS: [(&str, ProcNode); 1] = [("kernel", ProcNode::Directory(ProcDirectory::SysKernel))];

const SYS_KERNEL: [(&str, ProcNode); 4] = [
    ("hostname", ProcNode::Text(ProcText::KernelHostname)),
    ("osrelease", ProcNode::Text(ProcText::KernelOsrelease)),
    ("ostype", ProcNode::Text(ProcText::KernelOstype)),
    ("version", ProcNode::Text(ProcText::KernelVersion)),
];

/// Names in the directory of a process.
const fn of_process(pid: u32) -> [(&'static str, ProcNode); 13] {
    [
        ("cmdline", ProcNode::Text(ProcText::ProcessCmdline(pid))),
        ("comm", ProcNode::Text(ProcText::ProcessComm(pid))),
        ("cwd", ProcNode::Link(ProcLink::WorkingDirectory(pid))),
        ("environ", ProcNode::Text(ProcText::ProcessEnviron(pid))),
        ("exe", ProcNode::Link(ProcLink::Executable(pid))),
        ("fd", ProcNode::Directory(ProcDirectory::Fd(pid))),
        ("limits", ProcNode::Text(ProcText::ProcessLimits(pid))),
        ("maps", ProcNode::Text(ProcText::ProcessMaps(pid))),
        ("mounts", ProcNode::Text(ProcText::ProcessMounts(pid))),
        ("root", ProcNode::Link(ProcLink::Root(pid))),
        ("stat", ProcNode::Text(ProcText::ProcessStat(pid))),
        ("statm", ProcNode::Text(ProcText::ProcessStatm(pid))),
        ("status", ProcNode::Text(ProcText::ProcessStatus(pid))),
    ]
}

/// What is found in a directory.
struct Names<'a> {
    /// The name that is looked for, or all.
    wanted: Option<&'a [u8]>,
    entries: Vec<ProcEntry>,
}

impl Names<'_> {
    fn add(&mut self, name: Cow<'static, [u8]>, node: ProcNode) {
        if self.wanted.is_none_or(|wanted| wanted == &*name) {
            self.entries.push(ProcEntry { name, node, target: None });
        }
    }

    fn add_all(&mut self, names: &[(&'static str, ProcNode)]) {
        for &(name, node) in names {
            self.add(Cow::Borrowed(name.as_bytes()), node);
        }
    }

    fn add_number(&mut self, number: u64, node: ProcNode) {
        self.add(Cow::Owned(format!("{number}").into_bytes()), node);
    }
}

impl Kernel {
    /// Tells the file system what a walk into `/proc` should have found.
    ///
    /// # Errors
    /// `ENOENT`: nobody asked, or the directory is gone.
    pub fn answer_proc_question(&mut self) -> Result<(), Errno> {
        let question = self.fs.take_proc_question().ok_or(Errno::ENOENT)?;
        let Some(ProcNode::Directory(directory)) = self.fs.proc_node(question.directory) else {
            return Err(Errno::ENOENT);
        };
        let entries = self.proc_entries(directory, &question);
        let now = self.now();
        self.fs.answer_proc_question(question, entries, now)
    }

    fn proc_entries(
        &mut self,
        directory: ProcDirectory,
        question: &ProcQuestion,
    ) -> Vec<ProcEntry> {
        let mut names = Names { wanted: question.name.as_deref(), entries: Vec::new() };
        match directory {
            ProcDirectory::Root => {
                names.add_all(&ROOT);
                let own = ProcNode::Link(ProcLink::OwnProcess(self.process.pid));
                names.add(Cow::Borrowed(b"self"), own);
                self.for_each_process(|process| {
                    let node = ProcNode::Directory(ProcDirectory::Process(process.pid));
                    names.add_number(process.pid.into(), node);
                });
            }
            ProcDirectory::Sys => names.add_all(&SYS),
            ProcDirectory::SysKernel => names.add_all(&SYS_KERNEL),
            ProcDirectory::Process(pid) if self.exists(pid) => names.add_all(&of_process(pid)),
            ProcDirectory::Fd(pid) => {
                if let Some(process) = self.process_mut(pid) {
                    for fd in process.descriptors.numbers() {
                        names.add_number(fd, ProcNode::Link(ProcLink::Descriptor(pid, fd)));
                    }
                }
            }
            ProcDirectory::Process(_) => {}
        }
        for entry in &mut names.entries {
            if let ProcNode::Link(link) = entry.node {
                entry.target = self.inode_behind(link);
            }
        }
        names.entries
    }

    /// Where a link leads, if that is something in the tree.
    fn inode_behind(&mut self, link: ProcLink) -> Option<InodeId> {
        match link {
            ProcLink::Text(_) | ProcLink::OwnProcess(_) => None,
            ProcLink::Executable(pid) => {
                let path = self.living(pid)?.path.clone();
                self.fs.resolve(InodeId::ROOT, &path, Follow::Last).ok()
            }
            ProcLink::WorkingDirectory(pid) => self.living(pid).map(|process| process.cwd),
            ProcLink::Root(pid) => self.living(pid).map(|_| InodeId::ROOT),
            ProcLink::Descriptor(pid, fd) => match target_of(self.process_mut(pid)?, fd)? {
                Target::Inode(inode) => Some(inode),
                Target::Pipe(pipe, _) => pipe.inode(),
                _ => None,
            },
        }
    }

    /// A process that has not ended: one that has leads nowhere.
    fn living(&mut self, pid: u32) -> Option<&mut Process> {
        self.process_mut(pid).filter(|process| !process.is_over())
    }

    /// What a descriptor's link in `/proc` leads to, if that is nothing in the tree.
    #[must_use]
    pub fn linked_target(&mut self, link: InodeId) -> Option<Target> {
        match self.fs.proc_node(link)? {
            ProcNode::Link(ProcLink::Descriptor(pid, fd)) => target_of(self.process_mut(pid)?, fd),
            _ => None,
        }
    }

    /// What `readlink` gives for a link of `/proc` that is more than its text.
    pub fn proc_link_text(&mut self, link: InodeId) -> Option<Result<Vec<u8>, Errno>> {
        let ProcNode::Link(link) = self.fs.proc_node(link)? else { return None };
        let text = match link {
            ProcLink::Text(_) | ProcLink::OwnProcess(_) => return None,
            ProcLink::Root(pid) => self.living(pid).map(|_| b"/".to_vec()),
            ProcLink::WorkingDirectory(pid) => {
                let cwd = self.living(pid).map(|process| process.cwd);
                cwd.map(|cwd| self.fs.shown_path(cwd))
            }
            ProcLink::Executable(pid) => {
                let path = self.living(pid).map(|process| process.path.clone());
                path.map(|path| match self.fs.canonical_path(InodeId::ROOT, &path) {
                    Ok(path) => path,
                    Err(_) => [&path, &b" (deleted)"[..]].concat(),
                })
            }
            ProcLink::Descriptor(pid, fd) => {
                let target = self.process_mut(pid).and_then(|process| target_of(process, fd));
                target.map(|target| self.name_of(&target))
            }
        };
        Some(text.ok_or(Errno::ENOENT))
    }

    /// What an open file is called.
    fn name_of(&mut self, target: &Target) -> Vec<u8> {
        let kind = match target {
            Target::Inode(inode) => return self.fs.shown_path(*inode),
            Target::Pipe(pipe, _) => match pipe.inode() {
                Some(inode) => return self.fs.shown_path(inode),
                None => return format!("pipe:[{}]", pipe.number()).into_bytes(),
            },
            Target::Socket(socket) => {
                return format!("socket:[{}]", socket.incoming.pipe.number()).into_bytes();
            }
            Target::Console | Target::ConsoleInput(_) => "/dev/console",
            Target::EventCounter(_) => "anon_inode:[eventfd]",
            Target::Timer(_) => "anon_inode:[timerfd]",
            Target::Epoll(_) => "anon_inode:[eventpoll]",
            Target::Signals(_) => "anon_inode:[signalfd]",
            Target::Process(_) => "anon_inode:[pidfd]",
        };
        kind.into()
    }
}

fn target_of(process: &mut Process, fd: u64) -> Option<Target> {
    process.descriptors.file_or_place(fd).ok().map(|file| file.target.clone())
}
