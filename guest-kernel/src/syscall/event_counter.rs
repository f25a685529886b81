// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Counters of events: `eventfd`.

use super::Answer;
use super::buffers::{Buffers, collect};
use super::descriptors::insert;
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::frames::frames;
use crate::proc::descriptors::{Blocking, O_NONBLOCK, O_RDWR, Target};
use crate::proc::event_counter::{EventCounter, Take};
use alloc::rc::Rc;

const EFD_SEMAPHORE: u64 = 1;
const EFD_NONBLOCK: u64 = 0o4000;
const EFD_CLOEXEC: u64 = 0o2_000_000;

/// What is read and written: one word.
const WORD: u64 = 8;

pub(super) fn eventfd(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), 0)
}

pub(super) fn eventfd2(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), call.argument(1) & 0xffff_ffff)
}

fn make(kernel: &mut Kernel, count: u64, flags: u64) -> Answer {
    if flags & !(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let take = if flags & EFD_SEMAPHORE != 0 { Take::One } else { Take::All };
    let target = Target::EventCounter(Rc::new(EventCounter::new(count & 0xffff_ffff, take)));
    let status = O_RDWR | if flags & EFD_NONBLOCK != 0 { O_NONBLOCK } else { 0 };
    insert(kernel, target, status, flags & EFD_CLOEXEC != 0)
}

/// Checks that the buffers have room for a word.
pub(super) fn check_room(kernel: &mut Kernel, buffers: Buffers) -> Result<(), Errno> {
    if buffers.len(kernel)? < WORD { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Collects the buffer of a word, all of it.
fn collect_word(kernel: &mut Kernel, buffers: Buffers, access: FaultAccess) -> Result<(), Errno> {
    match collect(kernel, buffers, WORD, access)? {
        WORD => Ok(()),
        _ => Err(Errno::EFAULT),
    }
}

/// Gives the program a word that was taken for it. If it has no place for it, it is lost, as on
/// Linux.
pub(super) fn put_word(kernel: &mut Kernel, buffers: Buffers, word: u64) -> Answer {
    collect_word(kernel, buffers, FaultAccess::Write)?;
    put_bytes(kernel, &word.to_le_bytes());
    Ok(WORD)
}

/// Writes a few bytes to the collected buffer, which has room for them.
pub(super) fn put_bytes(kernel: &Kernel, bytes: &[u8]) {
    let mut rest = bytes;
    for &(start, len) in kernel.ranges.as_slice() {
        let len = usize::try_from(len).map_or(rest.len(), |len| len.min(rest.len()));
        let (now, later) = rest.split_at(len);
        frames().write(start, now);
        rest = later;
    }
}

pub(super) fn read(
    kernel: &mut Kernel,
    counter: &EventCounter,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    check_room(kernel, buffers)?;
    if counter.is_zero() {
        return Err(kernel.put_off(blocking, &counter.waiters));
    }
    let count = counter.take();
    kernel.wake(&counter.waiters);
    put_word(kernel, buffers, count)
}

pub(super) fn write(
    kernel: &mut Kernel,
    counter: &EventCounter,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    check_room(kernel, buffers)?;
    collect_word(kernel, buffers, FaultAccess::Read)?;
    let mut bytes = [0; WORD as usize];
    let mut rest = &mut bytes[..];
    for &(start, len) in kernel.ranges.as_slice() {
        #[expect(clippy::cast_possible_truncation, reason = "at most a word")]
        let (now, later) = core::mem::take(&mut rest).split_at_mut(len as usize);
        frames().read(start, now);
        rest = later;
    }
    let value = u64::from_le_bytes(bytes);
    if value == u64::MAX {
        return Err(Errno::EINVAL.into());
    }
    if counter.add(value) {
        kernel.wake(&counter.waiters);
        return Ok(WORD);
    }
    Err(kernel.put_off(blocking, &counter.waiters))
}
