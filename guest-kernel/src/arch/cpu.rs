// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The processor: its control registers, model-specific registers, features and task state.

use super::features;
use super::trap::{Registers, Request};
use core::arch::asm;
use core::cell::Cell;
use seed_protocols::processor::STATE_COMPONENTS;
use seed_protocols::record::Record;

const MSR_STAR: u32 = 0xc000_0081;
const MSR_LSTAR: u32 = 0xc000_0082;
const MSR_CSTAR: u32 = 0xc000_0083;
const MSR_SFMASK: u32 = 0xc000_0084;
/// Model-specific register of FS's base.
pub const MSR_FS_BASE: u32 = 0xc000_0100;
/// Model-specific register of GS's base.
pub const MSR_GS_BASE: u32 = 0xc000_0101;

/// Flags that `syscall` clears: trap, interrupt, direction, nested task, alignment check.
const SYSCALL_CLEARED_FLAGS: u64 = 0x4_4700;

/// `syscall` loads CS 0x10 and SS 0x18. `sysret` is not used.
const STAR: u64 = 0x10 << 32;

/// Leaf 7 ECX and leaf 1 ECX of CPUID: the features behind the control bits that follow.
const CPUID7_ECX_UMIP: u32 = 1 << 2;
const CPUID1_ECX_XSAVE: u32 = 1 << 26;

const CR4_UMIP: u64 = 1 << 11;
const CR4_OSXSAVE: u64 = 1 << 18;

/// A value of the one CPU, which nothing interrupts.
#[repr(transparent)]
pub(super) struct PerCpu<T>(pub(super) Cell<T>);

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl<T> Sync for PerCpu<T> {}

/// The record that a monitor may read, see `seed_protocols::record`.
#[unsafe(no_mangle)]
static kernel_record: PerCpu<Record> = PerCpu(Cell::new(Record {
    entered_tsc: 0,
    first_user_tsc: 0,
    ended_tsc: 0,
    system_calls: 0,
    missing_calls: 0,
    page_faults: 0,
    interruptions: 0,
}));

unsafe extern "C" {
    static syscall_entry_alias: u64;
    static fault_address: PerCpu<u64>;
    static registers: PerCpu<*mut Registers>;
    static next_tables: PerCpu<u64>;
    static next_fs_base: PerCpu<u64>;
    static next_gs_base: PerCpu<u64>;
    static resume_request: PerCpu<Request>;
}

/// Sets up what the boot left: the `syscall` instruction, and the features that this CPU has and
/// programs want. Runs in ring 0.
pub fn init() {
    write_msr(MSR_STAR, STAR);
    write_msr(MSR_LSTAR, syscall_entry_address());
    // No program can come from 32-bit code; if one could, it would come to a place of ours.
    write_msr(MSR_CSTAR, syscall_entry_address());
    write_msr(MSR_SFMASK, SYSCALL_CLEARED_FLAGS);
    // Above the highest leaf Intel's processors repeat that leaf, so it is asked for first.
    let (max_leaf, vendor_1, vendor_3, vendor_2) = cpuid(0, 0);
    let leaf1 = cpuid(1, 0);
    let leaf7 = if max_leaf >= 7 { cpuid(7, 0) } else { (0, 0, 0, 0) };
    features::note([vendor_1, vendor_2, vendor_3], leaf1.2, leaf7.1);
    let has_umip = leaf7.2 & CPUID7_ECX_UMIP != 0;
    let has_xsave = leaf1.2 & CPUID1_ECX_XSAVE != 0;
    let wanted = if has_umip { CR4_UMIP } else { 0 } | if has_xsave { CR4_OSXSAVE } else { 0 };
    if wanted != 0 {
        set_cr4_bits(wanted);
    }
    if has_xsave {
        set_xcr0(cpuid(0xd, 0).0 & STATE_COMPONENTS);
    }
}

/// EAX, EBX, ECX and EDX of a CPUID leaf's subleaf.
#[must_use]
pub fn cpuid(leaf: u32, subleaf: u32) -> (u32, u32, u32, u32) {
    let result = core::arch::x86_64::__cpuid_count(leaf, subleaf);
    (result.eax, result.ebx, result.ecx, result.edx)
}

/// The address that `syscall` leads to.
#[must_use]
#[inline]
pub fn syscall_entry_address() -> u64 {
    // SAFETY: the assembly defines it, and nobody writes it.
    unsafe { syscall_entry_alias }
}

/// Changes the record that a monitor may read.
#[inline]
pub fn update_record(change: impl FnOnce(&mut Record)) {
    let mut record = kernel_record.0.get();
    change(&mut record);
    kernel_record.0.set(record);
}

/// Makes these registers the ones that traps save to and that the kernel returns with.
///
/// They must stay where they are until others are set.
#[inline]
pub fn set_frame(frame: *mut Registers) {
    // SAFETY: the assembly defines it, and reads it only when the kernel is entered or returns.
    unsafe { registers.0.set(frame) }
}

/// The time stamp counter.
#[must_use]
#[inline]
pub fn time_stamp() -> u64 {
    // SAFETY: reading the counter has no other effect.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The address of the last page fault.
#[must_use]
#[inline]
pub fn fault_address_of_trap() -> u64 {
    // SAFETY: the assembly defines it, and writes it only before the kernel is entered.
    unsafe { fault_address.0.get() }
}

/// Sets the page tables, by the physical address of their root, that the kernel returns to.
#[inline]
pub fn set_page_tables(root: u64) {
    // SAFETY: the assembly defines it, and reads it only when the kernel returns.
    unsafe { next_tables.0.set(root) }
}

/// Sets the bases of FS and GS that the kernel returns with.
#[inline]
pub fn set_bases(fs: u64, gs: u64) {
    // SAFETY: the assembly defines them, and reads them only when the kernel returns.
    unsafe {
        next_fs_base.0.set(fs);
        next_gs_base.0.set(gs);
        resume_request.0.set(Request::ResumeWithBases);
    }
}

/// Stops for ever.
pub fn halt() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

fn write_msr(number: u32, value: u64) {
    let (high, low) = (value >> 32, value & 0xffff_ffff);
    // SAFETY: only the constants above are written: they concern programs or the syscall entry,
    // whose address is right.
    unsafe {
        asm!("wrmsr", in("ecx") number, in("eax") low as u32, in("edx") high as u32,
            options(nostack, preserves_flags));
    }
}

fn set_cr4_bits(bits: u64) {
    // SAFETY: the bits are features that CPUID announced; none changes what the kernel's own code
    // or page tables mean.
    unsafe {
        asm!("mov {r}, cr4", "or {r}, {bits}", "mov cr4, {r}", r = out(reg) _, bits = in(reg) bits,
            options(nostack));
    }
}

fn set_xcr0(components: u32) {
    // SAFETY: CR4.OSXSAVE is set, and the components are ones that CPUID announced.
    unsafe { asm!("xsetbv", in("ecx") 0, in("eax") components, in("edx") 0, options(nostack)) }
}
