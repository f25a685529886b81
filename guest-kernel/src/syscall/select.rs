// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting for descriptors in sets of bits: `select` and `pselect6`.

use super::poll::{Watch, put_time_left, read_timeout, wait_for, with_mask};
use super::{Answer, timers};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::NOFILE_MAX;
use crate::proc::target::Readiness;
use alloc::vec::Vec;

const NS_PER_US: u64 = 1000;

/// What each of the three sets asks for, and what puts a descriptor into it: `POLLIN_SET`,
/// `POLLOUT_SET` and `POLLEX_SET` of Linux.
const SETS: [(Readiness, Readiness); 3] = [
    (Readiness::READ, Readiness(Readiness::READ.0 | 0x80 | 0x10 | 0x8)),
    (Readiness::WRITE, Readiness(Readiness::WRITE.0 | 0x200 | 0x8)),
    (Readiness(0x2), Readiness(0x2)),
];

/// Descriptors that a word of a set has; sets are read and written by words.
const WORD_BITS: usize = 64;

pub(super) fn select(kernel: &mut Kernel, call: &Registers) -> Answer {
    let address = call.argument(4);
    let timeout = match address {
        0 => None,
        _ => Some(timers::read_sum(kernel, address)?),
    };
    let answer = select_files(kernel, call, timeout);
    put_time_left(kernel, address, timeout, answer, NS_PER_US)
}

pub(super) fn pselect6(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (address, masks) = (call.argument(4), call.argument(5));
    let timeout = read_timeout(kernel, address)?;
    let (mask, size) = match masks {
        0 => (0, 0),
        _ => {
            let mask = kernel.memory().read_u64(UserAddr(masks))?;
            (mask, kernel.memory().read_u64(UserAddr(masks.wrapping_add(8)))?)
        }
    };
    with_mask(kernel, mask, size, |kernel| {
        let answer = select_files(kernel, call, timeout);
        put_time_left(kernel, address, timeout, answer, 1)
    })
}

/// A set of the program's: where it lies, and its bits.
struct Set {
    address: u64,
    bits: [u8; NOFILE_MAX / 8],
}

impl Set {
    /// Reads so many bytes of a set, which may be absent.
    fn read(kernel: &mut Kernel, address: u64, size: usize) -> Result<Self, Errno> {
        let mut bits = [0; _];
        if address != 0 && size > 0 {
            kernel.memory().read(UserAddr(address), &mut bits[..size])?;
        }
        Ok(Self { address, bits })
    }

    fn has(&self, fd: u32) -> bool {
        self.bits[fd as usize / 8] & 1 << (fd % 8) != 0
    }

    /// Replaces the set by those that are ready; returns how many they are.
    fn answer(
        &self,
        kernel: &mut Kernel,
        watches: &[Watch],
        told: Readiness,
        size: usize,
    ) -> Result<u64, Errno> {
        let mut ready = [0; NOFILE_MAX / 8];
        let mut count = 0;
        for watch in watches {
            if self.has(watch.fd) && watch.ready.0 & told.0 != 0 {
                ready[watch.fd as usize / 8] |= 1 << (watch.fd % 8);
                count += 1;
            }
        }
        if self.address != 0 && size > 0 {
            kernel.memory().write(UserAddr(self.address), &ready[..size])?;
        }
        Ok(count)
    }
}

fn select_files(kernel: &mut Kernel, call: &Registers, timeout: Option<u64>) -> Answer {
    let count = (call.argument(0) as u32).cast_signed();
    // Linux cuts the count to the size of the table of descriptors.
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let count = count.min(kernel.process.descriptors.capacity());
    let size = count.div_ceil(WORD_BITS) * (WORD_BITS / 8);
    let mut sets = Vec::new();
    for index in 1..=3 {
        sets.push(Set::read(kernel, call.argument(index), size)?);
    }
    let mut watches = Vec::new();
    for fd in 0..count as u32 {
        let mut wanted = Readiness::default();
        for (set, (asked, _)) in sets.iter().zip(SETS) {
            wanted = wanted.with(asked, set.has(fd));
        }
        if wanted != Readiness::default() {
            kernel.process.descriptors.file(fd.into())?;
            watches.push(Watch { fd, wanted, ready: Readiness::default() });
        }
    }
    wait_for(kernel, &mut watches, timeout)?;
    let mut total = 0;
    for (set, (_, told)) in sets.iter().zip(SETS) {
        total += set.answer(kernel, &watches, told, size)?;
    }
    Ok(total)
}
