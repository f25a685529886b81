// SPDX-License-Identifier: Apache-2.0 OR MIT

//! I/O ports and device memory. Each access is an exit to the monitor.
//!
//! Device memory is mapped as any other. Ports are read and written by ring 0, on request (traps.S).
//! So are device registers where there are several: a KVM that interprets ring 0 leaves and enters
//! the processor for each access of ring 3, which costs more than interpreting some instructions.

use super::cpu;
use super::layout::DIRECT_MAP;
use super::trap::Request;
use core::arch::asm;

/// Reads a byte from a port.
///
/// # Safety
/// Reading this port has no effect on memory.
#[must_use]
pub unsafe fn read_u8(port: u16) -> u8 {
    // SAFETY: the caller answers for the device's effects.
    unsafe { ask(Request::ReadPort, port.into(), 0, 0) }
}

/// Writes a 16-bit word to a port.
///
/// # Safety
/// Writing this port has no effect on memory.
pub unsafe fn write_u16(port: u16, value: u16) {
    // SAFETY: the caller answers for the device's effects.
    unsafe { ask(Request::WritePort, port.into(), value.into(), 0) };
}

/// Writes bytes to one port, one after the other, with as few exits as the monitor can do, and then
/// reads a byte from another: to ask ring 0 for both costs half of asking twice.
///
/// # Safety
/// Neither port has an effect on memory, and `len` bytes can be read at `bytes`.
#[must_use]
pub unsafe fn write_bytes_then_read(port: u16, bytes: *const u8, len: usize, then: u16) -> u8 {
    let ports = u32::from(then) << 16 | u32::from(port);
    // SAFETY: the caller promises the bytes and answers for the device's effects.
    unsafe { ask(Request::WritePortBytes, ports, bytes.addr(), len) }
}

/// Waits for an interrupt, and takes it: the processor does nothing meanwhile.
pub fn halt_until_interrupt() {
    // SAFETY: the kernel has no use for interrupts but to go on here, and ring 0 sees to that.
    unsafe { ask(Request::Halt, 0, 0, 0) };
}

/// Lets ring 0 access a device: `source` is a value or an address, `len` what is there.
///
/// # Safety
/// What is there can be read and, for [`Request::Registers`], written. The caller answers for what
/// the device does.
unsafe fn ask(request: Request, ports: u32, source: usize, len: usize) -> u8 {
    let answer: u64;
    // Something else may be asked for already, for the return to the program.
    let pending = cpu::pending_request();
    cpu::request(request);
    // SAFETY: ring 0 does what was requested and comes back with the stack that it is told in r9.
    unsafe {
        asm!("mov r9, rsp", "syscall", inout("edx") ports => _, inout("rsi") source => _,
            inout("r8") len => _, out("rax") answer, out("rcx") _, out("rdi") _, out("r9") _,
            out("r10") _, out("r11") _);
    }
    cpu::request(pending);
    let [answer, ..] = answer.to_le_bytes();
    answer
}

/// Reads a 32-bit device register at a physical address below 4 GiB.
///
/// # Safety
/// A device register lies there whose reading has no effect on memory.
#[must_use]
pub unsafe fn read_register(address: u64) -> u32 {
    let value;
    // A plain `mov` of a known form: the monitor's KVM has to interpret it.
    // SAFETY: the kernel's tables map the address; the caller answers for the device's effects.
    unsafe {
        asm!("mov {:e}, [{}]", out(reg) value, in(reg) DIRECT_MAP + address,
            options(nostack, preserves_flags));
    }
    value
}

/// Writes a 32-bit device register at a physical address below 4 GiB.
///
/// # Safety
/// A device register lies there, and what the device does to memory when it is written is done
/// only to memory that was given to it.
pub unsafe fn write_register(address: u64, value: u32) {
    // SAFETY: as the caller promises; the assembly is taken to touch all memory.
    unsafe {
        asm!("mov [{}], {:e}", in(reg) DIRECT_MAP + address, in(reg) value,
            options(nostack, preserves_flags));
    }
}

/// A 32-bit device register: its physical address, below 4 GiB, and what it holds or is to hold.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Register {
    /// Its address.
    pub address: u32,
    /// Its value.
    pub value: u32,
}

/// Writes the first `nr_writes` registers, at least one, and then reads the others.
///
/// # Safety
/// As for [`read_register`] and [`write_register`].
pub unsafe fn access_registers(registers: &mut [Register], nr_writes: usize) {
    assert!((1..=registers.len()).contains(&nr_writes), "registers without one to write");
    let counts = nr_writes | (registers.len() - nr_writes) << 32;
    // SAFETY: the list is as long as the counts say; the caller answers for the registers.
    unsafe { ask(Request::Registers, 0, registers.as_mut_ptr().expose_provenance(), counts) };
}
