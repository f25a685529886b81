// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The texts of the files in `/proc` (`proc(5)`). They say nothing of the host.

use super::limits::{self, Resource};
use super::process::{Process, State};
use super::stack::STACK_TOP;
use crate::arch::{features, layout::PAGE_SIZE};
use crate::errno::Errno;
use crate::fs::{InodeId, ProcNode, ProcText};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;
use crate::mm::space::{Area, Backing, Sharing};
use crate::mm::user::UserMemory;
use crate::syscall::system::UTSNAME;
use alloc::vec::Vec;
use core::fmt;

const FILESYSTEMS: &[u8] = b"nodev\ttmpfs\nnodev\tproc\n";
const MOUNTS: &[u8] = b"tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc ro,relatime 0 0\n";

const NS_PER_S: u64 = 1_000_000_000;

/// Room for a line of `maps` without its name, and where that begins.
const LINE_MAX: usize = 128;
const NAME_AT: usize = 73;

/// Bytes of arguments or environment that are shown, at most.
const STRINGS_MAX: u64 = 128 << 10;

impl Kernel {
    /// Makes the text of a file in `/proc` as it is at this moment.
    ///
    /// # Errors
    /// `ESRCH`: its process is gone.
    pub fn make_proc_text(&mut self, inode: InodeId) -> Result<(), Errno> {
        let Some(ProcNode::Text(file)) = self.fs.proc_node(inode) else { return Ok(()) };
        let mut text = Text(Vec::new());
        self.proc_text(file, &mut text).ok_or(Errno::ESRCH)?;
        let now = self.now();
        self.fs.truncate(inode, 0, now)?;
        self.fs.write_bytes(inode, 0, &text.0, now)?;
        Ok(())
    }

    fn proc_text(&mut self, file: ProcText, text: &mut Text) -> Option<()> {
        match file {
            ProcText::Cpuinfo => cpuinfo(text),
            ProcText::Filesystems => text.add(FILESYSTEMS),
            ProcText::Loadavg => {
                let (count, pid) = (self.processes.count() + 1, self.process.pid);
                text.put(format_args!("0.00 0.00 0.00 1/{count} {pid}\n"));
            }
            ProcText::Meminfo => meminfo(text),
            ProcText::Stat => self.system_stat(text),
            ProcText::Uptime => {
                let up = self.now() - self.settings.epoch_ns;
                let (seconds, hundredths) = (up / NS_PER_S, up % NS_PER_S / 10_000_000);
                text.put(format_args!("{seconds}.{hundredths:02} 0.00\n"));
            }
            ProcText::Version => {
                let [name, _, release, version, ..] = UTSNAME;
                text.add(&[name, b" version ", release, b" (seed) ", version, b"\n"].concat());
            }
            ProcText::KernelHostname => text.line(UTSNAME[1]),
            ProcText::KernelOsrelease => text.line(UTSNAME[2]),
            ProcText::KernelOstype => text.line(UTSNAME[0]),
            ProcText::KernelVersion => text.line(UTSNAME[3]),
            ProcText::ProcessCmdline(pid) => text.0 = self.strings(pid, Strings::Arguments),
            ProcText::ProcessEnviron(pid) => text.0 = self.strings(pid, Strings::Environment),
            ProcText::ProcessComm(pid) => text.line(name(self.process_mut(pid)?)),
            ProcText::ProcessMaps(pid) => self.maps(pid, text)?,
            ProcText::ProcessMounts(_) => text.add(MOUNTS),
            ProcText::ProcessStat(pid) => stat(self.process_mut(pid)?, text),
            ProcText::ProcessStatm(pid) => {
                let (mapped, resident) = sizes(self.process_mut(pid)?);
                let (mapped, resident) = (mapped / PAGE_SIZE, resident / PAGE_SIZE);
                text.put(format_args!("{mapped} {resident} 0 0 0 {mapped} 0\n"));
            }
            ProcText::ProcessStatus(pid) => status(self.process_mut(pid)?, text),
            ProcText::ProcessLimits(pid) => limits(self.process_mut(pid)?, text),
        }
        Some(())
    }

