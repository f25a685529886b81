// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The system: its name, its memory, its random numbers.

use super::Answer;
use super::buffers::{Buffers, COUNT_MAX, collect};
use super::read_write::fill_random;
use crate::arch::{layout::PAGE_SIZE, paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;

/// Fields of `struct utsname`, 65 bytes each. The release is that of the Linux whose calls the
/// documentation compares with; C libraries refuse to start on much older ones.
pub(crate) const UTSNAME: [&[u8]; 6] =
    [b"Linux", b"seed", b"6.1.0-seed", b"#1 seed", b"x86_64", b"(none)"];
const UTSNAME_FIELD: usize = 65;

/// `GRND_NONBLOCK`, and which bytes are meant: `GRND_RANDOM` or `GRND_INSECURE`.
const GRND_ALL: u64 = 7;
const GRND_EXCLUSIVE: u64 = 6;

pub(super) fn uname(kernel: &mut Kernel, call: &Registers) -> Answer {
    let mut bytes = [0; UTSNAME.len() * UTSNAME_FIELD];
    for (index, field) in UTSNAME.iter().enumerate() {
        bytes[index * UTSNAME_FIELD..][..field.len()].copy_from_slice(field);
    }
    kernel.memory().write(UserAddr(call.argument(0)), &bytes)?;
    Ok(0)
}

pub(super) fn umask(kernel: &mut Kernel, call: &Registers) -> Answer {
    let new = (call.argument(0) & 0o777) as u16;
    Ok(core::mem::replace(&mut kernel.process.umask, new).into())
}

/// `struct sysinfo`: uptime 0, loads 0, total and free memory, one process, unit 1.
pub(super) fn sysinfo(kernel: &mut Kernel, call: &Registers) -> Answer {
    let counts = frames().counts();
    let mut bytes = [0; 112];
    bytes[32..40].copy_from_slice(&(counts.total * PAGE_SIZE).to_le_bytes());
    bytes[40..48].copy_from_slice(&(counts.free * PAGE_SIZE).to_le_bytes());
    bytes[80..82].copy_from_slice(&1_u16.to_le_bytes());
    bytes[104..108].copy_from_slice(&1_u32.to_le_bytes());
    kernel.memory().write(UserAddr(call.argument(0)), &bytes)?;
    Ok(0)
}

pub(super) fn getrandom(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (buffer, len, flags) = (call.argument(0), call.argument(1), call.argument(2));
    if flags & !GRND_ALL != 0 || flags & GRND_EXCLUSIVE == GRND_EXCLUSIVE {
        return Err(Errno::EINVAL.into());
    }
    let len = collect(kernel, Buffers::one(buffer, len), COUNT_MAX, FaultAccess::Write)?;
    fill_random(kernel);
    Ok(len)
}
