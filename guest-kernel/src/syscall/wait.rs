// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting for children: `wait4` and `waitid`.

use super::{Answer, Fail};
use crate::arch::{
    signal_frame::{self, Info},
    trap::Registers,
};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::process::Ending;
use crate::proc::signal::Signal;

const WNOHANG: u64 = 1;
const WUNTRACED: u64 = 2;
const WEXITED: u64 = 4;
const WCONTINUED: u64 = 8;
const WNOWAIT: u64 = 0x100_0000;

const P_ALL: u64 = 0;
const P_PID: u64 = 1;
const P_PGID: u64 = 2;

const CLD_EXITED: i32 = 1;
const CLD_KILLED: i32 = 2;
const CLD_STOPPED: i32 = 5;

/// Size of `struct rusage`.
const RUSAGE_SIZE: usize = 144;

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
    Stopped(u8),
}

pub(super) fn wait4(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (status, options, usage) = (call.argument(1), call.argument(2), call.argument(3));
    if options & !(WNOHANG | WUNTRACED | WCONTINUED) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let [low @ .., _, _, _, _] = call.argument(0).to_le_bytes();
    let which = match i32::from_le_bytes(low) {
        -1 => Which::All,
        0 => Which::Group(kernel.process.group),
        pid @ 1.. => Which::Pid(pid.cast_unsigned()),
        group => Which::Group(group.unsigned_abs()),
    };
    let Some((pid, event)) = find(kernel, which, options | WEXITED)? else { return Ok(0) };
    if status != 0 {
        let word = match event {
            Event::Ended(ending) => ending.wait_status(),
            Event::Stopped(signal) => u32::from(signal) << 8 | 0x7f,
        };
        kernel.memory().write(UserAddr(status), &word.to_le_bytes())?;
    }
    if usage != 0 {
        kernel.memory().write(UserAddr(usage), &[0; RUSAGE_SIZE])?;
    }
    Ok(pid.into())
}

pub(super) fn waitid(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (kind, id, buffer) = (call.argument(0), call.argument(1), call.argument(2));
    let (options, usage) = (call.argument(3), call.argument(4));
    let known = WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT;
    if options & !known != 0 || options & (WEXITED | WUNTRACED | WCONTINUED) == 0 {
        return Err(Errno::EINVAL.into());
    }
    let number = u32::try_from(id).map_err(|_| Errno::EINVAL);
    let which = match kind {
        P_ALL => Which::All,
        P_PID => Which::Pid(number?),
        P_PGID => match number? {
            0 => Which::Group(kernel.process.group),
            group => Which::Group(group),
        },
        _ => return Err(Errno::EINVAL.into()),
    };
    let found = find(kernel, which, options)?;
    if buffer != 0 {
        let info = found.map_or(Info::default(), |(pid, event)| {
            let (code, status) = match event {
                Event::Ended(Ending::Exited(status)) => (CLD_EXITED, status),
                Event::Ended(Ending::Killed(signal)) => (CLD_KILLED, signal),
                Event::Stopped(signal) => (CLD_STOPPED, signal),
            };
            let number = Signal::SIGCHLD.number();
            Info { number, code, first: pid.into(), status: status.into() }
        });
        kernel.memory().write(UserAddr(buffer), &signal_frame::info_bytes(&info))?;
    }
    if usage != 0 {
        kernel.memory().write(UserAddr(usage), &[0; RUSAGE_SIZE])?;
    }
    Ok(0)
}

/// A child that something happened to; `None` if there is none and waiting is not wanted.
fn find(kernel: &mut Kernel, which: Which, options: u64) -> Result<Option<(u32, Event)>, Fail> {
    let is_kept = options & WNOWAIT != 0;
    let process = &mut *kernel.process;
    if options & WEXITED != 0
        && let Some(index) =
            process.zombies.iter().position(|zombie| which.has(zombie.pid, zombie.group))
    {
        let zombie = process.zombies[index];
        if !is_kept {
            process.zombies.remove(index);
            kernel.processes.nr_zombies -= 1;
        }
        return Ok(Some((zombie.pid, Event::Ended(zombie.ending))));
    }
    let children = process.children.clone();
    let groups: alloc::vec::Vec<(u32, u32)> = children
        .into_iter()
        .filter_map(|pid| kernel.processes.find(pid).map(|child| (pid, child.group)))
        .filter(|&(pid, group)| which.has(pid, group))
        .collect();
    if options & WUNTRACED != 0 {
        let stopped = &mut kernel.process.stopped;
        let is_wanted = |&(pid, _): &(u32, u8)| groups.iter().any(|&(child, _)| child == pid);
        if let Some(index) = stopped.iter().position(is_wanted) {
            let (pid, signal) = stopped[index];
            if !is_kept {
                stopped.remove(index);
            }
            return Ok(Some((pid, Event::Stopped(signal))));
        }
    }
    match groups.is_empty() {
        true => Err(Errno::ECHILD.into()),
        false if options & WNOHANG != 0 => Ok(None),
        // The end of a child wakes its parent.
        false => Err(Fail::Wait),
    }
}
