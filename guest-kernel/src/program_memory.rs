// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The running program's memory as system calls reach it: through the kernel's state.
//!
//! A hundred places read or write there. So its functions take one reference instead of the two
//! that they need, and are not inlined.

use crate::arch::paging::{FaultAccess, Mapping};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::fault::FaultError;
use crate::mm::user::UserMemory;
use alloc::vec::Vec;

/// The memory of the program that runs.
pub struct ProgramMemory<'a>(&'a mut Kernel);

impl Kernel {
    /// The running program's memory.
    #[inline]
    pub fn memory(&mut self) -> ProgramMemory<'_> {
        ProgramMemory(self)
    }
}

impl ProgramMemory<'_> {
    fn parts(&mut self) -> UserMemory<'_> {
        UserMemory { space: &mut self.0.process.space, fs: &mut self.0.fs }
    }

    /// Copies from the program; all of it or an error.
    ///
    /// # Errors
    /// `EFAULT` if a byte is not there.
    #[inline(never)]
    pub fn read(mut self, address: UserAddr, bytes: &mut [u8]) -> Result<(), Errno> {
        self.parts().read(address, bytes)
    }

    /// Copies to the program; all of it or an error, in which case a part may have been written.
    ///
    /// # Errors
    /// `EFAULT` if a byte is not there or may not be written.
    #[inline(never)]
    pub fn write(mut self, address: UserAddr, bytes: &[u8]) -> Result<(), Errno> {
        self.parts().write(address, bytes)
    }

    /// Reads a 64-bit word.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn read_u64(self, address: UserAddr) -> Result<u64, Errno> {
        self.read_word(address, 8)
    }

    #[inline(never)]
    fn read_word(self, address: UserAddr, size: usize) -> Result<u64, Errno> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes[..size])?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads a 32-bit word.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn read_u32(self, address: UserAddr) -> Result<u32, Errno> {
        self.read_word(address, 4).map(|word| word as u32)
    }

    /// Copies a zero-terminated string of at most `max` bytes, without its zero.
    ///
    /// # Errors
    /// `EFAULT` if it is not all there; `too_long` if no zero is among the first `max + 1` bytes.
    #[inline(never)]
    pub fn read_string(
        mut self,
        address: UserAddr,
        max: u64,
        too_long: Errno,
    ) -> Result<Vec<u8>, Errno> {
        self.parts().read_string(address, max, too_long)
    }

    /// The page at `address`, brought in if need be.
    ///
    /// # Errors
    /// As for [`UserMemory::page`].
    pub fn page(mut self, address: UserAddr, access: FaultAccess) -> Result<Mapping, FaultError> {
        self.parts().page(address, access)
    }
}
