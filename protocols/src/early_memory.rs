// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Early memory: how much a kernel uses before it says that it needs more.
//!
//! To make all of a machine's memory known to the host's hypervisor can take longer than a small
//! program runs. A note of the kernel image ([`crate::record::NOTE_NAME`], [`NOTE_EARLY_MEMORY`])
//! holds a physical address, and promises that the kernel does not use RAM at or above it before it
//! has written to [`crate::machine::MEMORY_PORT`]. A monitor may ignore both.

/// Type of the note that holds the address (64 bits, little endian).
pub const NOTE_EARLY_MEMORY: u32 = 2;
