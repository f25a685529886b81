// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Who a process is.

use super::Answer;
use crate::arch::trap::Registers;
use crate::kernel::Kernel;

/// Number of the process, and of its one thread.
pub(super) fn getpid(kernel: &mut Kernel, _: &Registers) -> Answer {
    Ok(kernel.process.pid.into())
}

/// The first process has no parent.
pub(super) fn getppid(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}

/// User and group, real and effective: everybody is user 0.
pub(super) fn zero(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}
