// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a process sets about itself: `prctl` and `personality`.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::process::NAME_SIZE;

const PR_GET_PDEATHSIG: u64 = 2;
const PR_GET_DUMPABLE: u64 = 3;
const PR_GET_KEEPCAPS: u64 = 7;
const PR_SET_NAME: u64 = 15;
const PR_GET_NAME: u64 = 16;
const PR_GET_SECCOMP: u64 = 21;
const PR_CAPBSET_READ: u64 = 23;
const PR_GET_NO_NEW_PRIVS: u64 = 39;

/// Capabilities that there are, `CAP_LAST_CAP` included.
const CAPABILITIES: u64 = 41;

/// Asks for the personality without changing it.
const PERSONALITY_QUERY: u64 = 0xffff_ffff;

pub(super) fn prctl(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (option, argument) = (call.argument(0) & 0xffff_ffff, call.argument(1));
    match option {
        PR_SET_NAME => {
            kernel.process.name = read_name(kernel, argument)?;
            Ok(0)
        }
        PR_GET_NAME => {
            let name = kernel.process.name;
            kernel.memory().write(UserAddr(argument), &name)?;
            Ok(0)
        }
        // As a process has it that never set them.
        PR_GET_PDEATHSIG => {
            kernel.memory().write(UserAddr(argument), &[0; 4])?;
            Ok(0)
        }
        PR_GET_DUMPABLE => Ok(1),
        PR_GET_KEEPCAPS | PR_GET_SECCOMP | PR_GET_NO_NEW_PRIVS => Ok(0),
        PR_CAPBSET_READ if argument < CAPABILITIES => Ok(1),
        PR_CAPBSET_READ => Err(Errno::EINVAL.into()),
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::EINVAL.into())
        }
    }
}

/// Reads a name up to its zero, or as much of it as is kept.
fn read_name(kernel: &mut Kernel, address: u64) -> Result<[u8; NAME_SIZE], Errno> {
    let mut name = [0; NAME_SIZE];
    for (at, slot) in (address..).zip(&mut name[..NAME_SIZE - 1]) {
        let mut byte = [0];
        kernel.memory().read(UserAddr(at), &mut byte)?;
        if byte[0] == 0 {
            break;
        }
        *slot = byte[0];
    }
    Ok(name)
}

/// There is one personality, Linux without exceptions.
pub(super) fn personality(kernel: &mut Kernel, call: &Registers) -> Answer {
    match call.argument(0) & 0xffff_ffff {
        0 | PERSONALITY_QUERY => Ok(0),
        _ => {
            kernel.missing.note(call.rax);
            Err(Errno::EINVAL.into())
        }
    }
}
