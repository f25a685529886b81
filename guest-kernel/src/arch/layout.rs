// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The virtual memory maps.
//!
//! The kernel runs in ring 3, under page tables of its own that map physical memory at itself:
//!
//! ```text
//! 0x0000_0000_0000_0000  physical memory from 0, 2 MiB pages, read and write
//! 0x0000_0000_0020_0000    but here the kernel's text: read and execute
//! 0x0000_0000_0040_0000    and its constants: read only
//! 0x0000_0000_0060_0000    and its stack, then its data: read and write
//! ```
//!
//! Each program has page tables of its own:
//!
//! ```text
//! 0x0000_0000_0000_0000  page 0: never mapped
//! 0x0000_0000_0000_1000  the program
//! 0x0000_7fff_ffff_f000  end of user addresses
//! ```
//!
//! What the processor and the few lines of ring 0 (traps.S) touch must be there in both, out of
//! reach of ring 3. So all tables also have, for ring 0 alone:
//!
//! ```text
//! 0xffff_ffff_8000_0000  the first GiB again: the image, at addresses of 32 bits with a sign
//! ```
//!
//! Below the stack lies the read-only page of the constants, so an overflow faults instead of
//! spreading.

/// Bytes in a page.
pub const PAGE_SIZE: u64 = 4096;

/// Bytes in a large page.
pub const LARGE_PAGE_SIZE: u64 = 2 << 20;

/// First user address that may be mapped.
pub const USER_START: u64 = 0x1000;

/// End (exclusive) of user addresses, the same as Linux's `TASK_SIZE_MAX`.
pub const USER_END: u64 = 0x0000_7fff_ffff_f000;

/// Virtual address of physical address 0, for the kernel.
pub const DIRECT_MAP: u64 = 0;

/// Physical memory that the tables built at link time cover; more, and the devices, are added at
/// boot.
pub const DIRECT_MAP_STATIC_BYTES: u64 = 1 << 30;

/// Virtual address of physical address 0 for ring 0: the image and its first GiB.
pub const IMAGE_ALIAS: u64 = 0xffff_ffff_8000_0000;

/// Physical address of the image's first byte: the text, and in it the interrupt vectors.
pub const TEXT: u64 = 0x20_0000;

/// Where the processor finds the interrupt vectors.
pub const VECTORS: u64 = IMAGE_ALIAS + TEXT;

/// Bytes between one vector stub and the next.
pub const VECTOR_STRIDE: u64 = 16;

/// RAM from this physical address on is not used before the monitor was told, which is what the
/// image's note promises: enough for a small program, and quick to make known to a hypervisor.
pub const EARLY_MEMORY_END: u64 = 32 << 20;

/// Bottom of the kernel stack.
pub const STACK_BOTTOM: u64 = 0x60_0000;

/// Bytes of kernel stack.
pub const STACK_SIZE: u64 = 0x2_0000;

/// Where the processor finds the task state segment: the first bytes of the data, so that its
/// descriptor is a constant.
pub const TSS: u64 = IMAGE_ALIAS + STACK_BOTTOM + STACK_SIZE;
