// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The console port: many bytes by one exit, where the monitor has it (`console_output` of the
//! protocols).

use crate::arch::port;
use core::cell::UnsafeCell;
use seed_protocols::console_output::Block;
use seed_protocols::machine::CONSOLE_PORT;

/// What the kernel and the monitor both write.
#[repr(transparent)]
struct Shared(UnsafeCell<Block>);

// SAFETY: there is one CPU, and the kernel is not interrupted.
unsafe impl Sync for Shared {}

/// Named by a note of the image.
#[unsafe(no_mangle)]
static console_block: Shared =
    Shared(UnsafeCell::new(Block { address: 0, length: 0, is_served: 0 }));

/// Sends bytes; returns how many have gone out: none where there is no such port.
#[must_use]
pub(super) fn send(bytes: *const u8, len: u32) -> u32 {
    let block = console_block.0.get();
    // SAFETY: the block is ours, and accesses are volatile as the monitor's happen between them. The
    // port reads memory and changes the block alone.
    unsafe {
        if (&raw const (*block).is_served).read_volatile() == 0 {
            return 0;
        }
        // Physical memory is mapped at itself.
        (&raw mut (*block).address).write_volatile(bytes.addr() as u64);
        (&raw mut (*block).length).write_volatile(len);
        let mut left = len;
        while left > 0 {
            port::write_u16(CONSOLE_PORT, 1);
            let now = (&raw const (*block).length).read_volatile();
            if now >= left {
                break;
            }
            left = now;
        }
        len - left
    }
}
