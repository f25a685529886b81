// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals that are read like bytes: `signalfd(2)`.

use super::signal::{Signal, SignalInfo, SignalSet};
use super::target::{Look, Readiness};
use core::cell::Cell;

/// Size of `struct signalfd_siginfo`.
pub const RECORD_SIZE: usize = 128;

/// Which signals are read. Whoever reads gets its own.
#[derive(Debug)]
pub struct SignalSource {
    /// The signals.
    pub set: Cell<SignalSet>,
}

impl SignalSource {
    /// What it is ready for, as a process sees it.
    #[must_use]
    pub fn readiness(&self, look: &Look) -> Readiness {
        let is_any_there = look.pending.0 & self.set.get().0 != 0;
        Readiness::default().with(Readiness::READ_EVENTS, is_any_there)
    }
}

/// Lays `struct signalfd_siginfo` out.
#[must_use]
pub fn record(signal: Signal, info: &SignalInfo) -> [u8; RECORD_SIZE] {
    let mut bytes = [0; RECORD_SIZE];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let [first, second, ..] = info.fields;
    put(0, &u32::from(signal.number()).to_le_bytes());
    put(4, &info.errno.to_le_bytes());
    put(8, &info.code.to_le_bytes());
    if signal.is_of_instruction() && info.code > 0 {
        // `ssi_addr`.
        put(72, &first.to_le_bytes());
        return bytes;
    }
    // `ssi_pid` and `ssi_uid`, or the number of a timer and how late it was.
    match info.code == SignalInfo::TIMER {
        true => {
            put(24, &first.to_le_bytes()[..4]);
            put(32, &first.to_le_bytes()[4..]);
        }
        false => put(12, &first.to_le_bytes()),
    }
    if signal == Signal::SIGCHLD && info.code > 0 {
        // `ssi_status`.
        put(40, &second.to_le_bytes()[..4]);
    } else if info.code < 0 {
        // `ssi_int` and `ssi_ptr`.
        put(44, &second.to_le_bytes()[..4]);
        put(48, &second.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_a_child_tells_who_and_how() {
        let bytes = record(Signal::SIGCHLD, &SignalInfo::of_child(1, 0x0102, 6));
        assert_eq!(bytes[..16], [17, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 0]);
        assert_eq!((bytes[40], bytes[44], bytes[48]), (6, 0, 0));
    }
}
