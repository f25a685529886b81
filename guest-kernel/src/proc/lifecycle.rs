// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The life of a process: it is forked, executes programs, and ends.

use super::descriptors::Descriptor;
use super::elf::ElfError;
use super::exec::{self, ExecError, Loader, Strings};
use super::interval_timer::IntervalTimers;
use super::limits::Resource;
use super::process::{Ending, FIRST_PID, Process, State};
use super::program_files::is_written;
use super::signal::{Action, Signal, SignalInfo};
use super::thread::Thread;
use crate::arch::{paging::PageTables, trap::Registers, vector};
use crate::end;
use crate::errno::Errno;
use crate::fs::{Follow, InodeId, Kind};
use crate::init;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;
use crate::mm::space::AddressSpace;
use crate::mm::user::UserMemory;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter;

/// `si_code` of a child that exited (`sigaction(2)`).
pub const CLD_EXITED: i32 = 1;
/// `si_code` of a child that a signal ended.
pub const CLD_KILLED: i32 = 2;

/// Processes that there may be at one time, those included that ended and are not waited for.
const PROCESSES_MAX: usize = 4096;

/// Which memory a new process gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// A copy of its parent's, made as either side writes.
    Copied,
    /// Its parent's, which waits until the child is done with it: `vfork`.
    Borrowed,
}

