// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's state, and what it does with each trap.

use crate::arch::{
    cpu,
    paging::FaultAccess,
    trap::{self, Registers, Trap},
    vector::VectorState,
};
use crate::clock::HostClock;
use crate::drivers::block::Disk;
use crate::errno::Errno;
use crate::fs::FileSystem;
use crate::mm::address::UserAddr;
use crate::mm::fault::FaultError;
use crate::mm::user::{Ranges, UserMemory};
use crate::proc::console_input::ConsoleInput;
use crate::proc::limits::INFINITY;
use crate::proc::process::{Process, State};
use crate::proc::schedule::Processes;
use crate::proc::signal::{Signal, SignalInfo};
use crate::proc::target::Look;
use crate::random::Random;
use crate::settings::Settings;
use crate::syscall::{self, Fail, missing::MissingCalls};
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// What a system call takes, by the clock that programs see.
pub const NS_PER_CALL: u64 = 1000;

/// `si_code` of a fault: the address is not mapped, or does not allow the access.
const SEGV_MAPERR: i32 = 1;
const SEGV_ACCERR: i32 = 2;
const BUS_ADRERR: i32 = 2;
const BUS_ADRALN: i32 = 1;

/// `si_code` of a division that has no result, of an instruction that does not exist, and of one
/// that was traced.
const FPE_INTDIV: i32 = 1;
const ILL_ILLOPN: i32 = 2;
const TRAP_TRACE: i32 = 2;

/// `si_code` of floating-point exceptions, by the bits of the x87 status word: of several, Linux
/// tells the first of these. The codes are `FPE_FLTINV`, `FLTDIV`, `FLTOVF`, `FLTUND`, `FLTRES`.
const FPE_CODES: [(u64, i32); 5] = [(0x01, 7), (0x04, 3), (0x08, 4), (0x12, 5), (0x20, 6)];

/// Everything that the kernel keeps but frames and heap, which are reached from everywhere.
pub struct Kernel {
    /// The files.
    pub fs: FileSystem,
    /// The process that runs.
    pub process: Box<Process>,
    /// All others.
    pub processes: Processes,
    /// What the run was told to do.
    pub settings: Settings,
    /// The disk that the output goes to.
    pub output: Option<Disk>,
    /// Calls that programs made and that are not provided.
    pub missing: MissingCalls,
    /// The host's clock, if the run goes by it.
    pub host_clock: Option<HostClock>,
    /// Standard input, if the run has one.
    pub input: Option<Rc<ConsoleInput>>,
    /// Where random bytes come from.
    pub random: Random,
    /// System calls served so far, which is also how time goes on.
    pub nr_calls: u64,
    /// The number of calls at which somebody else is to run, or a time has come.
    pub attention_at: u64,
    /// Time that all processes have waited, in nanoseconds.
    pub slept_ns: u64,
    /// The time up to which the running process's time is counted.
    pub charged_until: u64,
    /// Ranges of the call at hand, kept for their memory.
    pub ranges: Ranges,
}

impl Kernel {
    /// The time, in nanoseconds since 1970. It starts at a fixed date, goes on by a microsecond with
    /// each system call and by what programs sleep, so that a run takes the same time everywhere;
    /// unless the run goes by the host's clock.
    // Every other call asks for it, with two clocks to choose from.
    #[must_use]
    #[inline(never)]
    pub fn now(&self) -> u64 {
        let elapsed_ns = match &self.host_clock {
            None => self.nr_calls * NS_PER_CALL + self.slept_ns,
            Some(clock) => clock.elapsed_ns(),
        };
        self.settings.epoch_ns + elapsed_ns
    }

    /// What the running process sees when it looks whether something is ready.
    #[must_use]
    pub fn look(&self) -> Look {
        let signals = &self.process.signals;
        Look { now: self.now(), pending: signals.pending, nr_raised: signals.nr_raised }
    }

    /// The number of calls at which the clock will have reached `time_ns`. By the host's clock
    /// nobody knows; its ticks tell.
    #[must_use]
    pub fn calls_until(&self, time_ns: u64) -> u64 {
        if self.host_clock.is_some() {
            return u64::MAX;
        }
        self.nr_calls + time_ns.saturating_sub(self.now()).div_ceil(NS_PER_CALL)
    }

