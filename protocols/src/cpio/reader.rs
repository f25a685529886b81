// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Reader: from the bytes of an archive to its entries.

use super::TRAILER;
use super::error::Error;
use super::header::{Field, HEADER_SIZE, Header, MAGIC, digits, mode, padding};
use super::hex::decode_hex;
use crate::bytes::{find_byte, first_of, has_prefix, zero_bytes};

/// Eight slashes.
const SLASHES: u64 = u64::from_be_bytes([b'/'; 8]);

/// One entry of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where the header starts.
    pub offset: usize,
    /// The header's fields.
    pub header: Header,
    /// The name up to its first zero, as stored: see [`super::components`] before using it as a path.
    pub name: &'a [u8],
    /// Where in the name its last slash ends, or 0 if it has none.
    pub base_start: usize,
    /// Where the data starts.
    pub data_offset: usize,
    /// The data.
    pub data: &'a [u8],
}

/// Walks the entries of an archive, the trailer not included.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    archive: &'a [u8],
    offset: usize,
    /// The time as the last header had it: neighbours mostly agree, and the kernel pays for each
    /// instruction.
    mtime: Decoded,
}

/// The digits of a field and what they say.
#[derive(Clone, Copy, Debug)]
struct Decoded {
    digits: [u8; 8],
    value: u32,
}

impl Decoded {
    #[inline]
    fn decode(&mut self, digits: &[u8; 8]) -> Option<u32> {
        if *digits != self.digits {
            *self = Self { digits: *digits, value: decode_hex(digits)? };
        }
        Some(self.value)
    }
}

impl<'a> Reader<'a> {
    /// A reader at the first entry. Bytes behind the trailer are ignored.
    #[must_use]
    pub fn new(archive: &'a [u8]) -> Self {
        Self { archive, offset: 0, mtime: Decoded { digits: [b'0'; 8], value: 0 } }
    }

