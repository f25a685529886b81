// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Traps: the register frame, and what an interrupt, a fault or a system call means.
//!
//! A system call arrives in one of three ways, and [`classify`] makes them one:
//! the `syscall` instruction; `int $0x80`; and, where a KVM interprets supervisor mode and does not
//! know `syscall`, a page fault from ring 3 at the very address of the entry, with `rcx` and `r11`
//! set as `syscall` sets them. A program that jumps there itself gains nothing by it. On such a
//! machine `int $0x80` is an invalid opcode.

use super::{cpu, layout, paging::FaultAccess};
use crate::mm::address::UserAddr;
use core::mem::offset_of;

/// Vector number that stands for the `syscall` instruction; no interrupt has it.
pub const VECTOR_SYSCALL: u64 = 0x7f;

/// Vector of `int $0x80`, as its stub pushes it.
pub const VECTOR_INT80: u64 = 0x7e;

/// Vector of the local APIC's timer.
pub const TIMER_VECTOR: u8 = 0x20;

/// Vector of an interrupt that was taken back as it was delivered. Served as the timer's: one that
/// comes without a reason is one that nothing comes of. Its low four bits must be set on old
/// processors (Intel SDM volume 3, 10.9).
pub const SPURIOUS_VECTOR: u8 = 0x2f;

/// Vector of an invalid opcode.
pub const INVALID_OPCODE: u8 = 6;

/// Vector of a page fault.
const PAGE_FAULT: u64 = 14;

/// The timer's vector, as its stub pushes it.
const TIMER_NUMBER: u64 = TIMER_VECTOR as u64;

/// The exception of a division that has no result.
pub const DIVISION: u8 = 0;

/// The exception after an instruction that was to be the only one.
pub const DEBUG: u8 = 1;

/// The exception of x87 instructions.
pub const X87: u8 = 16;

/// The exception of an address that is not aligned, for programs that asked for it.
pub const ALIGNMENT: u8 = 17;

/// The exception of SSE and AVX instructions.
pub const SIMD: u8 = 19;

/// Selector of programs' code.
pub const USER_CODE: u16 = 0x33;

/// Selector of programs' data and stack.
pub const USER_DATA: u16 = 0x2b;

/// Flags that a program may set; the rest are forced (Intel SDM volume 1, 3.4.3).
const USER_FLAGS: u64 = 0x0024_4dd5;

/// Flags of the kernel: only the reserved bit 1, so interrupts are off.
pub const KERNEL_FLAGS: u64 = 1 << 1;

/// What a trap out of ring 3 is for (traps.S), by the place of its handler there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Request {
    /// The program runs: the kernel is to serve it.
    Serve = 0,
    /// The kernel goes on with the program.
    Resume = 1,
    /// The kernel runs: it is a fault of its own.
    Fault = 2,
    /// The kernel goes on with the program, after the bases of FS and GS are loaded.
    ResumeWithBases = 3,
    /// A byte is to be read from a port; the kernel goes on, as after all that follow.
    ReadPort = 4,
    /// A 16-bit word is to be written to a port.
    WritePort = 5,
    /// Bytes are to be written to a port, and one to be read from another.
    WritePortBytes = 6,
    /// Device registers are to be written, and others read.
    Registers = 7,
    /// The next interrupt is to be waited for.
    Halt = 8,
}

/// Flags that are always on: the reserved bit 1 and the interrupt flag.
const FORCED_FLAGS: u64 = 0x202;

/// The registers of a thread.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
#[expect(missing_docs, reason = "the names are those of the registers")]
pub struct Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rax: u64,
    pub rip: u64,
    pub rsp: u64,
    rflags: u64,
    /// What the last trap was, and its error code if it was an exception.
    vector: u64,
    error: u64,
}

impl Registers {
    /// The registers of a program at its first instruction.
    #[must_use]
    pub fn at_start(entry: UserAddr, stack: UserAddr) -> Self {
        let mut registers = Self { rsp: stack.0, rflags: FORCED_FLAGS, ..Self::default() };
        registers.set_instruction(entry.0);
        registers
    }

    /// Makes the program make its call again. Both instructions for it are two bytes long.
    pub fn repeat_call(&mut self) {
        self.rip -= SYSCALL_SIZE;
    }

    /// Argument `index` of a system call, counted from 0.
    #[must_use]
    #[inline]
    pub fn argument(&self, index: u8) -> u64 {
        match index {
            0 => self.rdi,
            1 => self.rsi,
            2 => self.rdx,
            3 => self.r10,
            4 => self.r8,
            _ => self.r9,
        }
    }

    /// The flags as the program sees them.
    #[must_use]
    pub fn flags(&self) -> u64 {
        self.rflags
    }

    /// Sets the flags that a program may set.
    pub fn set_flags(&mut self, flags: u64) {
        self.rflags = flags & USER_FLAGS | FORCED_FLAGS;
    }