    /// Whether the call at hand, which may wait for so long, has waited long enough. Its first try
    /// sets the time.
    // Not inlined: each kind of call that waits asks.
    #[inline(never)]
    pub fn is_past_deadline(&mut self, duration_ns: u64) -> bool {
        let now = self.now();
        let deadline = *self.process.deadline.get_or_insert(now.saturating_add(duration_ns));
        deadline <= now
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

/// Whether a program can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The one that trapped can.
    Settled,
    /// [`Kernel::settle`] has to see which one can, after what.
    Unsettled,
}

struct Place(UnsafeCell<MaybeUninit<Kernel>>);

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Place {}

static KERNEL: Place = Place(UnsafeCell::new(MaybeUninit::uninit()));

/// Puts the kernel's state into its place and lets the first process run.
// Inlined, so that the state is put together where it belongs and not moved as a whole.
#[inline(always)]
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

/// Serves a trap: returns when a program is to go on, the same or another one.
pub fn serve_trap(registers: &mut Registers) {
    let trap = trap::classify(registers);
    // SAFETY: this is the entry from a program.
    let kernel = unsafe { entered() };
    let progress = match trap {
        Trap::SystemCall => kernel.enter_call(registers),
        Trap::Timer => kernel.serve_tick(),
        Trap::PageFault { address, access } => kernel.serve_fault(UserAddr(address), access),
        Trap::Exception(trap::INVALID_OPCODE) => kernel.serve_invalid_opcode(registers),
        Trap::Exception(vector) => kernel.serve_exception(vector, registers.rip),
    };
    if progress == Progress::Unsettled {
        kernel.settle();
    }
}

impl Kernel {
    /// A call, fresh from the program.
    #[inline]
    fn enter_call(&mut self, registers: &mut Registers) -> Progress {
        self.nr_calls += 1;
        self.make_call(registers)
    }

    /// Makes the call in the registers and puts its answer there, unless it has to wait.
    #[inline]
    pub fn make_call(&mut self, registers: &mut Registers) -> Progress {
        match syscall::call(self, registers) {
            Ok(value) => registers.rax = value,
            Err(Fail::Errno(errno)) => registers.rax = errno.as_return_value(),
            Err(Fail::Wait) => {
                self.process.has_call = true;
                self.process.state = State::Waiting;
                if let Some(deadline) = self.process.deadline {
                    self.processes.add_timer(deadline, self.process.pid);
                }
                return Progress::Unsettled;
            }
            Err(Fail::Settled) => return Progress::Unsettled,
        }
        self.process.deadline = None;
        if self.process.state != State::Ready
            || self.nr_calls >= self.attention_at
            || self.process.signals.is_any_due()
        {
            Progress::Unsettled
        } else {
            Progress::Settled
        }
    }

    #[inline]
    fn serve_fault(&mut self, address: UserAddr, access: FaultAccess) -> Progress {
        cpu::update_record(|record| record.page_faults += 1);
        let Err(error) = self.process.space.fault(&mut self.fs, address, access) else {
            return Progress::Settled;
        };
        let (signal, code) = match error {
            FaultError::NotMapped => (Signal::SIGSEGV, SEGV_MAPERR),
            FaultError::NotAllowed => (Signal::SIGSEGV, SEGV_ACCERR),
            FaultError::BeyondFile => (Signal::SIGBUS, BUS_ADRERR),
            FaultError::NoMemory => (Signal::SIGKILL, SignalInfo::KERNEL),
        };
        self.force_signal(signal, SignalInfo::of_fault(code, address.0))
    }

    /// An exception that no page can mend. Some tell at which instruction.
    fn serve_exception(&mut self, vector: u8, instruction: u64) -> Progress {
        let info = match vector {
            trap::DIVISION => SignalInfo::of_fault(FPE_INTDIV, instruction),
            trap::DEBUG => SignalInfo::of_fault(TRAP_TRACE, instruction),
            trap::ALIGNMENT => SignalInfo::of_fault(BUS_ADRALN, 0),
            trap::X87 | trap::SIMD => {
                let exceptions = VectorState::of_processor().map_or(0, |it| it.exceptions(vector));
                let code = FPE_CODES.iter().find(|&&(bits, _)| exceptions & bits != 0);
                let code = code.map_or(SignalInfo::KERNEL, |&(_, code)| code);
                SignalInfo::of_fault(code, instruction)
            }
            _ => SignalInfo::of_kernel(),
        };
        self.force_signal(Signal::of_exception(vector), info)
    }

    /// Where supervisor mode is interpreted, `int n` arrives as an invalid opcode: n = 0x80 is a
    /// system call, and any other one is what a program may not do.
    fn serve_invalid_opcode(&mut self, registers: &mut Registers) -> Progress {
        let mut bytes = [0; trap::INT80.len()];
        let is_read = self.memory().read(UserAddr(registers.rip), &mut bytes).is_ok();
        if is_read && bytes == trap::INT80 {
            registers.set_instruction(registers.rip + trap::INT80.len() as u64);
            return self.enter_call(registers);
        }
        match is_read && bytes[0] == trap::INT80[0] {
            true => self.force_signal(Signal::SIGSEGV, SignalInfo::of_kernel()),
            false => {
                let info = SignalInfo::of_fault(ILL_ILLOPN, registers.rip);
                self.force_signal(Signal::SIGILL, info)
            }
        }
    }

    /// A signal that the program cannot put off, as it cannot go on: if it is blocked or ignored
    /// the program ends by it.
    pub fn force_signal(&mut self, signal: Signal, info: SignalInfo) -> Progress {
        let signals = &mut self.process.signals;
        if signals.blocked.has(signal) || signals.ignores(signal) {
            signals.blocked.remove(signal);
            signals.set_action(signal, crate::proc::signal::Action::default());
        }
        signals.raise(signal, info, INFINITY);
        Progress::Unsettled
    }
}
