// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Time and memory that were used: `getrusage` and `times`.
//!
//! A program's own instructions take no time by the clock; what it counts is calls. So processor
//! time is that of the whole run's calls, all of it the system's, and children have none.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const RUSAGE_SELF: u32 = 0;
const RUSAGE_CHILDREN: u32 = u32::MAX;
const RUSAGE_THREAD: u32 = 1;

/// Size of `struct rusage`, and where its system time stands.
const RUSAGE_SIZE: usize = 144;
const SYSTEM_TIME: usize = 16;

const NS_PER_S: u64 = 1_000_000_000;

/// Length of a clock tick, of which `sysconf` says that there are 100 in a second.
const NS_PER_TICK: u64 = NS_PER_S / 100;

fn processor_ns(kernel: &Kernel) -> u64 {
    kernel.now() - kernel.settings.epoch_ns - kernel.slept_ns
}

pub(super) fn getrusage(kernel: &mut Kernel, call: &Registers) -> Answer {
    let time = match call.argument(0) as u32 {
        RUSAGE_SELF | RUSAGE_THREAD => processor_ns(kernel),
        RUSAGE_CHILDREN => 0,
        _ => return Err(Errno::EINVAL.into()),
    };
    let mut bytes = [0; RUSAGE_SIZE];
    let (seconds, microseconds) = (time / NS_PER_S, time % NS_PER_S / 1000);
    bytes[SYSTEM_TIME..SYSTEM_TIME + 8].copy_from_slice(&seconds.to_le_bytes());
    bytes[SYSTEM_TIME + 8..SYSTEM_TIME + 16].copy_from_slice(&microseconds.to_le_bytes());
    kernel.memory().write(UserAddr(call.argument(1)), &bytes)?;
    Ok(0)
}

/// Fills `struct tms` and returns the ticks since the start of the run.
pub(super) fn times(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(0) != 0 {
        let mut bytes = [0; 32];
        bytes[8..16].copy_from_slice(&(processor_ns(kernel) / NS_PER_TICK).to_le_bytes());
        kernel.memory().write(UserAddr(call.argument(0)), &bytes)?;
    }
    Ok((kernel.now() - kernel.settings.epoch_ns) / NS_PER_TICK)
}
