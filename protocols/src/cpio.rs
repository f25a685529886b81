// SPDX-License-Identifier: Apache-2.0 OR MIT

//! cpio "newc": the archive format of both disks.
//!
//! Follows the Linux kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`: a header
//! of 110 ASCII bytes, the name with its zero, padding to 4, the data, padding to 4. A name may be
//! followed by further zeros that count as part of it; writers use them to align the data.
//! Reading needs no memory: entries borrow from the archive.

use core::fmt;

/// Length in bytes of a header.
pub const HEADER_SIZE: usize = 110;

/// The six characters that open a header.
pub const MAGIC: &[u8; 6] = b"070701";

/// Name of the entry that closes an archive.
pub const TRAILER: &[u8] = b"TRAILER!!!";

/// The entry that closes an archive, padding included: one link, the name's size, else zeros.
pub const TRAILER_ENTRY: &[u8; 124] = b"070701\
    00000000000000000000000000000000000000010000000000000000\
    000000000000000000000000000000000000000B00000000\
    TRAILER!!!\0\0\0\0";

/// Longest name in bytes, without its zero (Linux's `PATH_MAX` less one).
pub const NAME_MAX: usize = 4095;

/// Longest component of a name in bytes (Linux's `NAME_MAX`).
pub const COMPONENT_MAX: usize = 255;

/// A one in each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Eight slashes.
const SLASHES: u64 = u64::from_be_bytes([b'/'; 8]);

/// A bit that no digit's value has.
const NO_DIGIT: u8 = 1 << 7;

/// What each byte says as a hexadecimal digit, or [`NO_DIGIT`].
static DIGIT_VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0_u8;
    while value < 16 {
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// File type and permission bits of `mode`, as in `stat(2)`.
pub mod mode {
    /// Mask of the file type.
    pub const TYPE_MASK: u32 = 0o170_000;
    /// A regular file.
    pub const REGULAR: u32 = 0o100_000;
    /// A directory.
    pub const DIRECTORY: u32 = 0o040_000;
    /// A symbolic link; its data is the target.
    pub const SYMLINK: u32 = 0o120_000;
    /// A character device.
    pub const CHARACTER: u32 = 0o020_000;
    /// A block device.
    pub const BLOCK: u32 = 0o060_000;
    /// A named pipe.
    pub const FIFO: u32 = 0o010_000;
    /// A socket.
    pub const SOCKET: u32 = 0o140_000;
    /// Mask of the permission bits.
    pub const PERMISSIONS: u32 = 0o7777;
}

/// The fields of a header that mean something to this project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Inode number; with `nlink` above 1 it joins the names of one file.
    pub ino: u32,
    /// Type and permissions.
    pub mode: u32,
    /// Number of links.
    pub nlink: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u32,
    /// Length of the data in bytes.
    pub size_bytes: u32,
    /// Length of the name in bytes, its zeros included.
    pub name_size: u32,
}

impl Header {
    /// Lays the header out, with owner 0, group 0 and no device numbers.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [b'0'; HEADER_SIZE];
        bytes[..6].copy_from_slice(MAGIC);
        let mut put = |field: Field, value: u32| {
            if value == 0 {
                return;
            }
            let start = field.offset();
            bytes[start..start + 8].copy_from_slice(&format_hex(value));
        };
        put(Field::Ino, self.ino);
        put(Field::Mode, self.mode);
        put(Field::Nlink, self.nlink);
        put(Field::Mtime, self.mtime);
        put(Field::FileSize, self.size_bytes);
        put(Field::NameSize, self.name_size);
        bytes
    }
}

/// The header fields that mean something to this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Inode number.
    Ino,
    /// Type and permissions.
    Mode,
    /// Number of links.
    Nlink,
    /// Modification time.
    Mtime,
    /// Length of the data.
    FileSize,
    /// Major number of the device that the file came from.
    DevMajor,
    /// Minor number of the device that the file came from.
    DevMinor,
    /// Major number of the device that the node stands for.
    RdevMajor,
    /// Minor number of the device that the node stands for.
    RdevMinor,
    /// Length of the name.
    NameSize,
}

