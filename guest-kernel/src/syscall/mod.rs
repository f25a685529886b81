// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls: how a call gets to its function and back.
//!
//! `docs/syscalls.md` says for each what it does and where it deviates from Linux.

mod advice;
mod allocate;
mod attributes;
mod buffers;
mod clone;
mod console;
mod credentials;
mod descriptors;
mod directories;
mod epoll;
mod event_counter;
mod file_times;
mod futex;
mod handle;
mod identity;
mod interval_timers;
mod kill;
mod limits;
mod locks;
mod memfd;
mod memory;
mod message;
pub mod missing;
pub mod names;
mod nodes;
mod open;
mod path;
mod pipe;
mod poll;
mod prctl;
mod process;
mod read_write;
mod residency;
mod scheduling;
mod seek;
mod select;
mod signal_source;
mod signals;
mod socket;
mod splice;
mod stat;
mod statfs;
mod statx;
pub mod system;
mod table;
mod time;
mod timer;
mod timers;
mod tree;
mod usage;
mod wait;

use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::frames::frames;
use table::{FULL_CALLS, TABLE};

/// Why a call has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// It failed.
    Errno(Errno),
    /// It has to wait: it is made again when something wakes the process.
    Wait,
    /// The registers are settled, or the process is another one: there is no value to put there.
    Settled,
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// What a call returns.
type Answer = Result<u64, Fail>;

/// A function that serves a call.
type Call = fn(&mut Kernel, &Registers) -> Answer;

/// A function that serves a call which changes registers, or the process that runs.
type FullCall = fn(&mut Kernel, &mut Registers) -> Answer;

/// What becomes of a call that waits when there is a signal (`signal(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSignal {
    /// It fails.
    Fail,
    /// It fails if a handler runs, else it goes on.
    FailIfHandled,
    /// It goes on, after a handler that was set so.
    Repeat,
}

/// Calls that a signal always ends: `rt_sigtimedwait` and those that wait for `epoll`.
const FAILING: &[u64] = &[128, 232, 281, 441];

/// Calls that a handler always ends.
const FAILING_IF_HANDLED: &[u64] = &[7, 23, 34, 35, 130, 230, 270, 271];

const FUTEX: u64 = 202;

/// Calls that make objects of the kernel: names, open files, areas, queues. They fail while memory
/// is scarce, so that the kernel always has some for itself.
const MAKERS: &[u64] = &[
    2, 9, 22, 25, 32, 33, 53, 72, 83, 85, 86, 88, 133, 213, 233, 253, 257, 258, 259, 265, 266, 283,
    284, 288, 290, 291, 292, 293, 319,
];

/// What becomes of the call in the registers, which waits, when there is a signal.
#[must_use]
pub fn on_signal(registers: &Registers) -> OnSignal {
    match registers.rax {
        number if FAILING.contains(&number) => OnSignal::Fail,
        number if FAILING_IF_HANDLED.contains(&number) => OnSignal::FailIfHandled,
        // How long it still waits is not in its arguments.
        FUTEX if registers.argument(3) != 0 => OnSignal::FailIfHandled,
        _ => OnSignal::Repeat,
    }
}

/// Makes the call in the registers.
///
/// # Errors
/// It has no value; see [`Fail`].
#[inline]
pub fn call(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    match dispatch(kernel, registers) {
        Err(Fail::Errno(Errno::ESTALE)) => call_knowing_proc(kernel, registers),
        answer => answer,
    }
}

/// Makes a call again that came to a place in `/proc`, as often as it asks what is there.
#[inline(never)]
fn call_knowing_proc(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    loop {
        kernel.answer_proc_question()?;
        let answer = dispatch(kernel, registers);
        if answer != Err(Fail::Errno(Errno::ESTALE)) {
            kernel.fs.forget_proc_answers();
            return answer;
        }
    }
}

#[inline(always)]
fn dispatch(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let number = registers.rax;
    let call = usize::try_from(number).ok().and_then(|number| *TABLE.get(number)?);
    if (frames().is_scarce() || kernel.fs.is_full()) && MAKERS.contains(&number) {
        return Err(Errno::ENOMEM.into());
    }
    match call {
        Some(call) => call(kernel, registers),
        None => match FULL_CALLS.iter().find(|&&(full, _)| full == number) {
            Some((_, call)) => call(kernel, registers),
            None => {
                kernel.missing.note(number);
                Err(Errno::ENOSYS.into())
            }
        },
    }
}
