// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The host's clock, for runs that are to have it instead of the one that counts calls (ADR 6).
//!
//! It goes by the time stamp counter, whose speed the local APIC's timer tells: that one counts
//! nanoseconds on every backend.

use crate::arch::{cpu, local_apic};

/// Nanoseconds for which the counter is watched.
const MEASURED_NS: u32 = 10_000_000;

/// Readings of which the quickest counts.
const TRIES: u32 = 8;

/// Bits behind the binary point of [`HostClock::ns_per_stamp`].
const FRACTION_BITS: u32 = 32;

/// A clock that goes by the time stamp counter.
#[derive(Clone, Copy, Debug)]
pub struct HostClock {
    /// Counter at the start of the run.
    start: u64,
    ns_per_stamp: u64,
}

impl HostClock {
    /// Measures the counter. Takes some milliseconds.
    #[must_use]
    pub fn start() -> Self {
        let start = cpu::time_stamp();
        local_apic::start_timer(u64::from(u32::MAX));
        let (first_stamp, first_count) = read_both();
        while first_count - local_apic::current_count() < MEASURED_NS {}
        let (last_stamp, last_count) = read_both();
        local_apic::stop_timer();
        let ns = u64::from(first_count - last_count) << FRACTION_BITS;
        Self { start, ns_per_stamp: ns / (last_stamp - first_stamp).max(1) }
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        let stamps = u128::from(cpu::time_stamp().saturating_sub(self.start));
        ((stamps * u128::from(self.ns_per_stamp)) >> FRACTION_BITS) as u64
    }
}

/// Time stamp and the timer's count, read at nearly the same time.
fn read_both() -> (u64, u32) {
    let mut best = (u64::MAX, 0, 0);
    for _ in 0..TRIES {
        let before = cpu::time_stamp();
        let count = local_apic::current_count();
        let took = cpu::time_stamp() - before;
        if took < best.0 {
            best = (took, before + took / 2, count);
        }
    }
    (best.1, best.2)
}
