// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Timeline: the kernel's time stamps, told in the monitor's time.
//!
//! The guest's counter and the host's clock are read together once, after the end; with the
//! counter's frequency every earlier stamp follows. The accuracy is that of the pair, some
//! microseconds.

use std::time::Instant;

use seed_protocols::record::Record;

use super::microseconds_since;
use super::vcpu::Vcpu;
use crate::engine::Phases;

/// A moment in both times.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    stamp: u64,
    stamps_per_millisecond: u64,
    microseconds: u64,
}

impl Anchor {
    /// Microseconds since the start of the process at an earlier `stamp`; none for 0, which says
    /// that the kernel never came there.
    fn microseconds_at(&self, stamp: u64) -> Option<u64> {
        if stamp == 0 {
            return None;
        }
        let ago = u128::from(self.stamp.checked_sub(stamp)?) * 1000;
        let ago = ago / u128::from(self.stamps_per_millisecond);
        self.microseconds.checked_sub(u64::try_from(ago).ok()?)
    }
}

/// Fills in the phases that only the kernel knows.
pub(super) fn complete(phases: &mut Phases, record: &Record, vcpu: &Vcpu<'_>, started: Instant) {
    let Some((stamp, stamps_per_millisecond)) = vcpu.time_stamp() else { return };
    let microseconds = microseconds_since(started);
    let anchor = Anchor { stamp, stamps_per_millisecond, microseconds };
    phases.kernel_entered = anchor.microseconds_at(record.entered_tsc).or(phases.kernel_entered);
    phases.first_user = anchor.microseconds_at(record.first_user_tsc);
    phases.program_ended = anchor.microseconds_at(record.ended_tsc);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_microseconds() {
        let anchor =
            Anchor { stamp: 5_000_000, stamps_per_millisecond: 2_000_000, microseconds: 9000 };
        assert_eq!(anchor.microseconds_at(5_000_000), Some(9000));
        assert_eq!(anchor.microseconds_at(1_000_000), Some(7000));
    }

    #[test]
    fn impossible_stamps_are_absent() {
        let anchor = Anchor { stamp: 50_000, stamps_per_millisecond: 1000, microseconds: 10 };
        assert_eq!(anchor.microseconds_at(0), None);
        assert_eq!(anchor.microseconds_at(50_001), None);
        assert_eq!(anchor.microseconds_at(1), None);
        let wide = Anchor { stamp: u64::MAX, ..anchor };
        assert_eq!(wide.microseconds_at(1), None);
    }
}
