// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Everything x86: entry, traps, paging, copies.

#[cfg(feature = "image")]
mod boot;
pub mod bulk;
#[cfg(feature = "image")]
pub mod cpu;
#[cfg(feature = "image")]
pub mod features;
pub mod layout;
#[cfg(feature = "image")]
pub mod local_apic;
#[cfg(feature = "image")]
mod memory;
pub mod paging;
#[cfg(feature = "image")]
pub mod port;
#[cfg(feature = "image")]
pub mod signal_frame;
#[cfg(feature = "image")]
pub mod trap;
#[cfg(feature = "image")]
pub mod vector;