    /// Sets the instruction pointer to an address that a program gave. Returning to an address
    /// that is not canonical would fault in the kernel; such ones become one that faults outside.
    pub fn set_instruction(&mut self, address: u64) {
        self.rip = if address < layout::USER_END { address } else { layout::USER_END };
    }
}

/// Bytes of the instructions `syscall` and `int $0x80`.
const SYSCALL_SIZE: u64 = 2;

/// What a trap out of a program means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// A system call; the number is in `rax`.
    SystemCall,
    /// A page fault.
    PageFault {
        /// The address that was touched.
        address: u64,
        /// What was tried.
        access: FaultAccess,
    },
    /// The timer's interrupt.
    Timer,
    /// Another exception, by its vector.
    Exception(u8),
}

/// Tells what a trap out of a program means and brings the frame into the form that a system call
/// has everywhere: `rip` behind the instruction.
#[inline]
pub fn classify(registers: &mut Registers) -> Trap {
    match registers.vector {
        VECTOR_SYSCALL | VECTOR_INT80 => Trap::SystemCall,
        PAGE_FAULT if registers.rip == cpu::syscall_entry_address() => {
            registers.set_instruction(registers.rcx);
            registers.set_flags(registers.r11);
            Trap::SystemCall
        }
        PAGE_FAULT => Trap::PageFault {
            address: cpu::fault_address_of_trap(),
            access: FaultAccess::from_error_code(registers.error),
        },
        TIMER_NUMBER => {
            // It came between `syscall` and the page fault that this is where supervisor mode is
            // interpreted: the program makes the call once more.
            if registers.rip == cpu::syscall_entry_address() {
                registers.set_instruction(registers.rcx.wrapping_sub(SYSCALL_SIZE));
                registers.set_flags(registers.r11);
            }
            Trap::Timer
        }
        #[expect(clippy::cast_possible_truncation, reason = "the stubs push numbers below 32")]
        vector => Trap::Exception(vector as u8),
    }
}

/// Length of `int $0x80`, which arrives as an invalid opcode where KVM interprets ring 0.
pub const INT80: [u8; 2] = [0xcd, 0x80];

unsafe extern "C" {
    /// Goes on with the thread whose registers are current.
    fn resume() -> !;
}

/// Goes on with the thread whose registers were made current by [`cpu::set_frame`].
pub fn resume_current() -> ! {
    // SAFETY: `set_frame` took a frame whose selectors and flags are a program's, and whose
    // addresses are canonical; the kernel stack is given up, as nobody returns here.
    unsafe { resume() }
}

extern "C" fn serve_trap(registers: &mut Registers) {
    crate::serve_trap(registers);
}

extern "C" fn report_kernel_fault(vector: u64, error: u64, instruction: u64) -> ! {
    panic!(
        "exception {vector} in the kernel at {instruction:#x}, error {error:#x}, last page fault at \
         {:#x}",
        cpu::fault_address_of_trap()
    )
}

core::arch::global_asm!(
    include_str!("traps.S"),
    IMAGE_ALIAS = const layout::IMAGE_ALIAS,
    VECTOR_STRIDE = const layout::VECTOR_STRIDE,
    VECTOR_SYSCALL = const VECTOR_SYSCALL,
    VECTOR_INT80 = const VECTOR_INT80,
    TIMER_VECTOR = const TIMER_VECTOR,
    MSR_FS_BASE = const cpu::MSR_FS_BASE,
    MSR_GS_BASE = const cpu::MSR_GS_BASE,
    VECTOR_PAGE_FAULT = const PAGE_FAULT,
    USER_CODE = const USER_CODE,
    USER_DATA = const USER_DATA,
    KERNEL_FLAGS = const KERNEL_FLAGS,
    STACK_TOP = const layout::STACK_BOTTOM + layout::STACK_SIZE,
    REQUEST_SERVE = const Request::Serve as u32,
    REQUEST_RESUME = const Request::Resume as u32,
    REQUEST_FAULT = const Request::Fault as u32,
    RAX = const offset_of!(Registers, rax),
    RIP = const offset_of!(Registers, rip),
    RSP = const offset_of!(Registers, rsp),
    FLAGS = const offset_of!(Registers, rflags),
    VECTOR = const offset_of!(Registers, vector),
    ERROR = const offset_of!(Registers, error),
    R15 = const offset_of!(Registers, r15),
    R14 = const offset_of!(Registers, r14),
    R13 = const offset_of!(Registers, r13),
    R12 = const offset_of!(Registers, r12),
    RBP = const offset_of!(Registers, rbp),
    RBX = const offset_of!(Registers, rbx),
    R11 = const offset_of!(Registers, r11),
    R10 = const offset_of!(Registers, r10),
    R9 = const offset_of!(Registers, r9),
    R8 = const offset_of!(Registers, r8),
    RCX = const offset_of!(Registers, rcx),
    RDX = const offset_of!(Registers, rdx),
    RSI = const offset_of!(Registers, rsi),
    RDI = const offset_of!(Registers, rdi),
    serve_trap = sym serve_trap,
    report_kernel_fault = sym report_kernel_fault,
);
