// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The processor: its control registers, model-specific registers, features and task state.

use super::trap::Registers;
use core::arch::asm;
use core::cell::Cell;
use seed_protocols::record::Record;

const MSR_STAR: u32 = 0xc000_0081;
const MSR_LSTAR: u32 = 0xc000_0082;
const MSR_SFMASK: u32 = 0xc000_0084;
const MSR_FS_BASE: u32 = 0xc000_0100;
const MSR_GS_BASE: u32 = 0xc000_0101;

/// Flags that `syscall` clears: trap, interrupt, direction, nested task, alignment check.
const SYSCALL_CLEARED_FLAGS: u64 = 0x4_4700;

/// `syscall` loads CS 0x10 and SS 0x18; `sysret` would load CS 0x33 and SS 0x2b.
const STAR: u64 = 0x0023_0010 << 32;

const CR4_UMIP: u64 = 1 << 11;
const CR4_FSGSBASE: u64 = 1 << 16;
const CR4_OSXSAVE: u64 = 1 << 18;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;

/// State components of XCR0 that programs may use.
const XCR0_WANTED: u32 = super::vector::COMPONENTS;

/// A value of the one CPU, which nothing interrupts.
struct PerCpu<T>(Cell<T>);

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl<T> Sync for PerCpu<T> {}

static IS_INTERPRETED: PerCpu<bool> = PerCpu(Cell::new(false));

static HAS_XSAVE: PerCpu<bool> = PerCpu(Cell::new(false));

/// The record that a monitor may read, see `seed_protocols::record`.
#[unsafe(no_mangle)]
static kernel_record: PerCpu<Record> = PerCpu(Cell::new(Record {
    entered_tsc: 0,
    first_user_tsc: 0,
    ended_tsc: 0,
    system_calls: 0,
    missing_calls: 0,
    page_faults: 0,
}));

unsafe extern "C" {
    static syscall_entry: u8;
    static mut tss: [u32; 26];
}

/// Sets up what the boot left: the `syscall` instruction, and the features that this CPU has and
/// programs or the kernel's protection want.
pub fn init() {
    write_msr(MSR_STAR, STAR);
    write_msr(MSR_LSTAR, syscall_entry_address());
    write_msr(MSR_SFMASK, SYSCALL_CLEARED_FLAGS);
    // Above the highest leaf Intel's processors repeat that leaf, so it is asked for first.
    let max_leaf = cpuid(0).0;
    let leaf1 = cpuid(1);
    let leaf7 = if max_leaf >= 7 { cpuid(7) } else { (0, 0, 0, 0) };
    let mut wanted = 0;
    for (register, bit, control) in [
        (leaf7.1, 0, CR4_FSGSBASE),
        (leaf7.1, 7, CR4_SMEP),
        (leaf7.1, 20, CR4_SMAP),
        (leaf7.2, 2, CR4_UMIP),
        (leaf1.2, 26, CR4_OSXSAVE),
    ] {
        if register & 1 << bit != 0 {
            wanted |= control;
        }
    }
    if wanted != 0 {
        set_cr4_bits(wanted);
    }
    if wanted & CR4_OSXSAVE != 0 {
        set_xcr0(cpuid(0xd).0 & XCR0_WANTED);
        HAS_XSAVE.0.set(true);
    }
}

/// EAX, EBX, ECX and EDX of a CPUID leaf's subleaf 0.
#[must_use]
pub fn cpuid(leaf: u32) -> (u32, u32, u32, u32) {
    let result = core::arch::x86_64::__cpuid_count(leaf, 0);
    (result.eax, result.ebx, result.ecx, result.edx)
}

/// The address that `syscall` leads to.
#[must_use]
#[inline]
pub fn syscall_entry_address() -> u64 {
    (&raw const syscall_entry).addr() as u64
}

/// Notes that this machine's KVM interprets supervisor mode.
#[inline]
pub fn note_interpreted() {
    IS_INTERPRETED.0.set(true);
}

/// Whether supervisor mode is known to be interpreted.
#[must_use]
#[inline]
pub fn is_interpreted() -> bool {
    IS_INTERPRETED.0.get()
}

/// Whether `xsave` may be used in ring 0.
#[must_use]
pub fn has_xsave() -> bool {
    HAS_XSAVE.0.get()
}

/// Changes the record that a monitor may read.
#[inline]
pub fn update_record(change: impl FnOnce(&mut Record)) {
    let mut record = kernel_record.0.get();
    change(&mut record);
    kernel_record.0.set(record);
}

/// Makes `registers` the frame that traps save to and that `resume` goes on with.
///
/// The frame must stay where it is until another one is set.
#[inline]
pub fn set_frame(registers: *mut Registers) {
    set_trap_stack(registers.wrapping_add(1).addr() as u64);
}

/// Sets the address below which a trap from ring 3 pushes its frame.
#[inline]
pub fn set_trap_stack(end: u64) {
    // SAFETY: the assembly reserves the task state segment for exactly this; `rsp0` is its second
    // and third word.
    unsafe { (&raw mut tss).cast::<u32>().add(1).cast::<u64>().write_unaligned(end) }
}

/// The address below which a trap from ring 3 pushes its frame.
#[must_use]
#[inline]
pub fn trap_stack() -> u64 {
    // SAFETY: as in `set_trap_stack`.
    unsafe { (&raw const tss).cast::<u32>().add(1).cast::<u64>().read_unaligned() }
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
pub fn fault_address() -> u64 {
    let address;
    // SAFETY: reading CR2 has no other effect.
    unsafe { asm!("mov {}, cr2", out(reg) address, options(nomem, nostack, preserves_flags)) }
    address
}

/// Makes the page tables at physical address `root` current.
///
/// # Safety
/// They map the kernel as every table made by `paging` does, and stay valid while current.
#[inline]
pub unsafe fn set_page_tables(root: u64) {
    // SAFETY: the caller promises that the kernel stays mapped.
    unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) }
}

/// Forgets the cached translation of `address`.
#[inline]
pub fn invalidate_page(address: u64) {
    // SAFETY: forgetting a translation only costs time.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) }
}

/// Sets the base of FS for programs.
#[inline]
pub fn set_fs_base(base: u64) {
    write_msr(MSR_FS_BASE, base);
}

/// Sets the base of GS for programs.
#[inline]
pub fn set_gs_base(base: u64) {
    write_msr(MSR_GS_BASE, base);
}

/// The base of FS, which a program may have changed by itself.
#[must_use]
#[inline]
pub fn fs_base() -> u64 {
    read_msr(MSR_FS_BASE)
}

/// The base of GS, which a program may have changed by itself.
#[must_use]
#[inline]
pub fn gs_base() -> u64 {
    read_msr(MSR_GS_BASE)
}

/// Stops for ever.
pub fn halt() -> ! {
    loop {
        // SAFETY: interrupts are off, so the processor stays here.
        unsafe { asm!("hlt", options(nomem, nostack)) }
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

fn read_msr(number: u32) -> u64 {
    let (high, low): (u32, u32);
    // SAFETY: reading the registers named above has no other effect.
    unsafe {
        asm!("rdmsr", in("ecx") number, out("eax") low, out("edx") high,
            options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
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
