// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Console output in blocks: many bytes by one access, where the serial port takes one for each.
//!
//! A note of the kernel image ([`crate::record::NOTE_NAME`], [`NOTE_CONSOLE_BLOCK`]) holds the
//! physical address of a [`Block`], which is zero at first. A monitor that has
//! [`crate::machine::CONSOLE_PORT`] says so in it before it starts the kernel. The kernel then names
//! bytes in the block and writes any 16-bit word to the port; when that returns the first of them, as
//! many as the monitor likes, have gone where the serial port's go, after all that went there before,
//! and the block names the rest. A monitor may ignore the note.

/// Type of the note that holds the block's physical address (64 bits, little endian).
pub const NOTE_CONSOLE_BLOCK: u32 = 3;

/// What is to go out; little endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Block {
    /// Physical address of the bytes, which lie in RAM.
    pub address: u64,
    /// How many there are. It stays as it is if not all of them lie in RAM.
    pub length: u32,
    /// Whether there is the port: 1 or 0.
    pub is_served: u32,
}

impl Block {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// Offset of `is_served`.
    pub const IS_SERVED_OFFSET: u64 = 12;

    /// Reads a block from guest memory's bytes.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        Self {
            address: u64::from(word(4)) << 32 | u64::from(word(0)),
            length: word(8),
            is_served: word(12),
        }
    }

    /// The block without its first `count` bytes.
    #[must_use]
    pub const fn without(self, count: u32) -> Self {
        Self { address: self.address + count as u64, length: self.length - count, ..self }
    }

    /// The bytes for guest memory.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.address.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..].copy_from_slice(&self.is_served.to_le_bytes());
        bytes
    }
}

const _: () = assert!(size_of::<Block>() == Block::SIZE);
const _: () = assert!(core::mem::offset_of!(Block, is_served) as u64 == Block::IS_SERVED_OFFSET);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_fields_in_order() {
        let bytes = core::array::from_fn(|index| index as u8);
        let block = Block::parse(&bytes);
        assert_eq!(block.address, 0x0706_0504_0302_0100);
        assert_eq!((block.length, block.is_served), (0x0b0a_0908, 0x0f0e_0d0c));
        assert_eq!(block.to_bytes(), bytes);
    }

    #[test]
    fn a_block_loses_its_first_bytes() {
        let block = Block { address: 0x1000, length: 7, is_served: 1 };
        assert_eq!(block.without(3), Block { address: 0x1003, length: 4, is_served: 1 });
        assert_eq!(block.without(7).length, 0);
    }
}
