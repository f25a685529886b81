// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting for descriptors to be ready: `poll` and `ppoll`, and what `select` shares with them.

use super::{Answer, Fail, time};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::signal::SignalSet;
use crate::proc::target::Readiness;
use alloc::vec::Vec;

/// Size of `struct pollfd`.
const POLLFD: usize = 8;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// A descriptor that is waited for.
pub(super) struct Watch {
    /// Its number.
    pub fd: u32,
    /// What it is to be ready for.
    pub wanted: Readiness,
    /// What it is ready for.
    pub ready: Readiness,
}

/// Looks at all descriptors; returns how many are ready, if any is or the time is up.
pub(super) fn wait_for(
    kernel: &mut Kernel,
    watches: &mut [Watch],
    timeout_ns: Option<u64>,
) -> Result<u64, Fail> {
    if kernel.input.is_some() && is_input_among(kernel, watches) {
        kernel.look_for_input();
    }
    let look = kernel.look();
    let mut nr_ready = 0;
    for watch in watches.iter_mut() {
        let file = kernel.process.descriptors.file(watch.fd.into());
        let ready = file.map_or(Readiness::INVALID, |file| file.target.readiness(&look));
        watch.ready = Readiness(ready.0 & (watch.wanted.0 | Readiness::ALWAYS.0));
        nr_ready += u64::from(watch.ready != Readiness::default());
    }
    if nr_ready > 0 {
        return Ok(nr_ready);
    }
    // A signal comes before the end of the time.
    if kernel.process.signals.is_any_due() {
        return Err(Fail::Wait);
    }
    if timeout_ns == Some(0) {
        return Ok(0);
    }
    let pid = kernel.process.pid;
    for watch in watches.iter() {
        kernel.process.descriptors.file(watch.fd.into())?.target.add_waiter(pid);
    }
    wait_until(kernel, timeout_ns).map(|()| 0)
}

/// Whether standard input is among them.
fn is_input_among(kernel: &Kernel, watches: &[Watch]) -> bool {
    let descriptors = &kernel.process.descriptors;
    let mut files = watches.iter().filter_map(|watch| descriptors.file(watch.fd.into()).ok());
    files.any(|file| file.target.is_input())
}

/// Waits, unless the time is up.
pub(super) fn wait_until(kernel: &mut Kernel, timeout_ns: Option<u64>) -> Result<(), Fail> {
    match timeout_ns {
        Some(timeout) if kernel.is_past_deadline(timeout) => Ok(()),
        _ => Err(Fail::Wait),
    }
}

/// Makes a call that may wait with another signal mask in place; where the mask lies is `mask`.
pub(super) fn with_mask(
    kernel: &mut Kernel,
    mask: u64,
    size: u64,
    call: impl FnOnce(&mut Kernel) -> Answer,
) -> Answer {
    if mask == 0 {
        return call(kernel);
    }
    if size != 8 {
        return Err(Errno::EINVAL.into());
    }
    let set = kernel.memory().read_u64(UserAddr(mask))?;
    let signals = &mut kernel.process.signals;
    if signals.saved_mask.is_none() {
        signals.saved_mask = Some(signals.blocked);
        signals.blocked = SignalSet::blockable(set);
    }
    let answer = call(kernel);
    let signals = &mut kernel.process.signals;
    if answer == Err(Fail::Wait) {
        // It lasts until the handler of a signal has returned.
        return answer;
    }
    if let Some(before) = signals.saved_mask.take() {
        signals.blocked = before;
    }
    answer
}

/// What is left of the time that a call may wait.
pub(super) fn time_left(kernel: &Kernel, timeout_ns: u64) -> u64 {
    kernel.process.deadline.map_or(timeout_ns, |deadline| deadline.saturating_sub(kernel.now()))
}

pub(super) fn poll(kernel: &mut Kernel, call: &Registers) -> Answer {
    let milliseconds = (call.argument(2) as u32).cast_signed();
    let timeout = u64::try_from(milliseconds).ok().map(|time| time * NS_PER_MS);
    poll_files(kernel, call.argument(0), call.argument(1), timeout)
}

pub(super) fn ppoll(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (files, count, address) = (call.argument(0), call.argument(1), call.argument(2));
    let timeout = read_timeout(kernel, address)?;
    with_mask(kernel, call.argument(3), call.argument(4), |kernel| {
        let answer = poll_files(kernel, files, count, timeout);
        put_time_left(kernel, address, timeout, answer, 1)
    })
}

/// Reads a `struct timespec` that may be absent.
pub(super) fn read_timeout(kernel: &mut Kernel, address: u64) -> Result<Option<u64>, Errno> {
    if address == 0 { Ok(None) } else { time::read_duration(kernel, address).map(Some) }
}

/// Tells the program how much of the timeout was left; its fraction is in units of `unit_ns`.
pub(super) fn put_time_left(
    kernel: &mut Kernel,
    address: u64,
    timeout_ns: Option<u64>,
    answer: Answer,
    unit_ns: u64,
) -> Answer {
    if let Some(timeout) = timeout_ns
        && (answer != Err(Fail::Wait) || kernel.process.signals.is_any_due())
    {
        let left = time_left(kernel, timeout);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(left / NS_PER_S).to_le_bytes());
        bytes[8..].copy_from_slice(&(left % NS_PER_S / unit_ns).to_le_bytes());
        // As on Linux, a timeout that cannot be written stays as it was.
        let _ = kernel.memory().write(UserAddr(address), &bytes);
    }
    answer
}

fn poll_files(kernel: &mut Kernel, address: u64, count: u64, timeout: Option<u64>) -> Answer {
    let limit = kernel.process.descriptors.limit();
    let count = usize::try_from(count).ok().filter(|&count| count <= limit);
    let mut bytes = alloc::vec![0; count.ok_or(Errno::EINVAL)? * POLLFD];
    kernel.memory().read(UserAddr(address), &mut bytes)?;
    let mut watches = Vec::new();
    for [fd @ .., e0, e1, _, _] in bytes.as_chunks::<POLLFD>().0 {
        let fd = u32::from_le_bytes(*fd);
        // Negative descriptors are passed over.
        if fd.cast_signed() >= 0 {
            let wanted = Readiness(u16::from_le_bytes([*e0, *e1]).into());
            watches.push(Watch { fd, wanted, ready: Readiness::default() });
        }
    }
    let nr_ready = wait_for(kernel, &mut watches, timeout)?;
    let mut watches = watches.into_iter();
    for [f0, f1, f2, f3, _, _, ready @ ..] in bytes.as_chunks_mut::<POLLFD>().0 {
        let is_passed_over = u32::from_le_bytes([*f0, *f1, *f2, *f3]).cast_signed() < 0;
        let watch = if is_passed_over { None } else { watches.next() };
        let bits = watch.map_or(0, |watch| watch.ready.0);
        ready.copy_from_slice(&bits.to_le_bytes()[..2]);
    }
    kernel.memory().write(UserAddr(address), &bytes)?;
    Ok(nr_ready)
}
