// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting for children: `wait4` and `waitid`.

use super::{Answer, Fail, handle, usage};
use crate::arch::{signal_frame, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::deliver::{CLD_CONTINUED, CLD_STOPPED};
use crate::proc::descriptors::Blocking;
use crate::proc::lifecycle::{CLD_EXITED, CLD_KILLED};
use crate::proc::process::{Change, Ending, State};
use crate::proc::signal::{Signal, SignalInfo};
use crate::proc::usage::Usage;

const WNOHANG: u64 = 1;
const WUNTRACED: u64 = 2;
const WEXITED: u64 = 4;
const WCONTINUED: u64 = 8;
const WNOWAIT: u64 = 0x100_0000;

const P_ALL: u64 = 0;
const P_PID: u64 = 1;
const P_PGID: u64 = 2;
const P_PIDFD: u64 = 3;

/// Children that let their parent know by another signal than `SIGCHLD`, alone or as well; and
/// those of this thread alone, which is all.
const WCLONE: u64 = 0x8000_0000;
const WALL: u64 = 0x4000_0000;
const WNOTHREAD: u64 = 0x2000_0000;
const WHICH: u64 = WCLONE | WALL | WNOTHREAD;

/// Bytes of `siginfo_t` that are told of a child: up to `si_status`.
const INFO_TOLD: usize = 28;

/// Which children are waited for.
#[derive(Clone, Copy)]
enum Which {
    All,
    Pid(u32),
    Group(u32),
}

impl Which {
    const fn has(self, pid: u32, group: u32) -> bool {
        match self {
            Self::All => true,
            Self::Pid(wanted) => pid == wanted,
            Self::Group(wanted) => group == wanted,
        }
    }
}

/// What happened to a child.
#[derive(Clone, Copy)]
enum Event {
    Ended(Ending),
    Changed(Change),
}

impl Event {
    /// As `wait4` gives it.
    fn status(self) -> u32 {
        match self {
            Self::Ended(ending) => ending.wait_status(),
            Self::Changed(Change::Stopped(signal)) => u32::from(signal) << 8 | 0x7f,
            Self::Changed(Change::Continued) => 0xffff,
        }
    }

    /// `si_code` and `si_status`.
    fn code(self) -> (i32, u8) {
        match self {
            Self::Ended(Ending::Exited(status)) => (CLD_EXITED, status),
            Self::Ended(Ending::Killed(signal)) => (CLD_KILLED, signal),
            Self::Changed(Change::Stopped(signal)) => (CLD_STOPPED, signal),
            Self::Changed(Change::Continued) => (CLD_CONTINUED, Signal::SIGCONT.number()),
        }
    }
}

pub(super) fn wait4(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (status, options, usage) = (call.argument(1), call.argument(2), call.argument(3));
    let options = options & 0xffff_ffff;
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | WHICH) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let [low @ .., _, _, _, _] = call.argument(0).to_le_bytes();
    let which = match i32::from_le_bytes(low) {
        -1 => Which::All,
        0 => Which::Group(kernel.process.group),
        pid @ 1.. => Which::Pid(pid.cast_unsigned()),
        i32::MIN => return Err(Errno::ESRCH.into()),
        group => Which::Group(group.unsigned_abs()),
    };
    let Some(found) = find(kernel, which, options | WEXITED)? else { return Ok(0) };
    if status != 0 {
        kernel.memory().write(UserAddr(status), &found.event.status().to_le_bytes())?;
    }
    if usage != 0 {
        usage::put(kernel, usage, found.usage)?;
    }
    Ok(found.pid.into())
}

pub(super) fn waitid(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (kind, id, buffer) = (call.argument(0), call.argument(1), call.argument(2));
    let (options, usage) = (call.argument(3), call.argument(4));
    let options = options & 0xffff_ffff;
    let known = WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | WHICH;
    if options & !known != 0 || options & (WEXITED | WUNTRACED | WCONTINUED) == 0 {
        return Err(Errno::EINVAL.into());
    }
    let number = (id & 0xffff_ffff) as u32;
    let mut blocking = Blocking::Yes;
    let which = match (kind & 0xffff_ffff, number.cast_signed()) {
        (P_ALL, _) => Which::All,
        (P_PID, 1..) => Which::Pid(number),
        (P_PIDFD, 0..) => {
            let (pid, of_descriptor) = handle::pid(kernel, number.into())?;
            blocking = of_descriptor;
            Which::Pid(pid)
        }
        (P_PGID, 0) => Which::Group(kernel.process.group),
        (P_PGID, 1..) => Which::Group(number),
        _ => return Err(Errno::EINVAL.into()),
    };
    let found = match find(kernel, which, options) {
        Err(Fail::Wait) if blocking == Blocking::No => return Err(Errno::EAGAIN.into()),
        found => found?,
    };
    if buffer != 0 {
        let bytes = match &found {
            None => signal_frame::info_bytes(0, &SignalInfo::default()),
            Some(found) => {
                let (code, status) = found.event.code();
                let info = SignalInfo::of_child(code, found.pid, status);
                signal_frame::info_bytes(Signal::SIGCHLD.number(), &info)
            }
        };
        // The words behind `si_status` are left alone.
        kernel.memory().write(UserAddr(buffer), &bytes[..INFO_TOLD])?;
    }
    if usage != 0
        && let Some(found) = found
    {
        usage::put(kernel, usage, found.usage)?;
    }
    Ok(0)
}

/// A child that something happened to.
struct Found {
    pid: u32,
    event: Event,
    /// What it used, and those that it waited for.
    usage: Usage,
}

/// A child that something happened to; `None` if there is none and waiting is not wanted.
fn find(kernel: &mut Kernel, which: Which, options: u64) -> Result<Option<Found>, Fail> {
    let is_kept = options & WNOWAIT != 0;
    let is_meant =
        |tells_by_sigchld| options & WALL != 0 || tells_by_sigchld == (options & WCLONE == 0);
    let mut is_any_there = false;
    for (index, &pid) in kernel.process.children.iter().enumerate() {
        let Some(child) = kernel.processes.find(pid) else { continue };
        let tells_by_sigchld = child.end_signal == Signal::SIGCHLD.number();
        if !which.has(pid, child.group) || !is_meant(tells_by_sigchld) {
            continue;
        }
        // Nothing else can happen to one that has ended.
        if child.is_over() && options & WEXITED == 0 {
            continue;
        }
        is_any_there = true;
        let (option, event) = match (child.state, child.change) {
            (State::Ended(ending), _) => (WEXITED, Event::Ended(ending)),
            (_, Some(change @ Change::Stopped(_))) => (WUNTRACED, Event::Changed(change)),
            (_, Some(change @ Change::Continued)) => (WCONTINUED, Event::Changed(change)),
            (_, None) => continue,
        };
        if options & option == 0 {
            continue;
        }
        let usage = child.usage().and(child.used_by_children);
        match event {
            _ if is_kept => {}
            Event::Changed(_) => child.change = None,
            Event::Ended(_) => {
                kernel.process.children.remove(index);
                kernel.process.used_by_children = kernel.process.used_by_children.and(usage);
                kernel.forget_process(pid);
            }
        }
        return Ok(Some(Found { pid, event, usage }));
    }
    match is_any_there {
        false => Err(Errno::ECHILD.into()),
        true if options & WNOHANG != 0 => Ok(None),
        // What happens to a child wakes its parent.
        true => Err(Fail::Wait),
    }
}
