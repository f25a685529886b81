// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The console port: console output that the kernel hands over in blocks (`console_output` of the
//! protocols).

use seed_protocols::console_output::Block;
use vm_memory::{
    Bytes as _, GuestAddress, GuestMemoryBackend as _, GuestMemoryError, GuestMemoryMmap,
};

/// Bytes that are copied out of guest memory at once.
const PIECE_MAX: usize = 64 << 10;

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

    /// Passes the block's bytes to `sink`, in pieces, and takes them off the kernel.
    ///
    /// # Errors
    /// Nothing, or after a failure of `sink` not all, was taken.
    pub(super) fn take<E>(
        self,
        memory: &GuestMemoryMmap<()>,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), Refusal<E>> {
        let place = GuestAddress(self.0.ok_or(Refusal::Guest)?);
        let mut bytes = [0; Block::SIZE];
        memory.read_slice(&mut bytes, place)?;
        let Block { address, length, .. } = Block::parse(&bytes);
        // All of them are checked before the first goes out.
        if !memory.check_range(GuestAddress(address), length as usize) {
            return Err(Refusal::Guest);
        }
        let end = address + u64::from(length);
        let mut piece = vec![0; PIECE_MAX.min(length as usize)];
        for start in (address..end).step_by(PIECE_MAX) {
            let piece = &mut piece[..PIECE_MAX.min((end - start) as usize)];
            memory.read_slice(piece, GuestAddress(start))?;
            sink(piece).map_err(Refusal::Sink)?;
        }
        let taken = 0_u32.to_le_bytes();
        Ok(memory.write_slice(&taken, GuestAddress(place.0 + Block::LENGTH_OFFSET))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: u64 = 0x100;
    const RAM: usize = 1 << 20;

    /// RAM with a block in it, and what the port makes of it.
    fn take(address: u64, length: u32) -> (Result<(), Refusal<()>>, Vec<u8>, u32) {
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
        let text: Vec<_> = (0..RAM - 0x1000).map(|index| (index % 251) as u8).collect();
        memory.write_slice(&text, GuestAddress(0x1000)).unwrap();
        memory.write_slice(&address.to_le_bytes(), GuestAddress(BLOCK)).unwrap();
        let length_at = GuestAddress(BLOCK + Block::LENGTH_OFFSET);
        memory.write_slice(&length.to_le_bytes(), length_at).unwrap();
        let mut taken = Vec::new();
        let result = ConsolePort::new(Some(BLOCK)).take(&memory, |bytes| {
            taken.extend_from_slice(bytes);
            Ok(())
        });
        (result, taken, memory.read_obj(length_at).unwrap())
    }

    #[test]
    fn a_block_of_any_length_goes_out_whole() {
        for length in [0, 1, PIECE_MAX - 1, PIECE_MAX, PIECE_MAX + 1, RAM - 0x1001] {
            let (result, taken, left) = take(0x1001, length as u32);
            let expected: Vec<_> = (1..=length).map(|index| (index % 251) as u8).collect();
            assert_eq!((result, taken == expected, left), (Ok(()), true, 0), "{length}");
        }
    }

    #[test]
    fn bytes_outside_of_ram_are_refused_and_stay_the_kernels() {
        let end = RAM as u64;
        for (address, length) in [(end - 1, 2), (end, 1), (u64::MAX, 1), (u64::MAX - 1, u32::MAX)] {
            assert_eq!(take(address, length), (Err(Refusal::Guest), Vec::new(), length));
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
        memory
            .write_slice(&1_u32.to_le_bytes(), GuestAddress(BLOCK + Block::LENGTH_OFFSET))
            .unwrap();
        let result = ConsolePort::new(Some(BLOCK)).take(&memory, |_| Err("gone"));
        assert_eq!(result, Err(Refusal::Sink("gone")));
    }
}
