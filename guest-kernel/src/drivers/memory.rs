// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The memory port: asks a monitor that gives memory in two steps for the second one.

use crate::arch::port;
use seed_protocols::machine::MEMORY_PORT;

/// Asks for all memory. Where there is no such port, all is there already.
pub fn ask_for_all() {
    // SAFETY: the port makes memory accessible and changes none.
    unsafe { port::write_u16(MEMORY_PORT, 1) }
}
