// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A process: its registers, its memory, its open files and its place in the tree.

use super::descriptors::Descriptors;
use crate::arch::{cpu, trap::Registers};
use crate::fs::InodeId;
use crate::mm::address::UserAddr;
use crate::mm::space::{AddressSpace, FaultError};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;

/// Number of the first process.
pub const FIRST_PID: u32 = 1;

/// What a process is at any time.
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Path that its program was started by, for messages.
    pub path: Vec<u8>,
    /// What it had when it last trapped. In a cell of its own, as the trap code writes to it.
    registers: Box<UnsafeCell<Registers>>,
    /// Its memory.
    pub space: AddressSpace,
    /// Its open files.
    pub descriptors: Descriptors,
    /// Its working directory, which it holds open.
    pub cwd: InodeId,
    /// Permission bits that new files do not get.
    pub umask: u16,
}

impl Process {
    /// The first process.
    #[must_use]
    pub fn first(path: &[u8], registers: Registers, space: AddressSpace, cwd: InodeId) -> Self {
        Self {
            pid: FIRST_PID,
            path: path.to_vec(),
            registers: Box::new(UnsafeCell::new(registers)),
            space,
            descriptors: Descriptors::on_console(),
            cwd,
            umask: 0o022,
        }
    }

    /// Makes the processor go on with this process at the next return from the kernel.
    pub fn make_current(&self) {
        self.space.tables().activate();
        cpu::set_frame(self.registers.get());
    }

    /// The permission bits of `mode` that a new file gets.
    #[must_use]
    pub fn masked(&self, mode: u64) -> u16 {
        (mode & 0o7777) as u16 & !self.umask
    }

    /// The instruction that the process is at.
    #[must_use]
    pub fn instruction(&self) -> u64 {
        // SAFETY: the trap code has no reference to the registers while other code of the kernel
        // asks for them.
        unsafe { (*self.registers.get()).rip }
    }
}

/// Why a program was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// The signal.
    pub signal: Signal,
    /// The address that was touched, where one was.
    pub address: Option<u64>,
}

impl Death {
    /// By an access to `address` that could not be served.
    #[must_use]
    pub fn by_fault(error: FaultError, address: UserAddr) -> Self {
        let signal = match error {
            FaultError::NotMapped | FaultError::NotAllowed => Signal::SIGSEGV,
            FaultError::BeyondFile => Signal::SIGBUS,
            FaultError::NoMemory => Signal::SIGKILL,
        };
        Self { signal, address: Some(address.0) }
    }
}

/// Signals that the kernel itself sends, by their numbers (`signal(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of signal(7)")]
pub enum Signal {
    SIGILL = 4,
    SIGTRAP = 5,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGSEGV = 11,
}

impl Signal {
    /// The signal that an exception of the processor becomes, as on Linux.
    #[must_use]
    pub const fn of_exception(vector: u8) -> Self {
        match vector {
            0 | 16 | 19 => Self::SIGFPE,
            1 | 3 => Self::SIGTRAP,
            6 => Self::SIGILL,
            11 | 12 | 17 => Self::SIGBUS,
            _ => Self::SIGSEGV,
        }
    }
}
