// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Resource limits: `getrlimit`, `setrlimit` and `prlimit64`, and where they bind.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::limits::{INFINITY, Limit, Resource};
use crate::proc::signal::{Signal, SignalInfo};

pub(super) fn getrlimit(kernel: &mut Kernel, call: &Registers) -> Answer {
    let resource = Resource::from_number(call.argument(0)).ok_or(Errno::EINVAL)?;
    let limit = kernel.process.limits.of(resource);
    put(kernel, limit, call.argument(1))
}

pub(super) fn setrlimit(kernel: &mut Kernel, call: &Registers) -> Answer {
    let limit = take(kernel, call.argument(1))?;
    let resource = Resource::from_number(call.argument(0)).ok_or(Errno::EINVAL)?;
    let pid = kernel.process.pid;
    set(kernel, pid, resource, limit)
}

pub(super) fn prlimit64(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (new, old) = (call.argument(2), call.argument(3));
    let new = if new == 0 { None } else { Some(take(kernel, new)?) };
    let pid = match u32::try_from(call.argument(0)) {
        Ok(0) => kernel.process.pid,
        Ok(pid) => pid,
        Err(_) => return Err(Errno::ESRCH.into()),
    };
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    let resource = Resource::from_number(call.argument(1)).ok_or(Errno::EINVAL)?;
    let before = process.limits.of(resource);
    if let Some(limit) = new {
        set(kernel, pid, resource, limit)?;
    }
    if old == 0 { Ok(0) } else { put(kernel, before, old) }
}

fn set(kernel: &mut Kernel, pid: u32, resource: Resource, limit: Limit) -> Answer {
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    process.limits.set(resource, limit)?;
    match resource {
        Resource::NOFILE => process.descriptors.set_limit(limit.soft),
        Resource::STACK => process.space.set_stack_limit(limit.soft),
        _ => {}
    }
    kernel.set_attention();
    Ok(0)
}

fn take(kernel: &mut Kernel, address: u64) -> Result<Limit, Errno> {
    let soft = kernel.memory().read_u64(UserAddr(address))?;
    let hard = kernel.memory().read_u64(UserAddr(address.wrapping_add(8)))?;
    Ok(Limit { soft, hard })
}

fn put(kernel: &mut Kernel, limit: Limit, address: u64) -> Answer {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&limit.soft.to_le_bytes());
    bytes[8..].copy_from_slice(&limit.hard.to_le_bytes());
    kernel.memory().write(UserAddr(address), &bytes)?;
    Ok(0)
}

/// How many of `len` bytes at `offset` a file may get.
///
/// # Errors
/// `EFBIG`, and `SIGXFSZ` for the process: none.
pub(super) fn file_room(kernel: &mut Kernel, offset: u64, len: u64) -> Result<u64, Errno> {
    let limit = kernel.process.limits.of(Resource::FSIZE).soft;
    if offset < limit || len == 0 {
        return Ok(len.min(limit.saturating_sub(offset)));
    }
    let pid = kernel.process.pid;
    kernel.send(pid, Signal::SIGXFSZ, SignalInfo::of_process(0, pid));
    Err(Errno::EFBIG)
}

/// Checks that a file may have this size.
///
/// # Errors
/// As for [`file_room`].
pub(super) fn check_file_size(kernel: &mut Kernel, size: u64) -> Result<(), Errno> {
    file_room(kernel, size.saturating_sub(1), size.min(1)).map(drop)
}

/// What memory is mapped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It can be written, and nobody else sees what is written.
    Data,
    /// All else.
    Other,
}

/// Checks that the process may map `length` bytes more.
///
/// # Errors
/// `ENOMEM`.
pub(super) fn check_memory(kernel: &Kernel, length: u64, purpose: Purpose) -> Result<(), Errno> {
    let process = &kernel.process;
    let has_room = |resource, mapped: &dyn Fn() -> u64| {
        let limit = process.limits.of(resource).soft;
        limit == INFINITY || mapped().saturating_add(length) <= limit
    };
    let is_within = has_room(Resource::AS, &|| process.space.nr_bytes(|_| true))
        && (purpose == Purpose::Other
            || has_room(Resource::DATA, &|| process.space.nr_bytes(|area| area.is_data())));
    if is_within { Ok(()) } else { Err(Errno::ENOMEM) }
}
