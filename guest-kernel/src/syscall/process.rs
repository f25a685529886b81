// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The process itself: its end, and what the C libraries set up when they start.

use super::Answer;
use crate::arch::{cpu, layout::USER_END, trap::Registers};
use crate::end::{self, Last};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

const ARCH_SET_GS: u64 = 0x1001;
const ARCH_SET_FS: u64 = 0x1002;
const ARCH_GET_FS: u64 = 0x1003;
const ARCH_GET_GS: u64 = 0x1004;

/// Size of `struct robust_list_head`.
const ROBUST_LIST_SIZE: u64 = 24;

pub(super) fn exit(kernel: &mut Kernel, call: &Registers) -> Answer {
    let [status, ..] = call.argument(0).to_le_bytes();
    end::finish(kernel, Last::Exited(status))
}

pub(super) fn arch_prctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (code, address) = (call.argument(0), call.argument(1));
    match code {
        ARCH_SET_FS | ARCH_SET_GS if address >= USER_END => Err(Errno::EPERM),
        ARCH_SET_FS => {
            cpu::set_fs_base(address);
            Ok(0)
        }
        ARCH_SET_GS => {
            cpu::set_gs_base(address);
            Ok(0)
        }
        ARCH_GET_FS => put_base(kernel, cpu::fs_base(), address),
        ARCH_GET_GS => put_base(kernel, cpu::gs_base(), address),
        _ => Err(Errno::EINVAL),
    }
}

fn put_base(kernel: &mut Kernel, base: u64, address: u64) -> Answer {
    kernel.memory().write(UserAddr(address), &base.to_le_bytes())?;
    Ok(0)
}

/// The address would be cleared when the thread ends, for others to see; there are no others.
pub(super) fn set_tid_address(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.pid.into())
}

/// The list would be walked when the thread ends, for others that wait; there are no others.
pub(super) fn set_robust_list(_: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(1) == ROBUST_LIST_SIZE { Ok(0) } else { Err(Errno::EINVAL) }
}

/// Not provided: C libraries do without. It is their first question, so it is not counted.
pub(super) fn rseq(_: &mut Kernel, _: &Registers) -> Answer {
    Err(Errno::ENOSYS)
}
