// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Header: its fields, where they lie, and what follows it.

use super::hex::format_hex;

/// Length in bytes of a header.
pub const HEADER_SIZE: usize = 110;

/// The six characters that open a header.
pub const MAGIC: &[u8; 6] = b"070701";

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

/// The digits of a field.
#[inline]
pub(super) fn digits(header: &[u8; HEADER_SIZE], field: Field) -> &[u8; 8] {
    header[field.offset()..].first_chunk().expect("all fields lie in the header")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_places_fields_where_newc_does() {
        let header =
            Header { ino: 1, mode: 0o100_644, nlink: 2, mtime: 3, size_bytes: 0xabc, name_size: 5 };
        let text = header.to_bytes();
        assert_eq!(&text[..30], b"07070100000001000081A400000000");
        assert_eq!(&text[38..62], b"000000020000000300000ABC");
        assert_eq!(&text[94..], b"0000000500000000");
    }
}
