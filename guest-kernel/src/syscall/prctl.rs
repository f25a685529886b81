// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a process sets about itself: `prctl` and `personality`.

use super::{Answer, kill};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::process::{NAME_SIZE, TIMER_SLACK_NS};
use crate::proc::signal::Signal;

const PR_SET_PDEATHSIG: u64 = 1;
const PR_GET_PDEATHSIG: u64 = 2;
const PR_GET_DUMPABLE: u64 = 3;
const PR_SET_DUMPABLE: u64 = 4;
const PR_GET_KEEPCAPS: u64 = 7;
const PR_SET_KEEPCAPS: u64 = 8;
const PR_GET_TIMING: u64 = 13;
const PR_SET_TIMING: u64 = 14;
const PR_SET_NAME: u64 = 15;
const PR_GET_NAME: u64 = 16;
const PR_GET_SECCOMP: u64 = 21;
const PR_CAPBSET_READ: u64 = 23;
const PR_GET_TSC: u64 = 25;
const PR_SET_TSC: u64 = 26;
const PR_GET_SECUREBITS: u64 = 27;
const PR_SET_SECUREBITS: u64 = 28;
const PR_SET_TIMERSLACK: u64 = 29;
const PR_GET_TIMERSLACK: u64 = 30;
const PR_SET_CHILD_SUBREAPER: u64 = 36;
const PR_GET_CHILD_SUBREAPER: u64 = 37;
const PR_SET_NO_NEW_PRIVS: u64 = 38;
const PR_GET_NO_NEW_PRIVS: u64 = 39;
const PR_SET_THP_DISABLE: u64 = 41;
const PR_GET_THP_DISABLE: u64 = 42;
const PR_CAP_AMBIENT: u64 = 47;
const PR_GET_SPECULATION_CTRL: u64 = 52;
const PR_SET_SPECULATION_CTRL: u64 = 53;

const PR_CAP_AMBIENT_IS_SET: u64 = 1;
const PR_CAP_AMBIENT_RAISE: u64 = 2;
const PR_CAP_AMBIENT_LOWER: u64 = 3;
const PR_CAP_AMBIENT_CLEAR_ALL: u64 = 4;

/// Programs may read the time stamp counter.
const PR_TSC_ENABLE: u32 = 1;

/// Capabilities that there are, `CAP_LAST_CAP` included.
pub(super) const CAPABILITIES: u64 = 41;

/// Asks for the personality without changing it.
const PERSONALITY_QUERY: u32 = 0xffff_ffff;

/// Addresses are not left to chance, as they never are here.
const ADDR_NO_RANDOMIZE: u32 = 0x4_0000;

