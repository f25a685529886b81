// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Time and memory that were used: `getrusage` and `times`.

use super::Answer;
use crate::arch::{layout::PAGE_SIZE, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::usage::Usage;

const RUSAGE_SELF: u32 = 0;
const RUSAGE_CHILDREN: u32 = u32::MAX;
const RUSAGE_THREAD: u32 = 1;

/// Words of `struct rusage`. It begins with the program's own time, and has memory as the fifth.
const RUSAGE_WORDS: usize = 18;
const MEMORY_WORD: usize = 4;

const NS_PER_S: u64 = 1_000_000_000;

/// Length of a clock tick, of which `sysconf` says that there are 100 in a second.
const NS_PER_TICK: u64 = NS_PER_S / 100;

pub(super) fn getrusage(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.charge();
    let usage = match call.argument(0) as u32 {
        RUSAGE_SELF | RUSAGE_THREAD => kernel.process.usage(),
        RUSAGE_CHILDREN => kernel.process.used_by_children,
        _ => return Err(Errno::EINVAL.into()),
    };
    put(kernel, call.argument(1), usage)
}

/// Writes a `struct rusage`.
pub(super) fn put(kernel: &mut Kernel, address: u64, usage: Usage) -> Answer {
    let mut words = [0; RUSAGE_WORDS];
    words[0] = usage.time_ns / NS_PER_S;
    words[1] = usage.time_ns % NS_PER_S / 1000;
    words[MEMORY_WORD] = usage.peak_pages * PAGE_SIZE / 1024;
    kernel.memory().write(UserAddr(address), words.map(u64::to_le_bytes).as_flattened())?;
    Ok(0)
}

/// Fills `struct tms` and returns the ticks since the start of the run.
pub(super) fn times(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(0) != 0 {
        let own = kernel.charge() / NS_PER_TICK;
        let children = kernel.process.used_by_children.time_ns / NS_PER_TICK;
        let words = [own, 0, children, 0].map(u64::to_le_bytes);
        kernel.memory().write(UserAddr(call.argument(0)), words.as_flattened())?;
    }
    Ok((kernel.now() - kernel.settings.epoch_ns) / NS_PER_TICK)
}
