// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Users and groups: there is user 0 and group 0, and a process may become what it is.

use super::{Answer, prctl};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;

/// An identity that is to stay as it is.
const UNCHANGED: u64 = 0xffff_ffff;

/// `setuid`, `setgid`, `setreuid`, `setregid`: nobody could come back from another identity, as no
/// file belongs to one, so only 0 can be taken.
fn take(ids: &[u64]) -> Answer {
    let is_own = |&id: &u64| matches!(id & UNCHANGED, 0 | UNCHANGED);
    if ids.iter().all(is_own) { Ok(0) } else { Err(Errno::EINVAL.into()) }
}

pub(super) fn setuid(_: &mut Kernel, call: &Registers) -> Answer {
    match call.argument(0) & UNCHANGED {
        0 => Ok(0),
        _ => Err(Errno::EINVAL.into()),
    }
}

pub(super) fn setreuid(_: &mut Kernel, call: &Registers) -> Answer {
    take(&[call.argument(0), call.argument(1)])
}

pub(super) fn setresuid(_: &mut Kernel, call: &Registers) -> Answer {
    take(&[call.argument(0), call.argument(1), call.argument(2)])
}

/// `setfsuid` and `setfsgid` return the identity before, whether they changed it or not.
pub(super) fn setfsuid(_: &mut Kernel, _: &Registers) -> Answer {
    Ok(0)
}

/// `getresuid` and `getresgid`.
pub(super) fn getresuid(kernel: &mut Kernel, call: &Registers) -> Answer {
    for index in 0..3 {
        kernel.memory().write(UserAddr(call.argument(index)), &[0; 4])?;
    }
    Ok(0)
}

pub(super) fn getgroups(kernel: &mut Kernel, call: &Registers) -> Answer {
    let count = u64::from(kernel.process.is_in_group);
    match (call.argument(0) as u32).cast_signed() {
        ..=-1 => Err(Errno::EINVAL.into()),
        size => {
            if size > 0 && count == 1 {
                kernel.memory().write(UserAddr(call.argument(1)), &[0; 4])?;
            }
            Ok(count)
        }
    }
}

/// Gives up all supplementary groups, or takes group 0.
pub(super) fn setgroups(kernel: &mut Kernel, call: &Registers) -> Answer {
    kernel.process.is_in_group = match call.argument(0) & UNCHANGED {
        0 => false,
        1 if kernel.memory().read_u32(UserAddr(call.argument(1)))? == 0 => true,
        _ => return Err(Errno::EINVAL.into()),
    };
    Ok(0)
}

/// The versions of `struct __user_cap_header_struct`, with the number of words that sets have in
/// each; the last one is the one to use.
const CAPABILITY_VERSIONS: [(u32, u64); 3] = [(0x1998_0330, 1), (0x2007_1026, 2), (0x2008_0522, 2)];

/// All capabilities, in words: those of user 0.
const CAPABILITIES: [u32; 2] = [u32::MAX, (1 << (prctl::CAPABILITIES - 32)) - 1];

/// Sets of `struct __user_cap_data_struct`: effective, permitted, inheritable.
const CAPABILITY_SETS: [[u32; 2]; 3] = [CAPABILITIES, CAPABILITIES, [0; 2]];

/// Reads the header of a call about capabilities: how many words sets have, and whose they are.
fn read_capability_header(kernel: &mut Kernel, header: u64) -> Result<(u64, u32), Errno> {
    let version = kernel.memory().read_u32(UserAddr(header))?;
    let Some((_, words)) = CAPABILITY_VERSIONS.iter().find(|(known, _)| *known == version) else {
        let [.., (latest, _)] = CAPABILITY_VERSIONS;
        kernel.memory().write(UserAddr(header), &latest.to_le_bytes())?;
        return Err(Errno::EINVAL);
    };
    Ok((*words, kernel.memory().read_u32(UserAddr(header.wrapping_add(4)))?))
}

/// User 0 has all of them.
pub(super) fn capget(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (header, data) = (call.argument(0), call.argument(1));
    let (nr_words, pid) = match read_capability_header(kernel, header) {
        // Without a place for them only the version is asked for.
        Err(Errno::EINVAL) if data == 0 => return Ok(0),
        result => result?,
    };
    match pid.cast_signed() {
        ..=-1 => return Err(Errno::EINVAL.into()),
        0 => {}
        _ if kernel.exists(pid) => {}
        _ => return Err(Errno::ESRCH.into()),
    }
    if data != 0 {
        for (at, word, set) in capability_places(data, nr_words) {
            let value = CAPABILITY_SETS[set][word];
            kernel.memory().write(UserAddr(at), &value.to_le_bytes())?;
        }
    }
    Ok(0)
}

/// Nobody can do with fewer: what is set must be what there is.
pub(super) fn capset(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (nr_words, pid) = read_capability_header(kernel, call.argument(0))?;
    if pid != 0 && pid != kernel.process.pid {
        return Err(Errno::EPERM.into());
    }
    for (at, word, set) in capability_places(call.argument(1), nr_words) {
        if kernel.memory().read_u32(UserAddr(at))? != CAPABILITY_SETS[set][word] {
            kernel.missing.note(call.rax);
            return Err(Errno::EPERM.into());
        }
    }
    Ok(0)
}

/// Where the words of the sets stand: address, number of the word, number of the set.
fn capability_places(data: u64, nr_words: u64) -> impl Iterator<Item = (u64, usize, usize)> {
    let indices = (0..nr_words as usize).flat_map(|word| (0..3).map(move |set| (word, set)));
    (data..).step_by(4).zip(indices).map(|(at, (word, set))| (at, word, set))
}
