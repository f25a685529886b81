// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A thread: what the processor holds while a program runs. A process has one.

use crate::arch::{
    cpu,
    trap::Registers,
    vector::{self, VectorState},
};
use alloc::boxed::Box;
use core::cell::UnsafeCell;

/// The state of a thread that does not run.
pub struct Thread {
    /// Integer registers. In a cell of its own: the trap code writes to it behind Rust's back.
    registers: Box<UnsafeCell<Registers>>,
    /// Bases of FS and GS. Only system calls change them: CR4.FSGSBASE is off.
    bases: (u64, u64),
    /// Vector registers, as they were when the thread last stopped running.
    vectors: Option<VectorState>,
}

impl Thread {
    /// A thread at the start of a program.
    #[must_use]
    pub fn new(registers: Registers) -> Self {
        Self { registers: Box::new(UnsafeCell::new(registers)), bases: (0, 0), vectors: None }
    }

    /// A copy of the thread that runs, with its own registers.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn copy_running(&self, registers: Registers) -> Result<Self, vector::NoMemory> {
        let bases = self.bases;
        Ok(Self {
            registers: Box::new(UnsafeCell::new(registers)),
            bases,
            vectors: Some(VectorState::of_processor()?),
        })
    }

    /// A pointer to the registers, for the trap code.
    #[must_use]
    pub fn registers(&self) -> *mut Registers {
        self.registers.get()
    }

    /// The stack pointer of a thread that does not run.
    pub fn stack(&mut self) -> u64 {
        self.registers.get_mut().rsp
    }

    /// The registers of a thread that does not run, or whose trap is being served.
    ///
    /// # Safety
    /// Nobody else has a reference to them for as long as this one lives.
    #[expect(clippy::mut_from_ref, reason = "the registers lie in a cell of their own")]
    #[must_use]
    pub unsafe fn registers_mut(&self) -> &mut Registers {
        // SAFETY: the caller promises that this is the only reference.
        unsafe { &mut *self.registers.get() }
    }

    /// Makes traps save to this thread's registers.
    pub fn make_current(&self) {
        cpu::set_frame(self.registers.get());
    }

    /// Saves what the processor holds of the thread that runs besides its integer registers.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn save(&mut self) -> Result<(), vector::NoMemory> {
        match &mut self.vectors {
            Some(vectors) => vectors.save(),
            None => self.vectors = Some(VectorState::of_processor()?),
        }
        Ok(())
    }

    /// Brings back what [`Thread::save`] saved, or the state at the start of a program.
    pub fn restore(&self) {
        cpu::set_bases(self.bases.0, self.bases.1);
        match &self.vectors {
            Some(vectors) => vectors.restore(),
            None => vector::reset(),
        }
    }

    /// Gives up what [`Thread::save`] saved, of a thread that never runs again.
    pub fn forget_vectors(&mut self) {
        self.vectors = None;
    }

    /// Bases of FS and GS.
    #[must_use]
    pub fn bases(&self) -> (u64, u64) {
        self.bases
    }

    /// Sets the bases of FS and GS of the thread that runs.
    pub fn set_bases(&mut self, fs: u64, gs: u64) {
        self.bases = (fs, gs);
        cpu::set_bases(fs, gs);
    }

    /// Puts the thread at the start of a program.
    pub fn restart(&mut self, registers: Registers) {
        *self.registers.get_mut() = registers;
        self.bases = (0, 0);
        self.vectors = None;
    }
}
