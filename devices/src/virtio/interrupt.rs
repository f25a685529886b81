// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Interrupt line: how a transport tells the guest that something happened.

/// A level-triggered interrupt line.
pub trait InterruptLine {
    /// Asserts the line; it may be asserted already.
    fn raise(&mut self);

    /// Deasserts the line; it may be deasserted already.
    fn lower(&mut self);
}

/// A line that leads nowhere, for drivers that poll.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupt;

impl InterruptLine for NoInterrupt {
    fn raise(&mut self) {}

    fn lower(&mut self) {}
}