    /// The next entry, or `None` at the trailer.
    ///
    /// # Errors
    /// The archive is damaged; the reader stays where it is.
    #[inline]
    pub fn read_entry(&mut self) -> Result<Option<Entry<'a>>, Error> {
        self.visit_entry(|entry| entry)
    }

    /// What `visit` makes of the next entry, or `None` at the trailer: [`Reader::read_entry`] for
    /// callers to whom it matters that the entry never lies in memory as a whole.
    ///
    /// # Errors
    /// The archive is damaged; the reader stays where it is.
    #[inline(always)]
    pub fn visit_entry<T>(
        &mut self,
        visit: impl FnOnce(Entry<'a>) -> T,
    ) -> Result<Option<T>, Error> {
        let offset = self.offset;
        let Some(bytes) = self.header_bytes() else { return Err(self.header_error()) };
        if self.is_at_usual_trailer(bytes) {
            return Ok(None);
        }
        let name_size = decode_hex(digits(bytes, Field::NameSize));
        let size_bytes = decode_hex(digits(bytes, Field::FileSize));
        let (Some(name_size), Some(size_bytes)) = (name_size, size_bytes) else {
            return if self.is_broken_trailer(bytes)? {
                Ok(None)
            } else {
                Err(self.header_error())
            };
        };
        let name_start = offset + HEADER_SIZE;
        let name_end = name_start + name_size as usize;
        let Some(stored) = self.archive.get(name_start..name_end) else {
            return Err(Error::TruncatedHeader { offset });
        };
        if is_trailer(stored) {
            return Ok(None);
        }
        let Some(header) = self.read_header(bytes, name_size, size_bytes) else {
            return Err(self.header_error());
        };
        let data_offset = name_end + padding(name_end);
        let data_end = data_offset + size_bytes as usize;
        let Some(data) = self.archive.get(data_offset..data_end) else {
            return Err(self.data_error(data_offset, size_bytes));
        };
        self.offset = data_end + padding(data_end);
        let (name_length, base_start) = self.measure_name(name_start, stored);
        let name = &stored[..name_length];
        Ok(Some(visit(Entry { offset, header, name, base_start, data_offset, data })))
    }

    /// The header that is next, if there is one: [`Reader::header_error`] finds out why not.
    #[inline]
    fn header_bytes(&self) -> Option<&'a [u8; HEADER_SIZE]> {
        let bytes = self.archive.get(self.offset..)?.first_chunk::<HEADER_SIZE>()?;
        (bytes.first_chunk() == Some(MAGIC)).then_some(bytes)
    }

    /// Whether the header that is next is the trailer's, with a name of the usual size.
    #[inline]
    fn is_at_usual_trailer(&self, bytes: &[u8; HEADER_SIZE]) -> bool {
        digits(bytes, Field::NameSize) == b"0000000B"
            && self.archive.get(self.offset + HEADER_SIZE..).is_some_and(|behind| {
                behind.first_chunk::<11>().is_some_and(|stored| is_trailer(stored))
            })
    }

    /// Where the name that is stored at `start` ends, and where its last slash does.
    #[inline]
    fn measure_name(&self, start: usize, stored: &[u8]) -> (usize, usize) {
        // Whole words, some bytes of which may lie behind the name's field.
        let mut base_start = 0;
        for (index, word) in self.archive[start..].as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let zeros = zero_bytes(word);
            let slashes = zero_bytes(word ^ SLASHES) & zeros.wrapping_sub(1) & !zeros;
            if slashes != 0 {
                base_start = index * 8 + 8 - slashes.leading_zeros() as usize / 8;
            }
            let end = index * 8 + first_of(zeros);
            if end >= stored.len() {
                break;
            }
            if zeros != 0 {
                return (end, base_start);
            }
        }
        measure_bytes(stored)
    }

    /// The fields of a header whose sizes are known, if they can be read.
    #[inline]
    fn read_header(
        &mut self,
        bytes: &[u8; HEADER_SIZE],
        name_size: u32,
        size_bytes: u32,
    ) -> Option<Header> {
        const FILE: u64 = u64::from_be_bytes(*b"000081A4");
        const PROGRAM: u64 = u64::from_be_bytes(*b"000081ED");
        const ONE: u64 = u64::from_be_bytes(*b"00000001");
        let mode = match u64::from_be_bytes(*digits(bytes, Field::Mode)) {
            FILE => mode::REGULAR | 0o644,
            PROGRAM => mode::REGULAR | 0o755,
            _ => decode_hex(digits(bytes, Field::Mode))?,
        };
        let nlink = match u64::from_be_bytes(*digits(bytes, Field::Nlink)) {
            ONE => 1,
            _ => decode_hex(digits(bytes, Field::Nlink))?,
        };
        let mtime = self.mtime.decode(digits(bytes, Field::Mtime))?;
        let ino = decode_hex(digits(bytes, Field::Ino))?;
        Some(Header { ino, mode, nlink, mtime, size_bytes, name_size })
    }

    /// Whether a header with a size that cannot be read is the trailer's, of which only the size of
    /// its name means something.
    #[cold]
    fn is_broken_trailer(&self, bytes: &[u8; HEADER_SIZE]) -> Result<bool, Error> {
        let Some(name_size) = decode_hex(digits(bytes, Field::NameSize)) else { return Ok(false) };
        let start = self.offset + HEADER_SIZE;
        let stored = self.archive.get(start..start + name_size as usize);
        stored.map(is_trailer).ok_or(Error::TruncatedHeader { offset: self.offset })
    }

    /// What is wrong where the archive has not all of an entry's data.
    #[cold]
    fn data_error(&self, data_offset: usize, size_bytes: u32) -> Error {
        Error::TruncatedData {
            offset: self.offset,
            expected: size_bytes as usize,
            found: self.archive.len().saturating_sub(data_offset),
        }
    }

    /// What is wrong with the header that is next.
    #[cold]
    fn header_error(&self) -> Error {
        let offset = self.offset;
        let behind = self.archive.get(offset..).unwrap_or(&[]);
        let header = &behind[..behind.len().min(HEADER_SIZE)];
        if !header.starts_with(MAGIC) {
            return match offset {
                0 => Error::NotCpio,
                _ if header.iter().all(|&byte| byte == 0) => Error::NoTrailer { offset },
                _ if header.len() < HEADER_SIZE => Error::TruncatedHeader { offset },
                _ => Error::BadMagic { offset },
            };
        }
        let Some(bytes) = header.first_chunk::<HEADER_SIZE>() else {
            return Error::TruncatedHeader { offset };
        };
        let fields = [Field::Ino, Field::Mode, Field::Nlink, Field::Mtime, Field::FileSize];
        let is_bad = |field: &Field| decode_hex(digits(bytes, *field)).is_none();
        Error::BadField {
            offset,
            field: fields.into_iter().find(is_bad).unwrap_or(Field::NameSize),
        }
    }
}

/// Whether a stored name is the trailer's.
#[inline]
fn is_trailer(stored: &[u8]) -> bool {
    has_prefix(stored, TRAILER) && matches!(stored[TRAILER.len()..], [] | [0, ..])
}

/// [`Reader::measure_name`] for names that no zero ends, or that end the archive.
#[inline(never)]
fn measure_bytes(stored: &[u8]) -> (usize, usize) {
    let length = find_byte(stored, 0).unwrap_or(stored.len());
    let slash = stored[..length].iter().rposition(|&byte| byte == b'/');
    (length, slash.map_or(0, |slash| slash + 1))
}

/// Reads one field of the header at `offset`: for those that few entries need, so that they are no
/// part of [`Header`].
///
/// # Errors
/// There is no whole header at `offset`, or the field is not hexadecimal.
pub fn read_field(archive: &[u8], offset: usize, field: Field) -> Result<u32, Error> {
    let behind = archive.get(offset..).unwrap_or(&[]);
    let bytes = behind.first_chunk::<HEADER_SIZE>().ok_or(Error::TruncatedHeader { offset })?;
    decode_hex(digits(bytes, field)).ok_or(Error::BadField { offset, field })
}
