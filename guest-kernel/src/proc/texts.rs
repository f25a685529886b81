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
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

const FILESYSTEMS: &str = "nodev\ttmpfs\nnodev\tproc\n";
const MOUNTS: &str = "tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc ro,relatime 0 0\n";

const NS_PER_S: u64 = 1_000_000_000;

/// Room for a line of `maps` without its name.
const LINE_MAX: usize = 128;

/// Bytes of arguments or environment that are shown, at most.
const STRINGS_MAX: u64 = 128 << 10;

impl Kernel {
    /// Makes the text of a file in `/proc` as it is at this moment.
    ///
    /// # Errors
    /// `ESRCH`: its process is gone.
    pub fn make_proc_text(&mut self, inode: InodeId) -> Result<(), Errno> {
        let Some(ProcNode::Text(file)) = self.fs.proc_node(inode) else { return Ok(()) };
        let text = self.proc_text(file).ok_or(Errno::ESRCH)?;
        let now = self.now();
        self.fs.truncate(inode, 0, now)?;
        self.fs.write_bytes(inode, 0, &text, now)?;
        Ok(())
    }

    fn proc_text(&mut self, file: ProcText) -> Option<Vec<u8>> {
        let line = |at: usize| format!("{}\n", String::from_utf8_lossy(UTSNAME[at]));
        let text = match file {
            ProcText::Cpuinfo => cpuinfo(),
            ProcText::Filesystems => FILESYSTEMS.into(),
            ProcText::Loadavg => {
                format!("0.00 0.00 0.00 1/{} {}\n", self.processes.count() + 1, self.process.pid)
            }
            ProcText::Meminfo => meminfo(),
            ProcText::Stat => self.system_stat(),
            ProcText::Uptime => {
                let up = self.now() - self.settings.epoch_ns;
                format!("{}.{:02} 0.00\n", up / NS_PER_S, up % NS_PER_S / 10_000_000)
            }
            ProcText::Version => {
                let [name, _, release, version, ..] = UTSNAME.map(String::from_utf8_lossy);
                format!("{name} version {release} (seed) {version}\n")
            }
            ProcText::KernelHostname => line(1),
            ProcText::KernelOsrelease => line(2),
            ProcText::KernelOstype => line(0),
            ProcText::KernelVersion => line(3),
            ProcText::ProcessCmdline(pid) => return Some(self.strings(pid, Strings::Arguments)),
            ProcText::ProcessEnviron(pid) => return Some(self.strings(pid, Strings::Environment)),
            ProcText::ProcessComm(pid) => format!("{}\n", name(self.process_mut(pid)?)),
            ProcText::ProcessMaps(pid) => self.maps(pid)?,
            ProcText::ProcessMounts(_) => MOUNTS.into(),
            ProcText::ProcessStat(pid) => stat(self.process_mut(pid)?),
            ProcText::ProcessStatm(pid) => {
                let (mapped, resident) = sizes(self.process_mut(pid)?);
                let (mapped, resident) = (mapped / PAGE_SIZE, resident / PAGE_SIZE);
                format!("{mapped} {resident} 0 0 0 {mapped} 0\n")
            }
            ProcText::ProcessStatus(pid) => status(self.process_mut(pid)?),
            ProcText::ProcessLimits(pid) => limits(self.process_mut(pid)?),
        };
        Some(text.into_bytes())
    }

