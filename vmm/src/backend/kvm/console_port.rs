// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The console port: console output that the kernel hands over in blocks (`console_output` of the
//! protocols).

use seed_protocols::console_output::Block;
use vm_memory::{
    Bytes as _, GuestAddress, GuestMemoryBackend as _, GuestMemoryError, GuestMemoryMmap,
};

/// Bytes that are taken by one access: between two of them the monitor looks at time limit and terminal.
const PIECE_MAX: u32 = 64 << 10;

/// The port of a kernel that may have a block for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConsolePort(Option<u64>);

/// Why a block was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal<E> {
    /// The kernel has no block, or its bytes do not lie in RAM.
    Guest,
    /// The bytes could not be passed on.
    Sink(E),
}

impl<E> From<GuestMemoryError> for Refusal<E> {
    fn from(_: GuestMemoryError) -> Self {
        Self::Guest
    }
}

impl ConsolePort {
    /// The port of a kernel with a block at `address`.
    pub(super) const fn new(address: Option<u64>) -> Self {
        Self(address)
    }

    /// Passes the first bytes of the block to `sink`, and takes them off the kernel.
    ///
    /// # Errors
    /// Nothing was taken.
    pub(super) fn take<E>(
        self,
        memory: &GuestMemoryMmap<()>,
        sink: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), Refusal<E>> {
        let place = GuestAddress(self.0.ok_or(Refusal::Guest)?);
        let mut bytes = [0; Block::SIZE];
        memory.read_slice(&mut bytes, place)?;
        let block = Block::parse(&bytes);
        // All of them are checked before the first goes out.
        if !memory.check_range(GuestAddress(block.address), block.length as usize) {
            return Err(Refusal::Guest);
        }
        let count = block.length.min(PIECE_MAX);
        let mut piece = vec![0; count as usize];
        memory.read_slice(&mut piece, GuestAddress(block.address))?;
        sink(&piece).map_err(Refusal::Sink)?;
        Ok(memory.write_slice(&block.without(count).to_bytes(), place)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = 0x100;
    const RAM: usize = 1 << 20;

    /// RAM with a block in it, and what the port makes of it by one access.
    fn take(address: u64, length: u32) -> (Result<(), Refusal<()>>, Vec<u8>, Block) {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
        let text: Vec<_> = (0..RAM - 0x1000).map(|index| (index % 251) as u8).collect();
        memory.write_slice(&text, GuestAddress(0x1000)).unwrap();
        let block = Block { address, length, is_served: 1 };
        memory.write_slice(&block.to_bytes(), GuestAddress(BLOCK)).unwrap();
        let mut taken = Vec::new();
        let result = ConsolePort::new(Some(BLOCK)).take(&memory, |bytes| {
            taken.extend_from_slice(bytes);
            Ok(())
        });
        let mut left = [0; Block::SIZE];
        memory.read_slice(&mut left, GuestAddress(BLOCK)).unwrap();
        (result, taken, Block::parse(&left))
    }

    #[test]
    fn a_piece_goes_out_and_the_block_names_the_rest() {
        for length in [0, 1, PIECE_MAX - 1, PIECE_MAX, PIECE_MAX + 1, RAM as u32 - 0x1001] {
            let (result, taken, left) = take(0x1001, length);
            let count = length.min(PIECE_MAX);
            let expected: Vec<_> = (1..=count).map(|index| (index % 251) as u8).collect();
            assert_eq!((result, taken == expected), (Ok(()), true), "{length}");
            let rest = Block { address: 0x1001, length, is_served: 1 }.without(count);
            assert_eq!(left, rest, "{length}");
        }
    }

    #[test]
    fn bytes_outside_of_ram_are_refused_and_stay_the_kernels() {
        let end = RAM as u64;
        for (address, length) in [(end - 1, 2), (end, 1), (u64::MAX, 1), (u64::MAX - 1, u32::MAX)] {
            let block = Block { address, length, is_served: 1 };
            assert_eq!(take(address, length), (Err(Refusal::Guest), Vec::new(), block));
        }
    }

    #[test]
    fn a_kernel_without_a_block_is_refused() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
        let result = ConsolePort::new(None).take(&memory, |_| Err(()));
        assert_eq!(result, Err(Refusal::Guest));
    }

    #[test]
    fn a_broken_sink_is_told() {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
        let block = Block { address: 0, length: 1, is_served: 1 };
        memory.write_slice(&block.to_bytes(), GuestAddress(BLOCK)).unwrap();
        let result = ConsolePort::new(Some(BLOCK)).take(&memory, |_| Err("gone"));
        assert_eq!(result, Err(Refusal::Sink("gone")));
    }
}