impl Field {
    const fn offset(self) -> usize {
        6 + 8 * match self {
            Self::Ino => 0,
            Self::Mode => 1,
            Self::Nlink => 4,
            Self::Mtime => 5,
            Self::FileSize => 6,
            Self::DevMajor => 7,
            Self::DevMinor => 8,
            Self::RdevMajor => 9,
            Self::RdevMinor => 10,
            Self::NameSize => 11,
        }
    }
}

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

/// One entry of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where the header starts.
    pub offset: usize,
    /// The header's fields.
    pub header: Header,
    /// The name up to its first zero, as stored: see [`components`] before using it as a path.
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

/// The digits of a field.
#[inline]
fn digits(header: &[u8; HEADER_SIZE], field: Field) -> &[u8; 8] {
    header[field.offset()..].first_chunk().expect("all fields lie in the header")
}

/// Encodes a number as eight upper-case hexadecimal digits, most significant first.
#[must_use]
pub fn format_hex(value: u32) -> [u8; 8] {
    let word = u64::from(value);
    let words = (word | word << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (words | words << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (pairs | pairs << 4) & (0x0f * ONES);
    let is_letter = ((nibbles + 6 * ONES) >> 4) & ONES;
    (nibbles + 0x30 * ONES + is_letter * 7).to_be_bytes()
}

/// The first eight bytes as a big-endian word, zeros standing for bytes that are not there: words
/// compare as the bytes do.
#[must_use]
#[inline]
pub fn leading_word(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
        return u64::from(first) << 32 | u64::from(last) << (64 - 8 * bytes.len());
    }
    match *bytes {
        [a, b, c, ..] => u64::from(a) << 56 | u64::from(b) << 48 | u64::from(c) << 40,
        [a, b] => u64::from(a) << 56 | u64::from(b) << 48,
        [a] => u64::from(a) << 56,
        [] => 0,
    }
}

/// The highest bit of each byte of a word that is zero.
#[inline]
const fn zero_bytes(word: u64) -> u64 {
    let low_bits = 0x7f * ONES;
    !(((word & low_bits) + low_bits) | word) & (0x80 * ONES)
}

/// The byte, counted from the lowest, that the lowest bit of `matches` is in; 8 if there is none.
#[inline]
const fn first_of(matches: u64) -> usize {
    matches.trailing_zeros() as usize / 8
}

/// Where `byte` first stands in `bytes`, eight of them looked at together.
#[must_use]
#[inline]
pub fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    // The lowest bit is that of the first byte that is found; a borrow may set higher ones.
    let matches = |word: u64| {
        let word = word ^ (u64::from(byte) * ONES);
        word.wrapping_sub(ONES) & !word & (0x80 * ONES)
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        let found = first_of(matches(leading_word(bytes).swap_bytes()));
        // Behind the end the word has zeros, which are no bytes.
        return (found < bytes.len()).then_some(found);
    };
    for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let matches = matches(u64::from_le_bytes(*word));
        if matches != 0 {
            return Some(index * 8 + first_of(matches));
        }
    }
    match matches(u64::from_le_bytes(*last)) {
        0 => None,
        matches => Some(bytes.len() - 8 + first_of(matches)),
    }
}

/// Whether `bytes` start with `prefix`, eight of them compared together.
#[must_use]
#[inline]
pub fn has_prefix(bytes: &[u8], prefix: &[u8]) -> bool {
    let Some(start) = bytes.get(..prefix.len()) else { return false };
    let ((words, rest), (prefix_words, prefix_rest)) =
        (start.as_chunks::<8>(), prefix.as_chunks::<8>());
    let same = |(left, right): (&[u8; 8], &[u8; 8])| {
        u64::from_le_bytes(*left) == u64::from_le_bytes(*right)
    };
    words.iter().zip(prefix_words).all(same) && leading_word(rest) == leading_word(prefix_rest)
}