    fn system_stat(&self) -> String {
        let zeros = "0 0 0 0 0 0 0 0 0 0";
        let start = self.settings.epoch_ns / NS_PER_S;
        let count = self.processes.count() + 1;
        format!(
            "cpu  {zeros}\ncpu0 {zeros}\nintr 0\nctxt 0\nbtime {start}\nprocesses {count}\n\
             procs_running 1\nprocs_blocked 0\n"
        )
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

    fn maps(&mut self, pid: u32) -> Option<String> {
        let process = self.process_mut(pid)?;
        let heap = process.space.heap();
        let areas = process.space.areas().to_vec();
        let mut text = String::new();
        for area in areas {
            let (offset, number, name) = match area.backing {
                Backing::File { inode, offset } => {
                    let path = self.fs.shown_path(inode);
                    let number = self.fs.stat(inode).number;
                    (offset, number, String::from_utf8_lossy(&path).into_owned())
                }
                Backing::Anonymous if area.end == STACK_TOP => (0, 0, "[stack]".into()),
                Backing::Anonymous if area.start < heap.1 && heap.0 < area.end => {
                    (0, 0, "[heap]".into())
                }
                Backing::Anonymous => (0, 0, String::new()),
            };
            let device = u8::from(number > 0);
            text.try_reserve(LINE_MAX + name.len()).ok()?;
            let range = format!(
                "{:08x}-{:08x} {} {offset:08x} 00:{device:02x} {number} ",
                area.start,
                area.end,
                rights(&area),
            );
            // A string takes everything.
            let _ = if name.is_empty() {
                writeln!(text, "{range}")
            } else {
                writeln!(text, "{range:<73}{name}")
            };
        }
        Some(text)
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
fn cpuinfo() -> String {
    let vendor = features::vendor();
    let mut text = format!(
        "processor\t: 0\nvendor_id\t: {}\nmodel name\t: seed machine 1\n\
         cpu cores\t: 1\nflags\t\t:",
        String::from_utf8_lossy(vendor.as_flattened()),
    );
    for feature in features::levels().flatten() {
        text += " ";
        text += feature.name;
    }
    text + "\n\n"
}

fn meminfo() -> String {
    let counts = frames().counts();
    let (total, free) = (counts.total * PAGE_SIZE / 1024, counts.free * PAGE_SIZE / 1024);
    let mut text = String::new();
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
        // A string takes everything.
        let _ = writeln!(text, "{name:<16}{value:>8} kB");
    }
    text
}

fn name(process: &Process) -> String {
    let name = process.name;
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

fn rights(area: &Area) -> String {
    let bit = |is_set, letter| if is_set { letter } else { '-' };
    let access = area.access;
    let sharing = if area.sharing == Sharing::Shared { 's' } else { 'p' };
    let all = [bit(access.read, 'r'), bit(access.write, 'w'), bit(access.execute, 'x'), sharing];
    all.iter().collect()
}

/// Bytes that are mapped, and those of them that are there.
fn sizes(process: &Process) -> (u64, u64) {
    (process.space.nr_bytes(|_| true), process.space.tables().nr_pages() * PAGE_SIZE)
}

/// The letter of a state, and its word.
const fn state(process: &Process) -> (char, &'static str) {
    match process.state {
        State::Ready => ('R', "running"),
        State::Waiting => ('S', "sleeping"),
        State::Lending => ('D', "disk sleep"),
        State::Stopped => ('T', "stopped"),
        State::Ended(_) => ('Z', "zombie"),
    }
}

/// The 52 fields of `/proc/pid/stat`; what is not counted is 0.
fn stat(process: &Process) -> String {
    let (mapped, resident) = sizes(process);
    let resident = resident / PAGE_SIZE;
    let (letter, _) = state(process);
    let signals = &process.signals;
    format!(
        "{} ({}) {letter} {} {} {} 0 -1 0 0 0 0 0 0 0 0 0 {} {} 1 0 0 {mapped} {resident} {} 0 0 \
         {} 0 0 {} {} 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        process.pid,
        name(process),
        process.parent,
        process.group,
        process.session,
        20 + i32::from(process.nice),
        process.nice,
        u64::MAX,
        process.start_stack,
        signals.pending.0,
        signals.blocked.0,
    )
}

fn status(process: &Process) -> String {
    let (mapped, resident) = sizes(process);
    let (letter, word) = state(process);
    let (pid, parent) = (process.pid, process.parent);
    let signals = &process.signals;
    format!(
        "Name:\t{}\nUmask:\t{:04o}\nState:\t{letter} ({word})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\n\
         PPid:\t{parent}\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t{}\nGroups:\t\n\
         VmSize:\t{:>8} kB\nVmRSS:\t{:>8} kB\nThreads:\t1\nSigQ:\t0/0\nSigPnd:\t{:016x}\n\
         ShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
        name(process),
        process.umask,
        process.descriptors.capacity(),
        mapped / 1024,
        resident / 1024,
        0,
        signals.pending.0,
        signals.blocked.0,
        signals.ignored().0,
        signals.handled().0,
    )
}

fn limits(process: &Process) -> String {
    let mut text =
        format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (number, (name, unit)) in (0..).zip(LIMITS) {
        let Some(resource) = Resource::from_number(number) else { break };
        let limit = process.limits.of(resource);
        let [soft, hard] = [limit.soft, limit.hard].map(|value| match value {
            limits::INFINITY => "unlimited".into(),
            _ => format!("{value}"),
        });
        // A string takes everything.
        let _ = writeln!(text, "{name:<25} {soft:<20} {hard:<20} {unit:<10}");
    }
    text
}