    fn system_stat(&self, text: &mut Text) {
        let zeros = "0 0 0 0 0 0 0 0 0 0";
        let start = self.settings.epoch_ns / NS_PER_S;
        let count = self.processes.count() + 1;
        text.put(format_args!(
            "cpu  {zeros}\ncpu0 {zeros}\nintr 0\nctxt 0\nbtime {start}\nprocesses {count}\n\
             procs_running 1\nprocs_blocked 0\n"
        ));
    }

    /// The strings that a program was started with, as they are in its memory now.
    fn strings(&mut self, pid: u32, which: Strings) -> Vec<u8> {
        let is_running = self.process.pid == pid;
        let process = match is_running {
            true => Some(&mut *self.process),
            false => self.processes.find(pid),
        };
        let Some(process) = process else { return Vec::new() };
        let stack = process.start_stack;
        let mut memory = UserMemory { space: &mut process.space, fs: &mut self.fs };
        // Memory that is on loan, or that the program took away, shows nothing.
        read_strings(&mut memory, stack, which).unwrap_or_default()
    }

    fn maps(&mut self, pid: u32, text: &mut Text) -> Option<()> {
        let process = self.process_mut(pid)?;
        let heap = process.space.heap();
        let areas = process.space.areas().to_vec();
        for area in areas {
            let path;
            let (offset, number, name): (_, _, &[u8]) = match area.backing {
                Backing::File { inode, offset } => {
                    path = self.fs.shown_path(inode);
                    (offset, self.fs.stat(inode).number, &path)
                }
                Backing::Anonymous if area.end == STACK_TOP => (0, 0, b"[stack]"),
                Backing::Anonymous if area.start < heap.1 && heap.0 < area.end => (0, 0, b"[heap]"),
                Backing::Anonymous => (0, 0, b""),
            };
            text.0.try_reserve(LINE_MAX + name.len()).ok()?;
            let (start, end, line_start) = (area.start, area.end, text.0.len());
            let [read, write, execute, sharing] = rights(&area);
            let device = u64::from(number > 0);
            text.put(format_args!(
                "{start:08x}-{end:08x} {read}{write}{execute}{sharing} {offset:08x} \
                 00:{device:02x} {number} "
            ));
            if !name.is_empty() {
                text.0.resize(text.0.len().max(line_start + NAME_AT), b' ');
            }
            text.line(name);
        }
        Some(())
    }
}

/// A text in the making. It takes everything, bytes that are no letters as well.
struct Text(Vec<u8>);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text.as_bytes());
        Ok(())
    }
}

impl Text {
    fn put(&mut self, text: fmt::Arguments<'_>) {
        let _ = fmt::Write::write_fmt(self, text);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn line(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0.push(b'\n');
    }
}

/// Names and units of limits, by number.
const LIMITS: [(&str, &str); 16] = [
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
];

/// Which strings are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Arguments,
    Environment,
}

/// Reads the strings behind the pointers at a program's first stack pointer, zeros included.
fn read_strings(memory: &mut UserMemory<'_>, stack: u64, which: Strings) -> Result<Vec<u8>, Errno> {
    let count = memory.read_u64(UserAddr(stack))?;
    let mut at = match which {
        Strings::Arguments => stack + 8,
        Strings::Environment => stack + 8 + count.saturating_mul(8).saturating_add(8),
    };
    let mut text = Vec::new();
    loop {
        let string = memory.read_u64(UserAddr(at))?;
        if string == 0 || text.len() as u64 >= STRINGS_MAX {
            return Ok(text);
        }
        text.extend(memory.read_string(UserAddr(string), STRINGS_MAX, Errno::E2BIG)?);
        text.push(0);
        at += 8;
    }
}

/// Of the features only those of the levels of x86-64: what else there may be depends on the host.
fn cpuinfo(text: &mut Text) {
    text.add(b"processor\t: 0\nvendor_id\t: ");
    text.line(features::vendor().as_flattened());
    text.add(b"model name\t: seed machine 1\ncpu cores\t: 1\nflags\t\t:");
    for feature in features::levels().flatten() {
        text.put(format_args!(" {}", feature.name));
    }
    text.add(b"\n\n");
}

