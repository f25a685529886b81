// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The assembly of the boot, with the numbers that it shares with Rust.

use super::{cpu, layout, paging, trap};
use crate::drivers::serial;
use seed_protocols::{console_output, early_memory, pvh, record};

const CR0_PE: u32 = 1 << 0;
const CR0_MP: u32 = 1 << 1;
const CR0_ET: u32 = 1 << 4;
const CR0_NE: u32 = 1 << 5;
const CR0_WP: u32 = 1 << 16;
const CR0_AM: u32 = 1 << 18;
const CR0_PG: u32 = 1 << 31;

const CR4_PAE: u32 = 1 << 5;
const CR4_MCE: u32 = 1 << 6;
const CR4_OSFXSR: u32 = 1 << 9;
const CR4_OSXMMEXCPT: u32 = 1 << 10;

const MSR_EFER: u32 = 0xc000_0080;
const EFER_SCE: u32 = 1 << 0;
const EFER_LME: u32 = 1 << 8;
const EFER_NXE: u32 = 1 << 11;

/// Sets the processor up, in ring 0.
extern "C" fn cpu_init() {
    cpu::init();
}

core::arch::global_asm!(
    include_str!("tables.S"),
    TSS = const layout::TSS,
    TEXT = const layout::TEXT,
    IMAGE_ALIAS = const layout::IMAGE_ALIAS,
    VECTORS = const layout::VECTORS,
    VECTOR_STRIDE = const layout::VECTOR_STRIDE,
    TIMER_VECTOR = const trap::TIMER_VECTOR,
    SPURIOUS_VECTOR = const trap::SPURIOUS_VECTOR,
);

core::arch::global_asm!(
    include_str!("entry.S"),
    NOTE_PHYS32_ENTRY = const pvh::NOTE_PHYS32_ENTRY,
    NOTE_RECORD = const record::NOTE_RECORD,
    NOTE_EARLY_MEMORY = const early_memory::NOTE_EARLY_MEMORY,
    NOTE_CONSOLE_BLOCK = const console_output::NOTE_CONSOLE_BLOCK,
    EARLY_MEMORY_END = const layout::EARLY_MEMORY_END,
    STACK_SIZE = const layout::STACK_SIZE,
    STACK_TOP = const layout::STACK_BOTTOM + layout::STACK_SIZE,
    KERNEL_FLAGS = const trap::KERNEL_FLAGS,
    USER_CODE = const trap::USER_CODE,
    USER_DATA = const trap::USER_DATA,
    USER_TABLE = const paging::TABLE,
    RING0_TABLE = const paging::TABLE & !paging::USER,
    cpu_init = sym cpu_init,
    FIFO_CONTROL = const serial::FIFO_CONTROL,
    FIFO_ENABLE_AND_CLEAR = const serial::FIFO_ENABLE_AND_CLEAR,
    CR0 = const CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG,
    CR4 = const CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT,
    MSR_EFER = const MSR_EFER,
    EFER = const EFER_SCE | EFER_LME | EFER_NXE,
);
