// SPDX-License-Identifier: Apache-2.0 OR MIT

//! An archive in memory.
//!
//! An image is read once, up to the archive's trailer, and only that copy is looked at from then
//! on: whoever else can write the image cannot change it between judgement and use.

use std::fs::File;
use std::io::{self, Read, Seek};

use seed_protocols::cpio::{self, Reader};
use thiserror::Error;

use super::contents::{Contents, ContentsError};

/// Bytes of an image that are read first; more follow as the archive asks for them.
const FIRST_READ: usize = 256 << 10;

/// Why an image cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The host failed to read it.
    #[error("cannot read the image")]
    Read(#[from] io::Error),
    /// It is not an archive, or a damaged one.
    #[error(transparent)]
    Damaged(#[from] cpio::Error),
}

/// An archive in memory, complete up to its trailer.
#[derive(Debug)]
pub struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// Reads the archive that `image` starts with. What lies behind its trailer is read only as
    /// far as the last request for more happens to reach, and ignored.
    ///
    /// # Errors
    /// The host fails to read, or there is no complete archive.
    pub fn read(mut image: &File) -> Result<Self, ReadError> {
        image.rewind()?;
        let mut bytes = Vec::new();
        let mut wanted = FIRST_READ;
        loop {
            let missing = (wanted - bytes.len()) as u64;
            let is_complete = (image.take(missing).read_to_end(&mut bytes)? as u64) < missing;
            match find_damage(&bytes) {
                None => return Ok(Self { bytes }),
                Some(damage) if is_complete || !is_cut(&damage) => return Err(damage.into()),
                Some(_) => wanted = bytes.len().saturating_mul(2),
            }
        }
    }

    /// An archive whose bytes are at hand.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Judges the archive and lists what it holds, every folder before what is in it.
    ///
    /// # Errors
    /// Anything in it is not fit to be unpacked.
    pub fn contents(&self) -> Result<Contents<'_>, ContentsError> {
        Contents::judge(&self.bytes)
    }
}

/// The first damage in `bytes`, seen as an archive.
fn find_damage(bytes: &[u8]) -> Option<cpio::Error> {
    let mut reader = Reader::new(bytes);
    loop {
        match reader.read_entry() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(damage) => return Some(damage),
        }
    }
}

/// Whether more bytes could mend the damage.
const fn is_cut(damage: &cpio::Error) -> bool {
    matches!(
        damage,
        cpio::Error::TruncatedHeader { .. }
            | cpio::Error::TruncatedData { .. }
            | cpio::Error::NoTrailer { .. }
    )
}
