// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel image: what only a program without an operating system below it must have.

#![no_std]
#![no_main]

use seed_kernel::mm::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap::new();

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    seed_kernel::panicked(info)
}

/// What the library's landing pads, compiled for programs that unwind, would go on to. The kernel
/// aborts on panic, so none of them is ever entered; the linker asks for the name all the same.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unreachable!("the kernel does not unwind")
}
