// SPDX-License-Identifier: Apache-2.0 OR MIT

//! cpio "newc": the archive format of both disks.
//!
//! Follows the Linux kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`: a header
//! of 110 ASCII bytes, the name with its zero, padding to 4, the data, padding to 4. A name may be
//! followed by further zeros that count as part of it; writers use them to align the data.
//! Reading needs no memory: entries borrow from the archive.

mod error;
mod header;
mod hex;
mod name;
mod reader;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use header::{Field, HEADER_SIZE, Header, MAGIC, aligned_name_size, mode, padding};
pub use hex::{format_hex, parse_hex};
pub use name::{COMPONENT_MAX, NAME_MAX, NameError, components};
pub use reader::{Entry, Reader, read_field};

/// Name of the entry that closes an archive.
pub const TRAILER: &[u8] = b"TRAILER!!!";

/// The entry that closes an archive, padding included: one link, the name's size, else zeros.
pub const TRAILER_ENTRY: &[u8; 124] = b"070701\
    00000000000000000000000000000000000000010000000000000000\
    000000000000000000000000000000000000000B00000000\
    TRAILER!!!\0\0\0\0";
