// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Negotiation: device status and feature bits, and the order in which a driver may set them.
//!
//! Follows Virtio 1.2, sections 2.1 (status), 2.2 (features) and 3.1.1 (initialization).

use seed_protocols::virtio::{F_RING_INDIRECT_DESC, F_VERSION_1, status};

/// The bits that a driver may set as it likes; the others are checked or the device's own.
const UNCONDITIONAL: u32 = status::ACKNOWLEDGE | status::DRIVER | status::FAILED;

/// Features of the transport and its queues, offered with every device.
///
/// Event indices are not among them: the queues do without.
const TRANSPORT_FEATURES: u64 = 1 << F_VERSION_1 | 1 << F_RING_INDIRECT_DESC;

/// What a register write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It was carried out.
    Done,
    /// It was not allowed, or there is no such thing; nothing changed.
    Ignored,
}

/// Status and features of one device.
#[derive(Debug)]
pub(super) struct Negotiation {
    offered: u64,
    status: u32,
    offered_word: u32,
    accepted_word: u32,
    accepted: u64,
}

impl Negotiation {
    /// The state after a reset.
    pub(super) fn new(device_features: u64) -> Self {
        Self {
            offered: device_features | TRANSPORT_FEATURES,
            status: 0,
            offered_word: 0,
            accepted_word: 0,
            accepted: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        (self.status, self.offered_word, self.accepted_word, self.accepted) = (0, 0, 0, 0);
    }

    pub(super) fn status(&self) -> u32 {
        self.status
    }

    /// Whether the driver has said that it is set up.
    pub(super) fn is_driver_ok(&self) -> bool {
        self.status & status::DRIVER_OK != 0
    }

    /// Whether queues may be served.
    pub(super) fn is_running(&self) -> bool {
        let stopped = status::FAILED | status::DEVICE_NEEDS_RESET;
        self.is_driver_ok() && self.status & stopped == 0
    }

    pub(super) fn set_needs_reset(&mut self) {
        self.status |= status::DEVICE_NEEDS_RESET;
    }

    /// Adds the bits of `value`: bits that are set already stay, whatever `value` says.
    pub(super) fn add_status(&mut self, value: u32) {
        self.status |= value & UNCONDITIONAL;
        if value & status::FEATURES_OK != 0 && self.are_features_acceptable() {
            self.status |= status::FEATURES_OK;
        }
        if value & status::DRIVER_OK != 0 && self.status & status::FEATURES_OK != 0 {
            self.status |= status::DRIVER_OK;
        }
    }

    pub(super) fn select_offered_word(&mut self, word: u32) {
        self.offered_word = word;
    }

    pub(super) fn offered_word(&self) -> u32 {
        match self.offered_word {
            0 => self.offered as u32,
            1 => (self.offered >> 32) as u32,
            _ => 0,
        }
    }

    pub(super) fn select_accepted_word(&mut self, word: u32) {
        self.accepted_word = word;
    }

    pub(super) fn accept_word(&mut self, value: u32) -> Effect {
        let negotiating = status::DRIVER | status::FEATURES_OK;
        if self.status & negotiating != status::DRIVER {
            return Effect::Ignored;
        }
        let shift = match self.accepted_word {
            0 => 0,
            1 => 32,
            _ => return Effect::Ignored,
        };
        self.accepted &= !(u64::from(u32::MAX) << shift);
        self.accepted |= u64::from(value) << shift;
        Effect::Done
    }

    fn are_features_acceptable(&self) -> bool {
        self.accepted & !self.offered == 0 && self.accepted & 1 << F_VERSION_1 != 0
    }
}