impl Kernel {
    /// Whether there may be another process.
    fn check_room(&self) -> Result<(), Errno> {
        if self.processes.count() >= PROCESSES_MAX {
            return Err(Errno::EAGAIN);
        }
        if frames().is_scarce() { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// Makes a child with these registers; returns its number.
    ///
    /// # Errors
    /// `EAGAIN`: there are too many. `ENOMEM`.
    pub fn fork(&mut self, registers: Registers, memory: Memory) -> Result<u32, Errno> {
        self.check_room()?;
        let thread = self
            .process
            .thread
            .copy_running(registers)
            .map_err(|vector::NoMemory| Errno::ENOMEM)?;
        let space = match memory {
            Memory::Copied => {
                let tables = PageTables::new(init::table_pattern()).map_err(|_| Errno::ENOMEM)?;
                let copy = self.process.space.fork(&mut self.fs, tables);
                Box::new(copy.map_err(|_| Errno::ENOMEM)?)
            }
            Memory::Borrowed => {
                self.process.state = State::Lending;
                core::mem::replace(&mut self.process.space, Box::new(AddressSpace::absent()))
            }
        };
        let pid = self.processes.next_pid();
        let mut child = Box::new(self.process.child(pid, thread, space));
        child.is_space_borrowed = memory == Memory::Borrowed;
        self.fs.open(child.cwd);
        self.process.children.push(pid);
        self.admit(child);
        Ok(pid)
    }

    /// Makes a child that runs a program from its start: `spawn`. The parent is to wait for its end.
    ///
    /// # Errors
    /// As for [`Kernel::fork`] and [`Kernel::exec`]; then there is no child.
    pub fn fork_and_exec(&mut self, path: &[u8], arguments: &[&[u8]]) -> Result<u32, Errno> {
        self.check_room()?;
        let inode = self.find_program(path)?;
        let (loaded, program) = self.load((inode, path), arguments, &[])?;
        let pid = self.processes.next_pid();
        let thread = Thread::new(loaded.start.registers());
        let mut child = Box::new(self.process.child(pid, thread, Box::new(loaded.space)));
        child.is_spawned = true;
        child.set_program(program, path, loaded.start.registers().rsp);
        child.signals.reset_for_exec();
        self.fs.open(child.cwd);
        for descriptor in child.descriptors.take_closed_on_exec() {
            self.let_go(descriptor);
        }
        self.process.children.push(pid);
        self.admit(child);
        Ok(pid)
    }

    /// Writes to the memory of a child that has not run. A bad address is the program's own fault.
    pub fn write_to_child(&mut self, pid: u32, address: UserAddr, bytes: &[u8]) {
        if let Some(child) = self.processes.find(pid) {
            let mut memory = UserMemory { space: &mut child.space, fs: &mut self.fs };
            let _ = memory.write(address, bytes);
        }
    }

    /// Replaces the program of the running process. On success its registers are those of the new
    /// program's start.
    ///
    /// # Errors
    /// As `execve` has them; the process goes on as it was.
    pub fn exec(
        &mut self,
        path: &[u8],
        arguments: &[&[u8]],
        environment: &[&[u8]],
    ) -> Result<(), Errno> {
        let inode = self.find_program(path)?;
        self.exec_file(inode, path, arguments, environment)
    }

    /// As [`Kernel::exec`], with a program that was found already, and what it is called by.
    ///
    /// # Errors
    /// As for [`Kernel::exec`].
    pub fn exec_file(
        &mut self,
        inode: InodeId,
        path: &[u8],
        arguments: &[&[u8]],
        environment: &[&[u8]],
    ) -> Result<(), Errno> {
        let (loaded, program) = self.load((inode, path), arguments, environment)?;
        self.process.set_program(program, path, loaded.start.registers().rsp);
        self.process.note_peak();
        let old = core::mem::replace(&mut self.process.space, Box::new(loaded.space));
        self.process.make_current();
        self.give_back(old);
        self.process.thread.restart(loaded.start.registers());
        self.process.thread.restore();
        self.process.signals.reset_for_exec();
        self.process.timers = IntervalTimers::default();
        self.process.is_dumpable = true;
        self.process.keeps_capabilities = false;
        self.process.has_barriers = false;
        for descriptor in self.process.descriptors.take_closed_on_exec() {
            self.release(descriptor);
        }
        Ok(())
    }

    fn find_program(&mut self, path: &[u8]) -> Result<InodeId, Errno> {
        exec::find(&mut self.fs, self.process.cwd, path).map_err(|error| error.errno())
    }

    /// Loads a program, or the one that a script names; returns its path as well.
    fn load(
        &mut self,
        (inode, path): (InodeId, &[u8]),
        arguments: &[&[u8]],
        environment: &[&[u8]],
    ) -> Result<(exec::Loaded, Vec<u8>), Errno> {
        let mut random = [0; 16];
        self.random.fill(&mut random);
        let strings = Strings { path, arguments, environment, random };
        let (process, processes) = (&*self.process, &self.processes);
        let loader = Loader {
            cwd: process.cwd,
            stack_limit: process.limits.of(Resource::STACK).soft,
            check: &|fs, inode| {
                exec::check(fs, inode)?;
                let is_written = is_written(fs, iter::once(process).chain(processes.iter()), inode);
                if is_written { Err(ExecError::Written) } else { Ok(()) }
            },
        };
        match loader.load(&mut self.fs, (inode, path), &strings, 0) {
            Ok((loaded, inode, path)) => Ok((loaded, self.path_of_program(inode, &path))),
            // No interpreter would do, but one that is not there is what Linux tells of.
            Err(ExecError::Elf(ElfError::Interpreter(path))) if !path.is_empty() => {
                let inode = self.find_program(&path)?;
                exec::check(&self.fs, inode).map_err(|error| error.errno())?;
                Err(Errno::ENOEXEC)
            }
            Err(ExecError::Elf(_)) => Err(Errno::ENOEXEC),
            Err(error) => Err(error.errno()),
        }
    }

    /// Ends the running process. Another one runs when this returns.
    pub fn end_process(&mut self, ending: Ending) {
        if self.process.pid == FIRST_PID {
            end::finish(self, ending);
        }
        self.abandon_wait();
        if let Some(shared) = self.processes.shared_if_any() {
            shared.locks.forget_wait(self.process.pid);
        }
        for descriptor in self.process.descriptors.take_all() {
            self.release(descriptor);
        }
        let cwd = self.process.cwd;
        self.fs.close(cwd);
        let groups = self.groups_looked_after();
        self.leave_children();
        if let Some(handle) = self.process.handle.take() {
            handle.is_over.set(true);
            self.wake(&handle.waiters);
        }
        self.process.note_peak();
        self.process.become_zombie(ending);
        groups.into_iter().for_each(|group| self.release_if_orphaned(group));
        let is_kept = self.tell_parent(self.process.pid);
        let space = core::mem::replace(&mut self.process.space, Box::new(AddressSpace::absent()));
        let space = match self.process.is_space_borrowed {
            true => {
                self.give_back(space);
                None
            }
            // The tables are in use until the next process has its own.
            false => Some(space),
        };
        let process = self.replace_by_next();
        if let Some(space) = space {
            space.free(&mut self.fs);
        }
        let pid = process.pid;
        self.processes.keep(process);
        if !is_kept {
            self.forget_process(pid);
        }
    }

    /// Gives children and what is left of them to the nearest ancestor that takes them, as children
    /// like others.
    fn leave_children(&mut self) {
        let taker = self.taker_of_orphans();
        for pid in core::mem::take(&mut self.process.children) {
            let Some(child) = self.processes.find(pid) else { continue };
            child.parent = taker.unwrap_or(FIRST_PID);
            child.is_orphan = taker.is_none();
            child.end_signal = Signal::SIGCHLD.number();
            let is_over = child.is_over();
            let signal = Signal::from_number(child.parent_end_signal.into());
            if let Some(taker) = taker.and_then(|taker| self.processes.find(taker)) {
                taker.children.push(pid);
            }
            if is_over && !self.tell_parent(pid) {
                self.forget_process(pid);
            }
            if let Some(signal) = signal {
                self.send(pid, signal, SignalInfo::of_process(0, self.process.pid));
            }
        }
    }

    /// The nearest ancestor of the running process that takes orphans.
    fn taker_of_orphans(&mut self) -> Option<u32> {
        let mut pid = self.process.parent;
        loop {
            let ancestor = self.processes.find(pid)?;
            if ancestor.takes_orphans {
                return Some(pid);
            }
            pid = ancestor.parent;
        }
    }

    /// Lets what is left of a process go.
    pub fn forget_process(&mut self, pid: u32) {
        self.processes.remove(pid);
        self.fs.forget_process(pid, self.now());
    }

    /// Gives memory back to the parent that lent it, which can go on then, or frees it.
    fn give_back(&mut self, space: Box<AddressSpace>) {
        if !core::mem::take(&mut self.process.is_space_borrowed) {
            space.free(&mut self.fs);
            return;
        }
        let parent = self.process.parent;
        if let Some(lender) = self.processes.find(parent) {
            lender.space = space;
            lender.space.set_stack_limit(lender.limits.of(Resource::STACK).soft);
        }
        self.processes.set_ready(parent, State::Lending);
    }

    /// Lets the parent of a process that has ended know; returns whether it is to wait for it.
    fn tell_parent(&mut self, pid: u32) -> bool {
        let Some(process) = self.process_mut(pid).filter(|process| !process.is_orphan) else {
            return false;
        };
        let State::Ended(ending) = process.state else { return false };
        let (parent, is_spawned) = (process.parent, process.is_spawned);
        let end_signal = Signal::from_number(process.end_signal.into());
        let Some(process) = self.processes.find(parent) else { return false };
        let action = process.signals.action(Signal::SIGCHLD);
        let is_kept = end_signal != Some(Signal::SIGCHLD)
            || action.handler != Action::IGNORE && action.flags & Action::NO_CHILD_WAIT == 0;
        if !is_kept {
            process.children.retain(|&child| child != pid);
        }
        let (code, status) = match ending {
            Ending::Exited(status) => (CLD_EXITED, status),
            Ending::Killed(signal) => (CLD_KILLED, signal),
        };
        if let Some(signal) = end_signal {
            self.send(parent, signal, SignalInfo::of_child(code, pid, status));
        }
        self.processes.set_ready(parent, State::Waiting);
        if is_spawned {
            self.processes.set_ready(parent, State::Lending);
        }
        is_kept
    }

    /// Gives up a descriptor of the running process, and the locks that end with it.
    pub fn release(&mut self, descriptor: Descriptor) {
        self.unlock_for_close(&descriptor);
        self.let_go(descriptor);
    }

    /// Gives up a descriptor; with the last one of an open file what is behind it is let go, and
    /// whoever waits for that is woken.
    pub fn let_go(&mut self, descriptor: Descriptor) {
        for pid in descriptor.release(&mut self.fs) {
            self.processes.set_ready(pid, State::Waiting);
        }
    }

    /// The path of a program that was found; what was opened is found by its inode.
    fn path_of_program(&mut self, inode: InodeId, path: &[u8]) -> Vec<u8> {
        match path.starts_with(b"/dev/fd/") {
            true => self.fs.find_path(inode).unwrap_or_else(|| path.to_vec()),
            false => self.absolute(path),
        }
    }

    /// A program's path as it is from the root, for as long as directories keep their names.
    fn absolute(&mut self, path: &[u8]) -> Vec<u8> {
        // What `/proc` leads to depends on who asks.
        if path.starts_with(b"/proc/")
            && let Ok(inode) = self.fs.resolve(InodeId::ROOT, path, Follow::Last)
            && let Some(found) = self.fs.find_path(inode)
        {
            return found;
        }
        // A link's name would lead back to itself from `/proc/self/exe`.
        let cwd = self.process.cwd;
        if let Ok(named) = self.fs.resolve(cwd, path, Follow::NoLast)
            && self.fs.kind(named) == Kind::Symlink
            && let Ok(inode) = self.fs.resolve(cwd, path, Follow::Last)
            && let Some(found) = self.fs.find_path(inode)
        {
            return found;
        }
        if path.starts_with(b"/") {
            return path.to_vec();
        }
        let mut absolute = self.fs.path_of(self.process.cwd).unwrap_or_default();
        if absolute != b"/" {
            absolute.push(b'/');
        }
        absolute.extend_from_slice(path.strip_prefix(b"./").unwrap_or(path));
        absolute
    }

    /// Whether a process exists, the one that runs included, and those that nobody waited for.
    #[must_use]
    pub fn exists(&self, pid: u32) -> bool {
        self.process(pid).is_some()
    }

    /// Any process, the one that runs included.
    #[must_use]
    pub fn process(&self, pid: u32) -> Option<&Process> {
        if self.process.pid == pid { Some(&self.process) } else { self.processes.get(pid) }
    }

    /// Calls `visit` for each process, the one that runs included.
    pub fn for_each_process(&self, mut visit: impl FnMut(&Process)) {
        for process in self.processes.iter() {
            visit(process);
        }
        visit(&self.process);
    }
}
