// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The system: its name, its limits, its memory, its random numbers.

use super::Answer;
use crate::arch::{layout::PAGE_SIZE, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::frames::frames;
use crate::proc::descriptors::NOFILE_MAX;

/// Fields of `struct utsname`, 65 bytes each. The release is that of the Linux whose calls the
/// documentation compares with; C libraries refuse to start on much older ones.
pub(crate) const UTSNAME: [&[u8]; 6] =
    [b"Linux", b"seed", b"6.1.0-seed", b"#1 seed", b"x86_64", b"(none)"];
const UTSNAME_FIELD: usize = 65;

const RLIMIT_STACK: u64 = 3;
const RLIMIT_CORE: u64 = 4;
const RLIMIT_NOFILE: u64 = 7;
const RLIMIT_COUNT: u64 = 16;
const RLIM_INFINITY: u64 = u64::MAX;
const STACK_LIMIT: u64 = 8 << 20;

const GRND_FLAGS: u64 = 7;

/// Bytes that `getrandom` gives at once, at most.
const RANDOM_MAX: u64 = 256;

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

pub(super) fn getrlimit(kernel: &mut Kernel, call: &Registers) -> Answer {
    put_limit(kernel, call.argument(0), call.argument(1))
}

pub(super) fn prlimit64(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (pid, resource) = (call.argument(0), call.argument(1));
    let (new, old) = (call.argument(2), call.argument(3));
    if pid != 0 && pid != kernel.process.pid.into() {
        return Err(Errno::ESRCH.into());
    }
    // The limits are the kernel's own and do not move.
    if new != 0 {
        return Err(Errno::EPERM.into());
    }
    if resource >= RLIMIT_COUNT {
        return Err(Errno::EINVAL.into());
    }
    if old == 0 { Ok(0) } else { put_limit(kernel, resource, old) }
}

fn put_limit(kernel: &mut Kernel, resource: u64, buffer: u64) -> Answer {
    let limits = match resource {
        RLIMIT_STACK => [STACK_LIMIT, STACK_LIMIT],
        RLIMIT_CORE => [0, 0],
        RLIMIT_NOFILE => [NOFILE_MAX as u64, NOFILE_MAX as u64],
        0..RLIMIT_COUNT => [RLIM_INFINITY, RLIM_INFINITY],
        _ => return Err(Errno::EINVAL.into()),
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&limits[0].to_le_bytes());
    bytes[8..].copy_from_slice(&limits[1].to_le_bytes());
    kernel.memory().write(UserAddr(buffer), &bytes)?;
    Ok(0)
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
    if flags & !GRND_FLAGS != 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut bytes = [0; RANDOM_MAX as usize];
    let bytes = &mut bytes[..len.min(RANDOM_MAX) as usize];
    kernel.random.fill(bytes);
    kernel.memory().write(UserAddr(buffer), bytes)?;
    Ok(bytes.len() as u64)
}