fn meminfo(text: &mut Text) {
    let counts = frames().counts();
    let (total, free) = (counts.total * PAGE_SIZE / 1024, counts.free * PAGE_SIZE / 1024);
    let lines = [
        ("MemTotal:", total),
        ("MemFree:", free),
        ("MemAvailable:", free),
        ("Buffers:", 0),
        ("Cached:", 0),
        ("SwapCached:", 0),
        ("Active:", 0),
        ("Inactive:", 0),
        ("SwapTotal:", 0),
        ("SwapFree:", 0),
        ("Shmem:", 0),
        ("Slab:", 0),
        ("SReclaimable:", 0),
    ];
    for (name, value) in lines {
        text.put(format_args!("{name:<16}{value:>8} kB\n"));
    }
}

fn name(process: &Process) -> &[u8] {
    process.name.split(|&byte| byte == 0).next().unwrap_or(&process.name)
}

fn rights(area: &Area) -> [&'static str; 4] {
    let bit = |is_set, letter| if is_set { letter } else { "-" };
    let access = area.access;
    let sharing = if area.sharing == Sharing::Shared { "s" } else { "p" };
    [bit(access.read, "r"), bit(access.write, "w"), bit(access.execute, "x"), sharing]
}

/// Bytes that are mapped, and those of them that are there.
fn sizes(process: &Process) -> (u64, u64) {
    (process.space.nr_bytes(|_| true), process.space.tables().nr_pages() * PAGE_SIZE)
}

/// The letter of a state, and its word.
const fn state(process: &Process) -> (&'static str, &'static str) {
    match process.state {
        State::Ready => ("R", "running"),
        State::Waiting => ("S", "sleeping"),
        State::Lending => ("D", "disk sleep"),
        State::Stopped => ("T", "stopped"),
        State::Ended(_) => ("Z", "zombie"),
    }
}

/// The 52 fields of `/proc/pid/stat`; what is not counted is 0.
fn stat(process: &Process, text: &mut Text) {
    let (mapped, resident) = sizes(process);
    let resident = resident / PAGE_SIZE;
    let (letter, _) = state(process);
    let nice = i32::from(process.nice);
    let signals = &process.signals;
    text.put(format_args!("{} (", process.pid));
    text.add(name(process));
    text.put(format_args!(
        ") {letter} {} {} {} 0 -1 0 0 0 0 0 0 0 0 0 {} {nice} 1 0 0 {mapped} {resident} {} 0 0 \
         {} 0 0 {} {} 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        process.parent,
        process.group,
        process.session,
        20 + nice,
        u64::MAX,
        process.start_stack,
        signals.pending.0,
        signals.blocked.0,
    ));
}

fn status(process: &Process, text: &mut Text) {
    let (mapped, resident) = sizes(process);
    let (letter, word) = state(process);
    let (pid, parent) = (process.pid, process.parent);
    let signals = &process.signals;
    text.add(b"Name:\t");
    text.line(name(process));
    text.put(format_args!(
        "Umask:\t{:04o}\nState:\t{letter} ({word})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\n\
         PPid:\t{parent}\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t{}\nGroups:\t\n\
         VmSize:\t{:>8} kB\nVmRSS:\t{:>8} kB\nThreads:\t1\nSigQ:\t0/0\nSigPnd:\t{:016x}\n\
         ShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
        process.umask,
        process.descriptors.capacity(),
        mapped / 1024,
        resident / 1024,
        0_u64,
        signals.pending.0,
        signals.blocked.0,
        signals.ignored().0,
        signals.handled().0,
    ));
}

fn limits(process: &Process, text: &mut Text) {
    text.put(format_args!(
        "{:<25} {:<20} {:<20} {:<10}\n",
        "Limit", "Soft Limit", "Hard Limit", "Units"
    ));
    for (number, (name, unit)) in (0..).zip(LIMITS) {
        let Some(resource) = Resource::from_number(number) else { break };
        let limit = process.limits.of(resource);
        text.put(format_args!("{name:<25} "));
        for value in [limit.soft, limit.hard] {
            match value {
                limits::INFINITY => text.put(format_args!("{:<20} ", "unlimited")),
                _ => text.put(format_args!("{value:<20} ")),
            }
        }
        text.put(format_args!("{unit:<10}\n"));
    }
}
