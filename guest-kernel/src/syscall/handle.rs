// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes by descriptor: `pidfd_open` and `pidfd_send_signal`.

use super::descriptors::insert;
use super::{Answer, kill};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Blocking, O_NONBLOCK, O_RDWR, Target};
use crate::proc::handle::Handle;
use crate::proc::signal::SignalInfo;
use alloc::rc::Rc;

pub(super) fn pidfd_open(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(1) as u32;
    if flags & !O_NONBLOCK != 0 {
        return Err(Errno::EINVAL.into());
    }
    let pid = kill::number(call, 0)?;
    let process = kernel.process_mut(pid).ok_or(Errno::ESRCH)?;
    let is_over = process.is_over();
    let handle = process.handle.get_or_insert_with(|| Rc::new(Handle::new(pid, is_over)));
    let target = Target::Process(Rc::clone(handle));
    insert(kernel, target, O_RDWR | flags, true)
}

/// The number of the process behind a descriptor, and whether calls wait for it.
///
/// # Errors
/// `EBADF`, also for a descriptor of another kind.
pub(super) fn pid(kernel: &Kernel, fd: u64) -> Result<(u32, Blocking), Errno> {
    let file = kernel.process.descriptors.file(fd)?;
    match &file.target {
        Target::Process(handle) => Ok((handle.pid, file.blocking())),
        _ => Err(Errno::EBADF),
    }
}

pub(super) fn pidfd_send_signal(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(3) & 0xffff_ffff != 0 {
        return Err(Errno::EINVAL.into());
    }
    let (target, _) = pid(kernel, call.argument(0))?;
    match call.argument(2) {
        0 => kill::send(kernel, &[target], call.argument(1), SignalInfo::USER),
        info if kernel.memory().read_u32(UserAddr(info))? != call.argument(1) as u32 => {
            Err(Errno::EINVAL.into())
        }
        info => kill::queue(kernel, target, call.argument(1), info),
    }
}
