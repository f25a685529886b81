// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The words that the monitor and the kernel share.
//!
//! Layouts, numbers and the few parsers that both sides need: each defined once, here, and used by
//! `devices`, `vmm` and `guest-kernel`. Nothing in this crate allocates, keeps state or touches a
//! machine, so all of it runs in plain unit tests.

#![no_std]
#![forbid(unsafe_code)]

pub mod block;
pub mod bytes;
pub mod console_input;
pub mod console_output;
pub mod cpio;
pub mod early_memory;
pub mod end;
pub mod machine;
pub mod processor;
pub mod pvh;
pub mod record;
pub mod settings;
pub mod virtio;

#[cfg(test)]
extern crate std;
