// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The seed kernel: unpacks an archive, runs a Linux program on it, hands back what it made.
//!
//! What needs the machine is built for the image alone (feature `image`); the rest, file system,
//! frames and page tables, also runs in unit tests on a host.

#![no_std]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod arch;
pub mod console;
pub mod errno;
pub mod fs;
pub mod mm;
pub mod random;
pub mod shown;
pub mod sorted_map;

#[cfg(feature = "image")]
pub mod clock;
#[cfg(feature = "image")]
pub mod drivers;
#[cfg(feature = "image")]
pub mod dump;
#[cfg(feature = "image")]
pub mod end;
#[cfg(feature = "image")]
pub mod init;
#[cfg(feature = "image")]
pub mod kernel;
#[cfg(feature = "image")]
pub mod output;
#[cfg(feature = "image")]
pub mod proc;
#[cfg(feature = "image")]
pub mod program_memory;
#[cfg(feature = "image")]
pub mod settings;
#[cfg(feature = "image")]
pub mod syscall;

#[cfg(feature = "image")]
pub use end::panicked;
#[cfg(feature = "image")]
use kernel::serve_trap;
