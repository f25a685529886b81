// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's virtual memory map.
//!
//! ```text
//! 0x0000_0000_0000_0000  page 0: never mapped
//! 0x0000_0000_0000_1000  user programs                                        per process
//! 0x0000_7fff_ffff_f000  end of user addresses
//! 0xffff_8000_0000_0000  direct map: physical memory from 0, 2 MiB pages      shared
//! 0xffff_ffff_8020_0000  kernel text, read and execute, one 2 MiB page        shared
//! 0xffff_ffff_8040_0000  kernel constants, read only, one 2 MiB page          shared
//! 0xffff_ffff_8060_0000  kernel stack, then data, read and write, 2 MiB       shared
//! ```
//!
//! Below the stack lies the read-only page of the constants, so an overflow faults instead of
//! spreading. The image lies in physical memory at its virtual address less [`KERNEL_BASE`].

/// Bytes in a page.
pub const PAGE_SIZE: u64 = 4096;

/// Bytes in a large page.
pub const LARGE_PAGE_SIZE: u64 = 2 << 20;

/// First user address that may be mapped.
pub const USER_START: u64 = 0x1000;

/// End (exclusive) of user addresses, the same as Linux's `TASK_SIZE_MAX`.
pub const USER_END: u64 = 0x0000_7fff_ffff_f000;

/// Virtual address of physical address 0 in the direct map.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;

/// Physical memory that the tables built at link time cover; more is added at boot.
pub const DIRECT_MAP_STATIC_BYTES: u64 = 4 << 30;

/// Distance between the image's virtual and physical addresses.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// Physical address of the image's first byte.
pub const KERNEL_START: u64 = 0x20_0000;

/// Where the assembly expects the interrupt vectors: the first bytes of the text.
pub const VECTORS: u64 = KERNEL_BASE + 0x20_0000;

/// Bytes between one vector stub and the next.
pub const VECTOR_STRIDE: u64 = 16;

/// Bottom of the kernel stack.
pub const STACK_BOTTOM: u64 = KERNEL_BASE + 0x60_0000;

/// Bytes of kernel stack.
pub const STACK_SIZE: u64 = 0x2_0000;

/// The task state segment: the first bytes of the data, so that its descriptor is a constant.
pub const TSS: u64 = STACK_BOTTOM + STACK_SIZE;
