// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Why an archive cannot be read.

use core::fmt;

use super::header::Field;

/// Why an archive cannot be read. Offsets count bytes from the start of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no archive: no byte, or the first bytes are not a newc header.
    NotCpio,
    /// Something other than a header stands where one must.
    BadMagic {
        /// Where the header was looked for.
        offset: usize,
    },
    /// A header field is not hexadecimal.
    BadField {
        /// Where the header starts.
        offset: usize,
        /// The field.
        field: Field,
    },
    /// The archive ends inside a header or a name.
    TruncatedHeader {
        /// Where the header starts.
        offset: usize,
    },
    /// The archive ends inside an entry's data.
    TruncatedData {
        /// Where the header starts.
        offset: usize,
        /// Bytes that the header announces.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The archive ends without its trailer.
    NoTrailer {
        /// Where the trailer was looked for.
        offset: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotCpio => write!(f, "not a cpio archive in newc format"),
            Self::BadMagic { offset } => write!(f, "no cpio header at offset {offset}"),
            Self::BadField { offset, field } => {
                write!(f, "cpio header at offset {offset}: field {field:?} is not hexadecimal")
            }
            Self::TruncatedHeader { offset } => {
                write!(f, "archive ends inside the cpio header at offset {offset}")
            }
            Self::TruncatedData { offset, expected, found } => write!(
                f,
                "archive ends inside the data of the entry at offset {offset}: {expected} bytes \
                 announced, {found} there"
            ),
            Self::NoTrailer { offset } => {
                write!(f, "archive ends at offset {offset} without its trailer entry")
            }
        }
    }
}

impl core::error::Error for Error {}