pub(super) fn prctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (option, argument) = (call.argument(0) & 0xffff_ffff, call.argument(1));
    match option {
        PR_SET_NAME => {
            kernel.process.name = read_name(kernel, argument)?;
            Ok(0)
        }
        PR_GET_NAME => {
            let name = kernel.process.name;
            kernel.memory().write(UserAddr(argument), &name)?;
            Ok(0)
        }
        PR_SET_PDEATHSIG => {
            let signal = kill::signal(argument)?.map_or(0, Signal::number);
            kernel.process.parent_end_signal = signal;
            Ok(0)
        }
        PR_GET_PDEATHSIG => {
            let signal = u32::from(kernel.process.parent_end_signal);
            kernel.memory().write(UserAddr(argument), &signal.to_le_bytes())?;
            Ok(0)
        }
        PR_SET_CHILD_SUBREAPER => {
            kernel.process.takes_orphans = argument != 0;
            Ok(0)
        }
        PR_GET_CHILD_SUBREAPER => {
            let takes_orphans = u32::from(kernel.process.takes_orphans);
            kernel.memory().write(UserAddr(argument), &takes_orphans.to_le_bytes())?;
            Ok(0)
        }
        // There are no dumps, so this is a mark and nothing more.
        PR_GET_DUMPABLE => Ok(u64::from(kernel.process.is_dumpable)),
        PR_SET_DUMPABLE if argument <= 1 => {
            kernel.process.is_dumpable = argument == 1;
            Ok(0)
        }
        PR_SET_DUMPABLE => Err(Errno::EINVAL.into()),
        // User 0 of the machine has all rights: there are no more to gain.
        PR_SET_NO_NEW_PRIVS | PR_GET_NO_NEW_PRIVS => {
            let wanted = if option == PR_SET_NO_NEW_PRIVS { 1 } else { 0 };
            if argument != wanted || (2..5).any(|index| call.argument(index) != 0) {
                return Err(Errno::EINVAL.into());
            }
            kernel.process.gains_nothing |= option == PR_SET_NO_NEW_PRIVS;
            let is_set = u64::from(kernel.process.gains_nothing);
            Ok(if option == PR_SET_NO_NEW_PRIVS { 0 } else { is_set })
        }
        PR_GET_KEEPCAPS => Ok(u64::from(kernel.process.keeps_capabilities)),
        PR_SET_KEEPCAPS if argument <= 1 => {
            kernel.process.keeps_capabilities = argument == 1;
            Ok(0)
        }
        PR_SET_KEEPCAPS => Err(Errno::EINVAL.into()),
        // What is so already can be asked for.
        PR_SET_TSC if argument == u64::from(PR_TSC_ENABLE) => Ok(0),
        PR_SET_SECUREBITS if argument == 0 => Ok(0),
        PR_SET_THP_DISABLE if (1..5).all(|index| call.argument(index) == 0) => Ok(0),
        PR_GET_SECCOMP | PR_GET_TIMING | PR_GET_SECUREBITS => Ok(0),
        PR_SET_TIMING if argument == 0 => Ok(0),
        PR_GET_THP_DISABLE if (1..5).all(|index| call.argument(index) == 0) => Ok(0),
        PR_SET_TIMING | PR_GET_THP_DISABLE => Err(Errno::EINVAL.into()),
        PR_GET_TSC => {
            kernel.memory().write(UserAddr(argument), &PR_TSC_ENABLE.to_le_bytes())?;
            Ok(0)
        }
        PR_GET_TIMERSLACK => Ok(kernel.process.timer_slack_ns),
        PR_SET_TIMERSLACK => {
            // Timers are never late: it is kept for who asks.
            kernel.process.timer_slack_ns = if argument == 0 { TIMER_SLACK_NS } else { argument };
            Ok(0)
        }
        // Nothing is inherited, so nothing can be ambient.
        PR_CAP_AMBIENT => match argument {
            PR_CAP_AMBIENT_CLEAR_ALL if (2..5).all(|index| call.argument(index) == 0) => Ok(0),
            _ if call.argument(2) >= CAPABILITIES
                || (3..5).any(|index| call.argument(index) != 0) =>
            {
                Err(Errno::EINVAL.into())
            }
            PR_CAP_AMBIENT_IS_SET | PR_CAP_AMBIENT_LOWER => Ok(0),
            PR_CAP_AMBIENT_RAISE => Err(Errno::EPERM.into()),
            _ => Err(Errno::EINVAL.into()),
        },
        // There is nothing to be controlled.
        PR_GET_SPECULATION_CTRL | PR_SET_SPECULATION_CTRL => Err(Errno::ENODEV.into()),
        PR_CAPBSET_READ if argument < CAPABILITIES => Ok(1),
        PR_CAPBSET_READ => Err(Errno::EINVAL.into()),
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::EINVAL.into())
        }
    }
}

/// Reads a name up to its zero, or as much of it as is kept.
fn read_name(kernel: &mut Kernel, address: u64) -> Result<[u8; NAME_SIZE], Errno> {
    let mut name = [0; NAME_SIZE];
    for (at, slot) in (address..).zip(&mut name[..NAME_SIZE - 1]) {
        let mut byte = [0];
        kernel.memory().read(UserAddr(at), &mut byte)?;
        if byte[0] == 0 {
            break;
        }
        *slot = byte[0];
    }
    Ok(name)
}

/// There is one personality, Linux; the exceptions that change nothing here are kept.
pub(super) fn personality(kernel: &mut Kernel, call: &Registers) -> Answer {
    let before = u64::from(kernel.process.personality);
    match call.argument(0) as u32 {
        PERSONALITY_QUERY => Ok(before),
        wanted @ (0 | ADDR_NO_RANDOMIZE) => {
            kernel.process.personality = wanted;
            Ok(before)
        }
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::EINVAL.into())
        }
    }
}