/// Decodes eight hexadecimal digits of either case, most significant first.
#[must_use]
#[inline]
pub fn parse_hex(digits: [u8; 8]) -> Option<u32> {
    decode_hex(&digits)
}

/// [`parse_hex`] for digits in their place. Most numbers are below 2^16 and take few instructions,
/// each of which the kernel pays for.
#[inline]
fn decode_hex(digits: &[u8; 8]) -> Option<u32> {
    let [high @ .., a, b, c, d] = digits;
    if high != b"0000" {
        return decode_large_hex(digits);
    }
    let value = |digit: &u8| DIGIT_VALUES[*digit as usize];
    let (a, b, c, d) = (value(a), value(b), value(c), value(d));
    if (a | b | c | d) & NO_DIGIT != 0 {
        return None;
    }
    Some(u32::from(a) << 12 | u32::from(b) << 8 | u32::from(c) << 4 | u32::from(d))
}

/// [`decode_hex`] for any number: all digits at once in one register.
#[inline(never)]
fn decode_large_hex(digits: &[u8; 8]) -> Option<u32> {
    let word = u64::from_be_bytes(*digits);
    // Letters have bit 6. Lower case becomes upper case; digits have that bit already.
    let is_letter = (word >> 6) & ONES;
    let folded = word | (0x20 * ONES);
    let values = folded.wrapping_sub(0x30 * ONES + is_letter * 0x27);
    // A value fits a digit, is above 9 exactly for letters, and did not need folding unless it is
    // a letter. Where a subtraction borrowed, a value does not fit.
    let is_above_nine = (values.wrapping_add(6 * ONES) >> 4) & ONES;
    let was_folded = (folded ^ word) & ((is_letter ^ ONES) << 5);
    let faults = (values & (0xf0 * ONES)) | (is_above_nine ^ is_letter) | was_folded;
    if faults != 0 {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let words = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
    let value = (words | words >> 16) as u32;
    Some(value)
}

/// Number of zero bytes that bring `offset` to a multiple of 4.
#[must_use]
pub const fn padding(offset: usize) -> usize {
    offset.wrapping_neg() & 3
}

/// Size of a name field, its zeros included, that puts the data at a multiple of `alignment`.
///
/// `offset` is where the header starts, `name_length` the length of the bare name, and `alignment`
/// a power of two of at least 4.
#[must_use]
pub const fn aligned_name_size(offset: usize, name_length: usize, alignment: usize) -> usize {
    let end = offset + HEADER_SIZE + name_length + 1;
    name_length + 1 + (end.wrapping_neg() & (alignment - 1))
}

/// Why a name cannot become a path below the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No byte.
    Empty,
    /// It starts with a slash.
    Absolute,
    /// It has a component `..`.
    ParentComponent,
    /// It is longer than [`NAME_MAX`].
    TooLong,
    /// A component is longer than [`COMPONENT_MAX`].
    ComponentTooLong,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the name is empty"),
            Self::Absolute => write!(f, "the name is absolute"),
            Self::ParentComponent => write!(f, "the name has a \"..\" component"),
            Self::TooLong => write!(f, "the name is longer than {NAME_MAX} bytes"),
            Self::ComponentTooLong => {
                write!(f, "a component of the name is longer than {COMPONENT_MAX} bytes")
            }
        }
    }
}

impl core::error::Error for NameError {}

