// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The debug-exit port: the last word of the machine.

use crate::arch::{cpu, port};
use seed_protocols::machine::DEBUG_EXIT_PORT;

/// Ends the machine with a value; stops for ever where there is no such port.
pub fn end_machine(value: u16) -> ! {
    // SAFETY: the port ends the machine and does nothing to memory.
    unsafe { port::write_u16(DEBUG_EXIT_PORT, value) }
    cpu::halt()
}
