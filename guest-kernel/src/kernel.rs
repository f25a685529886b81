// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's state, and what it does with each trap.

use crate::arch::{
    cpu,
    paging::FaultAccess,
    trap::{self, Outcome, Registers, Trap},
};
use crate::drivers::block::Disk;
use crate::end;
use crate::errno::Errno;
use crate::fs::FileSystem;
use crate::mm::address::UserAddr;
use crate::mm::user::{Ranges, UserMemory};
use crate::proc::process::{Death, Process, Signal};
use crate::random::Random;
use crate::settings::Settings;
use crate::syscall::{self, missing::MissingCalls};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// What a system call takes, by the clock that programs see.
const NS_PER_CALL: u64 = 1000;

/// Everything that the kernel keeps but frames and heap, which are reached from everywhere.
pub struct Kernel {
    /// The files.
    pub fs: FileSystem,
    /// The process that runs.
    pub process: Process,
    /// What the run was told to do.
    pub settings: Settings,
    /// The disk that the output goes to.
    pub output: Option<Disk>,
    /// Calls that programs made and that are not provided.
    pub missing: MissingCalls,
    /// Where random bytes come from.
    pub random: Random,
    /// System calls served so far, which is also how time goes on.
    pub nr_calls: u64,
    /// Time that programs have slept, in nanoseconds.
    pub slept_ns: u64,
    /// Ranges of the call at hand, kept for their memory.
    pub ranges: Ranges,
}

impl Kernel {
    /// The running program's memory.
    #[inline]
    pub fn memory(&mut self) -> UserMemory<'_> {
        UserMemory { space: &mut self.process.space, fs: &mut self.fs }
    }

    /// The time, in nanoseconds since 1970. It starts at a fixed date, goes on by a microsecond with
    /// each system call and by what programs sleep, so that a run takes the same time everywhere.
    #[must_use]
    #[inline]
    pub fn now(&self) -> u64 {
        self.settings.epoch_ns + self.nr_calls * NS_PER_CALL + self.slept_ns
    }

    /// Clears the ranges for the next buffer, and collects it.
    ///
    /// # Errors
    /// As for [`UserMemory::collect`].
    pub fn collect(&mut self, address: u64, len: u64, access: FaultAccess) -> Result<u64, Errno> {
        self.ranges.clear();
        let mut memory = UserMemory { space: &mut self.process.space, fs: &mut self.fs };
        memory.collect(UserAddr(address), len, access, &mut self.ranges)
    }
}

struct Place(UnsafeCell<MaybeUninit<Kernel>>);

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Place {}

static KERNEL: Place = Place(UnsafeCell::new(MaybeUninit::uninit()));

/// Puts the kernel's state into its place and lets the first process run.
pub fn run(kernel: Kernel) -> ! {
    // SAFETY: traps, which use the place, come only from a program, and none has run yet.
    let kernel = unsafe { (*KERNEL.0.get()).write(kernel) };
    kernel.process.make_current();
    cpu::update_record(|record| record.first_user_tsc = cpu::time_stamp());
    trap::resume_current()
}

/// The kernel's state, for a trap.
///
/// # Safety
/// Called once in each entry from a program, whose handling ends before the next.
unsafe fn entered() -> &'static mut Kernel {
    // SAFETY: `run` filled the place before any program ran; the caller is the only one now.
    unsafe { (*KERNEL.0.get()).assume_init_mut() }
}

/// Serves a trap, or says that it needs all registers.
pub fn trap_first(registers: &mut Registers) -> Outcome {
    let trap = trap::classify(registers);
    // SAFETY: this is the entry from a program.
    let kernel = unsafe { entered() };
    match trap {
        Trap::SystemCall => syscall::dispatch(kernel, registers),
        Trap::PageFault { address, access } => {
            cpu::update_record(|record| record.page_faults += 1);
            let address = UserAddr(address);
            match kernel.process.space.fault(&mut kernel.fs, address, access) {
                Ok(()) => {}
                Err(error) => kernel.kill(Death::by_fault(error, address)),
            }
        }
        Trap::Exception(vector) => {
            if vector == trap::INVALID_OPCODE && kernel.is_int80(registers.rip) {
                registers.set_instruction(registers.rip + trap::INT80.len() as u64);
                syscall::dispatch(kernel, registers);
            } else {
                kernel.kill(Death { signal: Signal::of_exception(vector), address: None });
            }
        }
    }
    Outcome::Resume
}

impl Kernel {
    fn is_int80(&mut self, instruction: u64) -> bool {
        let mut bytes = [0; trap::INT80.len()];
        self.memory().read(UserAddr(instruction), &mut bytes).is_ok() && bytes == trap::INT80
    }

    /// Ends the program by a signal, with a line that says why.
    fn kill(&mut self, death: Death) -> ! {
        end::report_death(&self.process, death);
        end::finish(self, end::Last::Killed(death.signal))
    }
}

/// Goes on with a trap that needs all registers.
pub fn trap_second() {}
