// SPDX-License-Identifier: Apache-2.0 OR MIT

//! I/O ports and device memory. Each access is an exit to the monitor.

use super::layout::DIRECT_MAP;
use core::arch::asm;

/// Reads a byte from a port.
///
/// # Safety
/// Reading this port has no effect on memory.
#[must_use]
pub unsafe fn read_u8(port: u16) -> u8 {
    let value;
    // SAFETY: the caller answers for the device's effects.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nostack, preserves_flags)) }
    value
}

/// Writes a byte to a port.
///
/// # Safety
/// Writing this port has no effect on memory.
pub unsafe fn write_u8(port: u16, value: u8) {
    // SAFETY: the caller answers for the device's effects.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nostack, preserves_flags)) }
}

/// Writes a 16-bit word to a port.
///
/// # Safety
/// Writing this port has no effect on memory.
pub unsafe fn write_u16(port: u16, value: u16) {
    // SAFETY: the caller answers for the device's effects.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nostack, preserves_flags)) }
}

/// Writes bytes to one port, one after the other, with as few exits as the monitor can do.
///
/// # Safety
/// Writing this port has no effect on memory, and `len` bytes can be read at `bytes`.
pub unsafe fn write_bytes(port: u16, bytes: *const u8, len: usize) {
    // SAFETY: the caller promises the bytes and answers for the device's effects.
    unsafe {
        asm!("rep outsb", in("dx") port, inout("rsi") bytes => _,
            inout("rcx") len => _, options(nostack, preserves_flags, readonly));
    }
}

/// Reads a 32-bit device register at a physical address below 4 GiB.
///
/// # Safety
/// A device register lies there whose reading has no effect on memory.
#[must_use]
pub unsafe fn read_register(address: u64) -> u32 {
    let value;
    // A plain `mov` of a known form: what interprets it must know it.
    // SAFETY: the direct map covers the address; the caller answers for the device's effects.
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
