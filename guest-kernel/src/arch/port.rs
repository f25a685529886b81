// SPDX-License-Identifier: Apache-2.0 OR MIT

//! I/O ports and device memory. Each access is an exit to the monitor.
//!
//! Device memory is mapped as any other. Ports are read and written by ring 0, on request (traps.S).
//! So are device registers where there are several: a KVM that interprets ring 0 leaves and enters
//! the processor for each access of ring 3, which costs more than interpreting some instructions.

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
    unsafe { ask(Request::ReadPort, [port.into(), 0, 0, 0, 0]) }
}

/// Writes a 16-bit word to a port.
///
/// # Safety
/// Writing this port has no effect on memory.
pub unsafe fn write_u16(port: u16, value: u16) {
    // SAFETY: the caller answers for the device's effects.
    unsafe { ask(Request::WritePort, [port.into(), value.into(), 0, 0, 0]) };
}

/// Writes bytes to one port, one after the other, with as few exits as the monitor can do, and then
/// reads a byte from another: to ask ring 0 for both costs half of asking twice.
///
/// # Safety
/// Neither port has an effect on memory, and `len` bytes can be read at `bytes`.
#[must_use]
pub unsafe fn write_bytes_then_read(port: u16, bytes: *const u8, len: usize, then: u16) -> u8 {
    let ports = u64::from(then) << 16 | u64::from(port);
    // SAFETY: the caller promises the bytes and answers for the device's effects.
    unsafe { ask(Request::WritePortBytes, [ports, bytes.addr() as u64, len as u64, 0, 0]) }
}

/// Waits for an interrupt, and takes it: the processor does nothing meanwhile.
pub fn halt_until_interrupt() {
    // SAFETY: the kernel has no use for interrupts but to go on here, and ring 0 sees to that.
    unsafe { ask(Request::Halt, [0; 5]) };
}

/// Has ring 0 do what only it can do; `registers` are rdx, rsi, r8, r9 and r10 as its handler in
/// traps.S wants them.
///
/// # Safety
/// The handler finds what it expects. The caller answers for what a device does.
unsafe fn ask(request: Request, registers: [u64; 5]) -> u8 {
    let [rdx, rsi, r8, r9, r10] = registers;
    let answer: u64;
    // SAFETY: ring 0 does what was requested and comes back; all that it loses is named here.
    unsafe {
        asm!("call ask_ring0", inout("edi") request as u32 => _, inout("rdx") rdx => _,
            inout("rsi") rsi => _, in("r8") r8, in("r9") r9, in("r10") r10, out("rax") answer,
            out("rcx") _, out("r11") _);
    }
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

/// Writes device registers, one at least, and then reads others.
///
/// `writes` and `reads` are physical addresses below 4 GiB, **the first one last**, which spares an
/// instruction for each. `values` are what is to be written, in order, and behind it what is read.
///
/// # Safety
/// As for [`read_register`] and [`write_register`].
pub unsafe fn access_registers(writes: &[u32], reads: &[u32], values: &mut [u32]) {
    assert!(!writes.is_empty() && values.len() == writes.len() + reads.len(), "lists do not match");
    let address = |list: &[u32]| list.as_ptr().expose_provenance() as u64;
    let values = values.as_mut_ptr().expose_provenance() as u64;
    let (nr_writes, nr_reads) = (writes.len() as u64, reads.len() as u64);
    let registers = [address(writes), values, nr_writes, nr_reads, address(reads)];
    // SAFETY: the lists are as long as it says; the caller answers for the registers.
    unsafe { ask(Request::Registers, registers) };
}
