// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting on words of memory: `futex`, as processes that share memory use it.

use super::{Answer, Fail, time};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::{PhysAddr, UserAddr};
use crate::mm::frames::frames;
use crate::proc::process::State;

const FUTEX_WAIT: u64 = 0;
const FUTEX_WAKE: u64 = 1;
const FUTEX_REQUEUE: u64 = 3;
const FUTEX_CMP_REQUEUE: u64 = 4;
const FUTEX_WAIT_BITSET: u64 = 9;
const FUTEX_WAKE_BITSET: u64 = 10;

/// The memory is not shared: nothing is different for that.
const FUTEX_PRIVATE_FLAG: u64 = 128;
const FUTEX_CLOCK_REALTIME: u64 = 256;

const ALL_BITS: u32 = u32::MAX;

pub(super) fn futex(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (address, operation) = (call.argument(0), call.argument(1) & 0xffff_ffff);
    let value = call.argument(2) as u32;
    let is_real_time = operation & FUTEX_CLOCK_REALTIME != 0;
    match operation & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME) {
        // Others have no time, or one that is no time of a clock.
        operation if is_real_time && operation != FUTEX_WAIT_BITSET => Err(Errno::ENOSYS.into()),
        FUTEX_WAIT => {
            let timeout = match call.argument(3) {
                0 => None,
                timeout => Some(time::read_duration(kernel, timeout)?),
            };
            wait(kernel, address, value, ALL_BITS, timeout)
        }
        FUTEX_WAIT_BITSET => {
            let timeout = match call.argument(3) {
                0 => None,
                timeout => {
                    let end = time::read_duration(kernel, timeout)?;
                    let epoch = if is_real_time { 0 } else { kernel.settings.epoch_ns };
                    Some(end.saturating_add(epoch).saturating_sub(kernel.now()))
                }
            };
            wait(kernel, address, value, bits(call)?, timeout)
        }
        FUTEX_WAKE => wake(kernel, address, ALL_BITS, value),
        FUTEX_WAKE_BITSET => wake(kernel, address, bits(call)?, value),
        FUTEX_REQUEUE => requeue(kernel, call),
        FUTEX_CMP_REQUEUE => {
            let word = word(kernel, address)?;
            if frames().read_array::<4>(word) != (call.argument(5) as u32).to_le_bytes() {
                return Err(Errno::EAGAIN.into());
            }
            requeue(kernel, call)
        }
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::ENOSYS.into())
        }
    }
}

fn bits(call: &Registers) -> Result<u32, Errno> {
    match call.argument(5) as u32 {
        0 => Err(Errno::EINVAL),
        bits => Ok(bits),
    }
}

/// The word behind an address.
fn word(kernel: &mut Kernel, address: u64) -> Result<PhysAddr, Errno> {
    if !address.is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    // The kernel's own memory is in the tables too.
    if !UserAddr(address).is_range_below_end(4) {
        return Err(Errno::EFAULT);
    }
    let mapping = kernel.memory().page(UserAddr(address), FaultAccess::Read)?;
    Ok(mapping.physical(UserAddr(address)))
}

fn wait(
    kernel: &mut Kernel,
    address: u64,
    value: u32,
    bits: u32,
    timeout_ns: Option<u64>,
) -> Answer {
    let pid = kernel.process.pid;
    if kernel.process.is_on_futex {
        if !kernel.processes.shared().futexes.has(pid) {
            kernel.process.is_on_futex = false;
            return Ok(0);
        }
    } else {
        let word = word(kernel, address)?;
        if frames().read_array::<4>(word) != value.to_le_bytes() {
            return Err(Errno::EAGAIN.into());
        }
        kernel.processes.shared().futexes.add(word, bits, pid);
        kernel.process.is_on_futex = true;
    }
    if timeout_ns.is_some_and(|timeout| kernel.is_past_deadline(timeout)) {
        kernel.abandon_wait();
        return Err(Errno::ETIMEDOUT.into());
    }
    Err(Fail::Wait)
}

fn wake(kernel: &mut Kernel, address: u64, bits: u32, count: u32) -> Answer {
    let word = word(kernel, address)?;
    let woken = kernel.processes.shared().futexes.take(word, bits, count);
    for &pid in &woken {
        kernel.processes.set_ready(pid, State::Waiting);
    }
    Ok(woken.len() as u64)
}

/// Wakes some of those who wait and lets others wait on a second word.
fn requeue(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (nr_woken, nr_moved) = (call.argument(2) as u32, call.argument(3) as u32);
    if nr_woken.cast_signed() < 0 || nr_moved.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let target = word(kernel, call.argument(4))?;
    let woken = wake(kernel, call.argument(0), ALL_BITS, nr_woken)?;
    let from = word(kernel, call.argument(0))?;
    let moved = kernel.processes.shared().futexes.requeue(from, target, nr_moved);
    Ok(woken + u64::from(moved))
}
