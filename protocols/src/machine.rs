// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Seed machine 1: the fixed addresses of the machine that every backend presents.
//!
//! The values are those of QEMU 7.2's `microvm` machine, the reference backend.

/// First I/O port of the 16550A serial port; its eight registers follow.
pub const SERIAL_PORT: u16 = 0x3f8;

/// Number of I/O ports of the serial port.
pub const SERIAL_PORT_COUNT: u16 = 8;

/// I/O port of the debug-exit device: a 16-bit write ends the machine.
pub const DEBUG_EXIT_PORT: u16 = 0x501;

/// I/O port that a kernel writes to before it first uses memory that it had promised to leave alone,
/// see [`crate::early_memory`]. Where there is no such port all memory is there from the start.
pub const MEMORY_PORT: u16 = 0x505;

/// I/O port at which a kernel hands over console output in blocks, see [`crate::console_output`].
pub const CONSOLE_PORT: u16 = 0x507;

/// Guest-physical address of virtio-mmio slot 0.
pub const VIRTIO_MMIO_BASE: u64 = 0xfeb0_0000;

/// Distance in bytes from one virtio-mmio slot to the next.
pub const VIRTIO_MMIO_STRIDE: u64 = 0x200;

/// Number of virtio-mmio slots. Slots without a device read device ID 0.
pub const VIRTIO_MMIO_SLOTS: usize = 8;

/// End (exclusive) of the virtio-mmio slots.
pub const VIRTIO_MMIO_END: u64 = VIRTIO_MMIO_BASE + VIRTIO_MMIO_STRIDE * VIRTIO_MMIO_SLOTS as u64;

/// Slot of the first disk; further disks take the slots below it.
pub const FIRST_DISK_SLOT: usize = VIRTIO_MMIO_SLOTS - 1;

/// Slot of the console device, which is there if the machine has standard input.
pub const CONSOLE_SLOT: usize = 0;

/// Guest-physical start of the hole below 4 GiB in which no RAM lies.
pub const RAM_HOLE_START: u64 = 0xc000_0000;

/// End (exclusive) of the hole; RAM that does not fit below the hole continues here.
pub const RAM_HOLE_END: u64 = 0x1_0000_0000;

/// Guest-physical address from which a kernel image may be loaded.
pub const KERNEL_LOAD_MIN: u64 = 0x10_0000;

/// Guest-physical address of the processor's local APIC (Intel SDM volume 3, 10.4.1).
pub const LOCAL_APIC: u64 = 0xfee0_0000;

/// Guest-physical address of virtio-mmio slot `slot`.
#[must_use]
pub const fn virtio_mmio_slot(slot: usize) -> u64 {
    VIRTIO_MMIO_BASE + VIRTIO_MMIO_STRIDE * slot as u64
}
