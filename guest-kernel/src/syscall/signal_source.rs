// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals that are read like bytes: `signalfd`.

use super::buffers::{Buffers, collect};
use super::descriptors::insert;
use super::event_counter::put_bytes;
use super::signals::SET_SIZE;
use super::{Answer, Fail};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Blocking, O_NONBLOCK, O_RDWR, Target};
use crate::proc::signal::SignalSet;
use crate::proc::signal_source::{RECORD_SIZE, SignalSource, record};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;

const SFD_NONBLOCK: u64 = 0o4000;
const SFD_CLOEXEC: u64 = 0o2_000_000;

/// In place of a descriptor: a new one.
const NEW: u64 = 0xffff_ffff;

/// Records that one call reads, at most.
const BATCH_MAX: u64 = 16;

pub(super) fn signalfd(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call, 0)
}

pub(super) fn signalfd4(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call, call.argument(3) & 0xffff_ffff)
}

fn make(kernel: &mut Kernel, call: &Registers, flags: u64) -> Answer {
    if call.argument(2) != SET_SIZE {
        return Err(Errno::EINVAL.into());
    }
    let set = kernel.memory().read_u64(UserAddr(call.argument(1)))?;
    if flags & !(SFD_NONBLOCK | SFD_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let set = SignalSet::blockable(set);
    let fd = call.argument(0) & 0xffff_ffff;
    if fd == NEW {
        let source = Rc::new(SignalSource { set: Cell::new(set) });
        let status = O_RDWR | if flags & SFD_NONBLOCK != 0 { O_NONBLOCK } else { 0 };
        return insert(kernel, Target::Signals(source), status, flags & SFD_CLOEXEC != 0);
    }
    match &kernel.process.descriptors.file(fd)?.target {
        Target::Signals(source) => source.set.set(set),
        _ => return Err(Errno::EINVAL.into()),
    }
    Ok(fd)
}

/// Reads pending signals, which are then delivered no more.
pub(super) fn read(
    kernel: &mut Kernel,
    source: &SignalSource,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    const SIZE: u64 = RECORD_SIZE as u64;
    let room = collect(kernel, buffers, BATCH_MAX * SIZE, FaultAccess::Write)?;
    if room < SIZE {
        return Err(Errno::EINVAL.into());
    }
    let mut bytes = Vec::new();
    while bytes.len() as u64 + SIZE <= room
        && let Some((signal, info)) = kernel.process.signals.take_of(source.set.get())
    {
        bytes.extend_from_slice(&record(signal, &info));
    }
    match (bytes.is_empty(), blocking) {
        (false, _) => {
            put_bytes(kernel, &bytes);
            Ok(bytes.len() as u64)
        }
        (true, Blocking::No) => Err(Errno::EAGAIN.into()),
        // Every signal that comes lets the process look again.
        (true, Blocking::Yes) => Err(Fail::Wait),
    }
}