/// The components of an entry's name, `.` and repeated slashes left out; none for the root itself.
///
/// # Errors
/// The name would not stay below the root, or breaks a limit.
pub fn components(name: &[u8]) -> Result<impl Iterator<Item = &[u8]> + Clone, NameError> {
    match name {
        [] => return Err(NameError::Empty),
        [b'/', ..] => return Err(NameError::Absolute),
        _ if name.len() > NAME_MAX => return Err(NameError::TooLong),
        _ => {}
    }
    let parts = name.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    for part in parts.clone() {
        if part == b".." {
            return Err(NameError::ParentComponent);
        }
        if part.len() > COMPONENT_MAX {
            return Err(NameError::ComponentTooLong);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn entry(name: &[u8], mode: u32, data: &[u8]) -> Vec<u8> {
        let header = Header {
            ino: 1,
            mode,
            nlink: 1,
            mtime: 7,
            size_bytes: data.len().try_into().unwrap(),
            name_size: (name.len() + 1).try_into().unwrap(),
        };
        let mut bytes = header.to_bytes().to_vec();
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.resize(bytes.len() + padding(bytes.len()), 0);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len() + padding(bytes.len()), 0);
        bytes
    }

    fn archive(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, data) in entries {
            bytes.extend(entry(name, mode::REGULAR | 0o644, data));
        }
        bytes.extend(entry(TRAILER, 0, b""));
        bytes
    }

    #[test]
    fn written_entries_read_back() {
        let bytes = archive(&[(b"a", b"12345"), (b"in/b", b"")]);
        let mut reader = Reader::new(&bytes);
        let first = reader.read_entry().unwrap().unwrap();
        assert_eq!((first.name, first.data), (&b"a"[..], &b"12345"[..]));
        assert_eq!(first.header.mode, 0o100_644);
        let second = reader.read_entry().unwrap().unwrap();
        assert_eq!((second.name, second.data), (&b"in/b"[..], &b""[..]));
        assert_eq!(reader.read_entry(), Ok(None));
    }

    #[test]
    fn the_trailer_entry_is_what_its_header_says() {
        let header = Header { nlink: 1, name_size: 11, ..Header::default() };
        assert_eq!(TRAILER_ENTRY[..HEADER_SIZE], header.to_bytes());
        assert_eq!(TRAILER_ENTRY[HEADER_SIZE..], *b"TRAILER!!!\0\0\0\0");
        assert_eq!(Reader::new(TRAILER_ENTRY).read_entry(), Ok(None));
    }

    #[test]
    fn only_the_size_of_its_name_counts_in_the_trailer() {
        for at in (6..HEADER_SIZE).filter(|at| !(94..102).contains(at)) {
            let mut bytes = TRAILER_ENTRY.to_vec();
            bytes[at] = b'-';
            assert_eq!(Reader::new(&bytes).read_entry(), Ok(None), "byte {at}");
        }
        for (name, size) in [(&b"TRAILER!!!"[..], 10), (b"TRAILER!!!\0x", 12)] {
            let header = Header { name_size: size, ..Header::default() };
            let bytes = [&header.to_bytes(), name].concat();
            assert_eq!(Reader::new(&bytes).read_entry(), Ok(None));
        }
        let bytes = entry(b"TRAILER!!!!", 0, b"");
        assert_eq!(Reader::new(&bytes).read_entry().unwrap().unwrap().name, b"TRAILER!!!!");
    }

    #[test]
    fn names_end_at_their_zero_or_with_their_field() {
        let alphabet = [b'/', b'.', b'a', 0];
        for length in 0..20 {
            for seed in 0..500_usize {
                let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let stored: Vec<u8> =
                    (0..length).map(|at| alphabet[random >> (2 * at + 8) & 3]).collect();
                let name: Vec<u8> = stored.iter().copied().take_while(|&byte| byte != 0).collect();
                let slash = name.iter().rposition(|&byte| byte == b'/');
                for behind in [&b""[..], b"//\0\0", b"/////////", b"\0\0\0\0\0\0\0\0\0\0\0"] {
                    let header = Header { name_size: length, ..Header::default() };
                    let bytes = [&header.to_bytes()[..], &stored, behind].concat();
                    let mut reader = Reader::new(&bytes);
                    let Ok(Some(entry)) = reader.read_entry() else { continue };
                    assert_eq!(entry.name, name);
                    assert_eq!(entry.base_start, slash.map_or(0, |slash| slash + 1));
                }
            }
        }
    }

    #[test]
    fn header_places_fields_where_newc_does() {
        let header =
            Header { ino: 1, mode: 0o100_644, nlink: 2, mtime: 3, size_bytes: 0xabc, name_size: 5 };
        let text = header.to_bytes();
        assert_eq!(&text[..30], b"07070100000001000081A400000000");
        assert_eq!(&text[38..62], b"000000020000000300000ABC");
        assert_eq!(&text[94..], b"0000000500000000");
    }

    #[test]
    fn hex_is_strict() {
        assert_eq!(parse_hex(*b"0123abCD"), Some(0x0123_abcd));
        assert_eq!(parse_hex(*b"FFFFFFFF"), Some(u32::MAX));
        for bad in [b"0000000g", b"0000 000", b"0000000/", b"0000000:", b"0000000@", b"0000000`"] {
            assert_eq!(parse_hex(*bad), None);
        }
        for byte in 0..=255 {
            let expected = char::from(byte).to_digit(16);
            for neighbour in *b"09afAF" {
                let value = char::from(neighbour).to_digit(16).unwrap();
                let expected = expected.map(|digit| value * 0x101 + digit * 0x10);
                let mut digits = [b'0', b'0', b'0', b'0', b'0', neighbour, byte, neighbour];
                assert_eq!(parse_hex(digits), expected, "{digits:?}");
                digits[0] = b'7';
                let expected = expected.map(|value| 0x7000_0000 + value);
                assert_eq!(parse_hex(digits), expected, "{digits:?}");
            }
        }
    }

    #[test]
    fn hex_is_written_as_it_is_read() {
        assert_eq!(format_hex(0), *b"00000000");
        assert_eq!(format_hex(0x0123_abcd), *b"0123ABCD");
        assert_eq!(format_hex(0x9876_5eff), *b"98765EFF");
        assert_eq!(format_hex(u32::MAX), *b"FFFFFFFF");
    }

    #[test]
    fn repeated_fields_follow_their_changes() {
        let mut bytes = entry(b"a", mode::REGULAR | 0o644, b"");
        bytes.extend(entry(b"b", mode::REGULAR | 0o644, b""));
        bytes.extend(entry(b"c", mode::DIRECTORY | 0o755, b""));
        bytes.extend(entry(b"d", mode::REGULAR | 0o644, b""));
        let mut reader = Reader::new(&bytes);
        let mut next = || reader.read_entry().unwrap().unwrap().header.mode;
        assert_eq!([next(), next(), next(), next()], [0o100_644, 0o100_644, 0o040_755, 0o100_644]);
    }

    #[test]
    fn damaged_fields_are_named() {
        let whole = archive(&[(b"a", b"")]);
        let fields = [(6, Field::Ino), (14, Field::Mode), (38, Field::Nlink), (46, Field::Mtime)];
        for (at, field) in fields.into_iter().chain([(54, Field::FileSize), (94, Field::NameSize)])
        {
            let mut bytes = whole.clone();
            bytes[at + 7] = b'-';
            let expected = Error::BadField { offset: 0, field };
            assert_eq!(Reader::new(&bytes).read_entry(), Err(expected));
        }
    }

    #[test]
    fn rare_fields_are_read_apart() {
        let mut bytes = archive(&[(b"a", b"")]);
        bytes[78..86].copy_from_slice(b"00000005");
        bytes[86..94].copy_from_slice(b"0000000x");
        assert_eq!(read_field(&bytes, 0, Field::RdevMajor), Ok(5));
        let bad = Error::BadField { offset: 0, field: Field::RdevMinor };
        assert_eq!(read_field(&bytes, 0, Field::RdevMinor), Err(bad));
        let end = bytes.len();
        let cut = Error::TruncatedHeader { offset: end };
        assert_eq!(read_field(&bytes, end, Field::Ino), Err(cut));
    }

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        for length in 0..40 {
            let mut bytes = std::vec![b'x'; length];
            assert_eq!(find_byte(&bytes, b'/'), None);
            assert_eq!(find_byte(&bytes, 0), None);
            for at in (0..length).rev() {
                bytes[at] = b'/';
                assert_eq!(find_byte(&bytes, b'/'), Some(at));
            }
        }
        assert_eq!(find_byte(b"\xaf\x2e\x30\x2f", b'/'), Some(3));
    }

    #[test]
    fn prefixes_are_told_from_others() {
        let bytes = b"0123456789abcdefghi";
        for length in 0..bytes.len() {
            let mut prefix = bytes[..length].to_vec();
            assert!(has_prefix(bytes, &prefix));
            for at in 0..length {
                prefix[at] ^= 0x80;
                assert!(!has_prefix(bytes, &prefix));
                prefix[at] ^= 0x80;
            }
        }
        assert!(!has_prefix(b"abc", b"abc\0"));
    }

    #[test]
    fn leading_words_compare_as_bytes_do() {
        assert_eq!(leading_word(b"abcdefgh-"), 0x6162_6364_6566_6768);
        assert_eq!(leading_word(b"abcdefg"), 0x6162_6364_6566_6700);
        assert_eq!(leading_word(b"abcde"), 0x6162_6364_6500_0000);
        assert_eq!(leading_word(b"abcd"), 0x6162_6364_0000_0000);
        assert_eq!(leading_word(b"abc"), 0x6162_6300_0000_0000);
        assert_eq!(leading_word(b"ab"), 0x6162_0000_0000_0000);
        assert_eq!(leading_word(b"a"), 0x6100_0000_0000_0000);
        assert_eq!(leading_word(b""), 0);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = archive(&[(b"a", b"12345")]);
        let trailer_end = bytes.len() - 3;
        for length in 0..trailer_end {
            let mut reader = Reader::new(&bytes[..length]);
            while let Ok(Some(_)) = reader.read_entry() {}
            assert!(reader.read_entry().is_err(), "cut to {length} bytes");
        }
        assert_eq!(Reader::new(b"").read_entry(), Err(Error::NotCpio));
        assert_eq!(Reader::new(&[0; 512]).read_entry(), Err(Error::NotCpio));
    }

    #[test]
    fn announced_lengths_beyond_the_archive_are_refused() {
        let mut bytes = archive(&[(b"a", b"12345")]);
        bytes[54..62].copy_from_slice(b"FFFFFFFF");
        assert!(matches!(Reader::new(&bytes).read_entry(), Err(Error::TruncatedData { .. })));
        bytes[94..102].copy_from_slice(b"FFFFFFFF");
        assert_eq!(Reader::new(&bytes).read_entry(), Err(Error::TruncatedHeader { offset: 0 }));
    }

    #[test]
    fn zeros_behind_a_name_align_the_data() {
        let name_size = aligned_name_size(0, 1, 4096);
        let mut bytes =
            Header { name_size: name_size.try_into().unwrap(), size_bytes: 3, ..Header::default() }
                .to_bytes()
                .to_vec();
        bytes.push(b'a');
        bytes.resize(4096, 0);
        bytes.extend(b"xyz\0");
        bytes.extend(entry(TRAILER, 0, b""));
        let found = Reader::new(&bytes).read_entry().unwrap().unwrap();
        assert_eq!((found.name, found.data_offset, found.data), (&b"a"[..], 4096, &b"xyz"[..]));
    }

    #[test]
    fn names_stay_below_the_root() {
        let parts = |name| components(name).map(|parts| parts.collect::<Vec<_>>());
        assert_eq!(parts(b"./in//a"), Ok(std::vec![&b"in"[..], b"a"]));
        assert_eq!(parts(b"."), Ok(Vec::new()));
        assert_eq!(parts(b""), Err(NameError::Empty));
        assert_eq!(parts(b"/etc"), Err(NameError::Absolute));
        assert_eq!(parts(b"a/../b"), Err(NameError::ParentComponent));
        assert_eq!(parts(&[b'a'; 256]), Err(NameError::ComponentTooLong));
        assert_eq!(parts(&[b'/'; 4097][1..]), Err(NameError::Absolute));
        assert_eq!(parts(&b"a/".repeat(2048)), Err(NameError::TooLong));
    }
}
