// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The frame that a signal handler runs on: `struct rt_sigframe` of x86-64 Linux
//! (`arch/x86/include/asm/sigframe.h`, `uapi/asm/sigcontext.h`, `uapi/asm/ucontext.h`).
//!
//! ```text
//! vector registers, aligned to 64, in the form of xsave
//! siginfo_t        128 bytes
//! ucontext_t       304 bytes: flags, link, stack, sigcontext (256), mask
//! return address     8 bytes: the handler returns to the program's call of rt_sigreturn
//! ```

use super::trap::{Registers, USER_CODE, USER_DATA};
use crate::proc::signal::SignalInfo;

/// Bytes of the frame below the vector registers.
pub const FRAME_SIZE: usize = 8 + CONTEXT_SIZE + INFO_SIZE;

const CONTEXT_SIZE: usize = 304;
/// Size of `siginfo_t`.
pub const INFO_SIZE: usize = 128;

const _: () = assert!(16 + SignalInfo::NR_FIELDS * 8 == INFO_SIZE);

/// Where the sigcontext's parts stand, in the frame.
const CONTEXT_OFFSET: usize = 8;
const STACK_OFFSET: usize = CONTEXT_OFFSET + 16;
const REGISTERS_OFFSET: usize = CONTEXT_OFFSET + 40;
const SELECTORS_OFFSET: usize = REGISTERS_OFFSET + 18 * 8;
const FAULT_ADDRESS_OFFSET: usize = SELECTORS_OFFSET + 4 * 8;
const VECTORS_OFFSET: usize = FAULT_ADDRESS_OFFSET + 8;
const MASK_OFFSET: usize = REGISTERS_OFFSET + 256;
const INFO_OFFSET: usize = CONTEXT_OFFSET + CONTEXT_SIZE;

const _: () = assert!(MASK_OFFSET + 8 == INFO_OFFSET);

/// The stack segment is valid: `UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`. The vector registers may say
/// how they are laid out: `UC_FP_XSTATE`.
const CONTEXT_FLAGS: u64 = 6;
const HAS_LAYOUT: u64 = 1;

/// Bytes below the stack pointer that the ABI gives to leaf functions.
const RED_ZONE: u64 = 128;

/// The red zone of a stack that a frame is put on.
#[must_use]
pub const fn below_red_zone(stack: u64) -> u64 {
    stack.wrapping_sub(RED_ZONE)
}

/// What stands in a frame besides the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The alternate stack: `stack_t`, as words.
    pub stack: [u64; 3],
    /// The address of a fault.
    pub fault_address: u64,
    /// Where the vector registers were saved, 0 for nowhere.
    pub vectors: u64,
    /// Whether they say how they are laid out.
    pub has_layout: bool,
    /// The signals that were blocked.
    pub mask: u64,
}

/// Lays `siginfo_t` out. Number 0 stands for nothing to tell.
#[must_use]
pub fn info_bytes(number: u8, info: &SignalInfo) -> [u8; INFO_SIZE] {
    let mut bytes = [0; INFO_SIZE];
    bytes[..4].copy_from_slice(&u32::from(number).to_le_bytes());
    bytes[4..8].copy_from_slice(&info.errno.to_le_bytes());
    bytes[8..12].copy_from_slice(&info.code.to_le_bytes());
    for (slot, field) in bytes[16..].chunks_exact_mut(8).zip(info.fields) {
        slot.copy_from_slice(&field.to_le_bytes());
    }
    bytes
}

/// Reads what a program says of a signal that it sends.
#[must_use]
pub fn parse_info(bytes: &[u8; INFO_SIZE]) -> SignalInfo {
    let half = |at: usize| i32::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
    let word = |at: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[at + i]));
    let fields = core::array::from_fn(|index| word(16 + index * 8));
    SignalInfo { errno: half(4), code: half(8), fields }
}

/// Lays the frame out. `restorer` is where the handler returns to.
#[must_use]
pub fn build(
    registers: &Registers,
    context: &Context,
    (number, info): (u8, &SignalInfo),
    restorer: u64,
) -> [u8; FRAME_SIZE] {
    let mut bytes = [0; FRAME_SIZE];
    let mut put = |offset: usize, word: u64| {
        bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    };
    put(0, restorer);
    put(CONTEXT_OFFSET, CONTEXT_FLAGS | if context.has_layout { HAS_LAYOUT } else { 0 });
    for (index, word) in context.stack.into_iter().enumerate() {
        put(STACK_OFFSET + index * 8, word);
    }
    for (index, register) in in_order(&mut registers.clone()).into_iter().enumerate() {
        put(REGISTERS_OFFSET + index * 8, *register);
    }
    put(REGISTERS_OFFSET + 17 * 8, registers.flags());
    put(SELECTORS_OFFSET, u64::from(USER_CODE) | u64::from(USER_DATA) << 48);
    put(FAULT_ADDRESS_OFFSET, context.fault_address);
    put(VECTORS_OFFSET, context.vectors);
    put(MASK_OFFSET, context.mask);
    bytes[INFO_OFFSET..].copy_from_slice(&info_bytes(number, info));
    bytes
}

/// Takes the registers out of a frame, which the program may have changed, and returns the rest.
pub fn restore(bytes: &[u8; FRAME_SIZE], registers: &mut Registers) -> Context {
    let word = |offset: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[offset + i]));
    for (index, register) in in_order(registers).into_iter().enumerate() {
        *register = word(REGISTERS_OFFSET + index * 8);
    }
    registers.set_instruction(registers.rip);
    registers.set_flags(word(REGISTERS_OFFSET + 17 * 8));
    Context {
        stack: core::array::from_fn(|index| word(STACK_OFFSET + index * 8)),
        fault_address: word(FAULT_ADDRESS_OFFSET),
        vectors: word(VECTORS_OFFSET),
        has_layout: word(CONTEXT_OFFSET) & HAS_LAYOUT != 0,
        mask: word(MASK_OFFSET),
    }
}

/// Makes the registers those of a handler at its first instruction.
pub fn enter_handler(registers: &mut Registers, handler: u64, number: u8, frame: u64) {
    registers.rdi = number.into();
    registers.rsi = frame + INFO_OFFSET as u64;
    registers.rdx = frame + CONTEXT_OFFSET as u64;
    registers.rax = 0;
    registers.rsp = frame;
    registers.set_instruction(handler);
    registers.set_flags(0);
}

/// The integer registers in the order of `struct sigcontext`, all but the flags.
fn in_order(registers: &mut Registers) -> [&mut u64; 17] {
    let Registers { r8, r9, r10, r11, r12, r13, r14, r15, .. } = registers;
    [
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14,
        r15,
        &mut registers.rdi,
        &mut registers.rsi,
        &mut registers.rbp,
        &mut registers.rbx,
        &mut registers.rdx,
        &mut registers.rax,
        &mut registers.rcx,
        &mut registers.rsp,
        &mut registers.rip,
    ]
}
