// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Waiting for descriptors in sets of bits: `select` and `pselect6`.

use super::poll::{Watch, put_time_left, read_timeout, wait_for, with_mask};
use super::{Answer, timers};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
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

/// Descriptors that a word of a set has.
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

/// A set of the program's: where it lies, and its words.
struct Set {
    address: u64,
    words: Vec<u64>,
}

impl Set {
    fn read(kernel: &mut Kernel, address: u64, count: usize) -> Result<Self, Errno> {
        let mut words = Vec::new();
        if address != 0 {
            for at in (address..).step_by(8).take(count.div_ceil(WORD_BITS)) {
                words.push(kernel.memory().read_u64(UserAddr(at))?);
            }
        }
        Ok(Self { address, words })
    }

    fn has(&self, fd: usize) -> bool {
        self.words.get(fd / WORD_BITS).is_some_and(|word| word & 1 << (fd % WORD_BITS) != 0)
    }

    /// Replaces the set by those that are ready; returns how many they are.
    fn answer(
        &mut self,
        kernel: &mut Kernel,
        watches: &[Watch],
        told: Readiness,
    ) -> Result<u64, Errno> {
        let mut ready = alloc::vec![0_u64; self.words.len()];
        let mut count = 0;
        for watch in watches {
            let fd = watch.fd as usize;
            if self.has(fd) && watch.ready.0 & told.0 != 0 {
                ready[fd / WORD_BITS] |= 1 << (fd % WORD_BITS);
                count += 1;
            }
        }
        for (at, word) in (self.address..).step_by(8).zip(ready) {
            kernel.memory().write(UserAddr(at), &word.to_le_bytes())?;
        }
        Ok(count)
    }
}

fn select_files(kernel: &mut Kernel, call: &Registers, timeout: Option<u64>) -> Answer {
    let count = (call.argument(0) as u32).cast_signed();
    // Linux cuts the count to the size of the table of descriptors.
    let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
    let count = count.min(kernel.process.descriptors.capacity());
    let mut sets = Vec::new();
    for index in 1..=3 {
        sets.push(Set::read(kernel, call.argument(index), count)?);
    }
    let mut watches = Vec::new();
    for (fd, number) in (0..count).zip(0_u32..) {
        let mut wanted = Readiness::default();
        for (set, (asked, _)) in sets.iter().zip(SETS) {
            wanted = wanted.with(asked, set.has(fd));
        }
        if wanted != Readiness::default() {
            kernel.process.descriptors.file(number.into())?;
            watches.push(Watch { fd: number, wanted, ready: Readiness::default() });
        }
    }
    wait_for(kernel, &mut watches, timeout)?;
    let mut total = 0;
    for (set, (_, told)) in sets.iter_mut().zip(SETS) {
        total += set.answer(kernel, &watches, told)?;
    }
    Ok(total)
}
