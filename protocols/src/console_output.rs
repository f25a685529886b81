// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Console output in blocks: many bytes by one access, where the serial port takes one for each.
//!
//! A note of the kernel image ([`crate::record::NOTE_NAME`], [`NOTE_CONSOLE_BLOCK`]) holds the
//! physical address of a [`Block`], which is zero at first. A monitor that has
//! [`crate::machine::CONSOLE_PORT`] says so in it before it starts the kernel. The kernel then names
//! bytes in the block and writes any 16-bit word to the port; when that returns the bytes have gone
//! where the serial port's go, after all that went there before. A monitor may ignore the note.

/// Type of the note that holds the block's physical address (64 bits, little endian).
pub const NOTE_CONSOLE_BLOCK: u32 = 3;

/// What is to go out; little endian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Block {
    /// Physical address of the bytes, which lie in RAM.
    pub address: u64,
    /// How many there are. The monitor sets it to 0 when it has taken them; else they stay the
    /// kernel's, as do those that do not lie in RAM.
    pub length: u32,
    /// Whether there is the port: 1 or 0.
    pub is_served: u32,
}

impl Block {
    /// Size in bytes.
    pub const SIZE: usize = 16;

    /// Offset of `length`.
    pub const LENGTH_OFFSET: u64 = 8;

    /// Offset of `is_served`.
    pub const IS_SERVED_OFFSET: u64 = 12;

    /// Reads address and length from guest memory's bytes.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
        Self {
            address: u64::from(word(4)) << 32 | u64::from(word(0)),
            length: word(8),
            is_served: word(12),
        }
    }
}

const _: () = assert!(size_of::<Block>() == Block::SIZE);
const _: () = assert!(core::mem::offset_of!(Block, length) as u64 == Block::LENGTH_OFFSET);
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
    }
}
