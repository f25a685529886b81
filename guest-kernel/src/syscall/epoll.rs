// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sets of descriptors to wait for: `epoll_create`, `epoll_ctl`, `epoll_wait` and their forms.

use super::Answer;
use super::descriptors::insert;
use super::poll::{read_timeout, wait_until, with_mask};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{DeviceKind, Kind};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{O_RDWR, Target};
use crate::proc::epoll::{EPOLLEXCLUSIVE, Epoll};
use crate::proc::process::State;
use alloc::rc::Rc;
use alloc::vec::Vec;

const EPOLL_CLOEXEC: u64 = 0o2_000_000;

const EPOLL_CTL_ADD: u64 = 1;
const EPOLL_CTL_DEL: u64 = 2;
const EPOLL_CTL_MOD: u64 = 3;

/// What a file may be added for exclusively: `EPOLLIN`, `EPOLLOUT`, `EPOLLERR`, `EPOLLHUP`,
/// `EPOLLWAKEUP`, `EPOLLET`.
const EXCLUSIVE_EVENTS: u32 = EPOLLEXCLUSIVE | 0x1d | 1 << 29 | 1 << 31;

/// Size of `struct epoll_event`, which is packed, and how many there may be.
const EVENT_SIZE: usize = 12;
const EVENTS_MAX: u64 = i32::MAX as u64 / EVENT_SIZE as u64;

/// Events that one call returns, at most.
const BATCH_MAX: usize = 1024;

const NS_PER_MS: u64 = 1_000_000;

pub(super) fn epoll_create(kernel: &mut Kernel, call: &Registers) -> Answer {
    if (call.argument(0) as u32).cast_signed() <= 0 {
        return Err(Errno::EINVAL.into());
    }
    insert(kernel, Target::Epoll(Rc::new(Epoll::default())), O_RDWR, false)
}

pub(super) fn epoll_create1(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(0) & 0xffff_ffff;
    if flags & !EPOLL_CLOEXEC != 0 {
        return Err(Errno::EINVAL.into());
    }
    insert(kernel, Target::Epoll(Rc::new(Epoll::default())), O_RDWR, flags != 0)
}

fn find(kernel: &Kernel, fd: u64) -> Result<Rc<Epoll>, Errno> {
    match &kernel.process.descriptors.file(fd)?.target {
        Target::Epoll(epoll) => Ok(Rc::clone(epoll)),
        _ => Err(Errno::EINVAL),
    }
}

pub(super) fn epoll_ctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (operation, fd) = (call.argument(1) & 0xffff_ffff, call.argument(2) & 0xffff_ffff);
    let (events, data) = match operation {
        EPOLL_CTL_DEL => (0, 0),
        _ => {
            let events = kernel.memory().read_u32(UserAddr(call.argument(3)))?;
            let data = call.argument(3).wrapping_add(4);
            (events, kernel.memory().read_u64(UserAddr(data))?)
        }
    };
    kernel.process.descriptors.file(call.argument(0))?;
    let file = kernel.file(fd)?;
    let is_waitable = match file.target {
        Target::Inode(inode) => {
            matches!(kernel.fs.kind(inode), Kind::Character(DeviceKind::Console | DeviceKind::Tty))
        }
        _ => true,
    };
    if !is_waitable {
        return Err(Errno::EPERM.into());
    }
    let epoll = find(kernel, call.argument(0))?;
    if matches!(&file.target, Target::Epoll(other) if Rc::ptr_eq(&epoll, other)) {
        return Err(Errno::EINVAL.into());
    }
    if events & EPOLLEXCLUSIVE != 0
        && (operation == EPOLL_CTL_MOD
            || events & !EXCLUSIVE_EVENTS != 0
            || matches!(file.target, Target::Epoll(_)))
    {
        return Err(Errno::EINVAL.into());
    }
    match operation {
        EPOLL_CTL_ADD => epoll.add(fd, &file, events, data)?,
        EPOLL_CTL_MOD => epoll.modify(fd, &file, events, data)?,
        EPOLL_CTL_DEL => epoll.remove(fd, &file)?,
        _ => return Err(Errno::EINVAL.into()),
    }
    for pid in epoll.take_waiters() {
        kernel.processes.set_ready(pid, State::Waiting);
    }
    Ok(0)
}

pub(super) fn epoll_wait(kernel: &mut Kernel, call: &Registers) -> Answer {
    let timeout = milliseconds(call.argument(3));
    wait(kernel, call, timeout)
}

pub(super) fn epoll_pwait(kernel: &mut Kernel, call: &Registers) -> Answer {
    let timeout = milliseconds(call.argument(3));
    let (mask, size) = (call.argument(4), call.argument(5));
    with_mask(kernel, mask, size, |kernel| wait(kernel, call, timeout))
}

pub(super) fn epoll_pwait2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let timeout = read_timeout(kernel, call.argument(3))?;
    let (mask, size) = (call.argument(4), call.argument(5));
    with_mask(kernel, mask, size, |kernel| wait(kernel, call, timeout))
}

fn milliseconds(argument: u64) -> Option<u64> {
    let time = (argument as u32).cast_signed();
    u64::try_from(time).ok().map(|time| time * NS_PER_MS)
}

fn wait(kernel: &mut Kernel, call: &Registers, timeout_ns: Option<u64>) -> Answer {
    let (address, max) = (call.argument(1), call.argument(2) & 0xffff_ffff);
    if !(1..=EVENTS_MAX).contains(&max) {
        return Err(Errno::EINVAL.into());
    }
    if !UserAddr(address).is_range_below_end(max * EVENT_SIZE as u64) {
        return Err(Errno::EFAULT.into());
    }
    let epoll = find(kernel, call.argument(0))?;
    let max = usize::try_from(max).map_or(BATCH_MAX, |max| max.min(BATCH_MAX));
    if kernel.input.is_some() && epoll.has_input() {
        kernel.look_for_input();
    }
    let events = epoll.take_events(max, &kernel.look());
    if events.is_empty() {
        if timeout_ns == Some(0) {
            return Ok(0);
        }
        epoll.add_waiter(kernel.process.pid);
        return wait_until(kernel, timeout_ns).map(|()| 0);
    }
    let mut bytes = Vec::with_capacity(events.len() * EVENT_SIZE);
    for event in &events {
        bytes.extend_from_slice(&event.ready.to_le_bytes());
        bytes.extend_from_slice(&event.data.to_le_bytes());
    }
    kernel.memory().write(UserAddr(address), &bytes)?;
    Ok(events.len() as u64)
}
