// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio: the virtio-mmio register file, device status, features and the split virtqueue.
//!
//! Follows Virtio 1.2, sections 2.1 (status), 2.7 (split virtqueues) and 4.2.2 (MMIO registers).

/// Offsets of the virtio-mmio registers (Virtio 1.2, table 4.1). All are 32 bits wide.
pub mod mmio {
    /// Reads [`MAGIC`](super::MAGIC).
    pub const MAGIC_VALUE: u64 = 0x000;
    /// Reads [`VERSION`](super::VERSION).
    pub const VERSION: u64 = 0x004;
    /// Reads the device type, 0 where the slot is empty.
    pub const DEVICE_ID: u64 = 0x008;
    /// Reads the vendor.
    pub const VENDOR_ID: u64 = 0x00c;
    /// Reads the 32 feature bits that `DEVICE_FEATURES_SEL` names.
    pub const DEVICE_FEATURES: u64 = 0x010;
    /// Selects the word of `DEVICE_FEATURES`.
    pub const DEVICE_FEATURES_SEL: u64 = 0x014;
    /// Takes the 32 accepted feature bits that `DRIVER_FEATURES_SEL` names.
    pub const DRIVER_FEATURES: u64 = 0x020;
    /// Selects the word of `DRIVER_FEATURES`.
    pub const DRIVER_FEATURES_SEL: u64 = 0x024;
    /// Selects the queue that the `QUEUE_*` registers speak of.
    pub const QUEUE_SEL: u64 = 0x030;
    /// Reads the largest size of the queue, 0 where there is none.
    pub const QUEUE_NUM_MAX: u64 = 0x034;
    /// Takes the size of the queue.
    pub const QUEUE_NUM: u64 = 0x038;
    /// 1 while the queue may be used.
    pub const QUEUE_READY: u64 = 0x044;
    /// Takes the number of a queue that has new buffers.
    pub const QUEUE_NOTIFY: u64 = 0x050;
    /// Reads the pending interrupt reasons.
    pub const INTERRUPT_STATUS: u64 = 0x060;
    /// Clears interrupt reasons.
    pub const INTERRUPT_ACK: u64 = 0x064;
    /// Device status; writing 0 resets the device.
    pub const STATUS: u64 = 0x070;
    /// Low half of the descriptor table's address.
    pub const QUEUE_DESC_LOW: u64 = 0x080;
    /// High half of the descriptor table's address.
    pub const QUEUE_DESC_HIGH: u64 = 0x084;
    /// Low half of the available ring's address.
    pub const QUEUE_DRIVER_LOW: u64 = 0x090;
    /// High half of the available ring's address.
    pub const QUEUE_DRIVER_HIGH: u64 = 0x094;
    /// Low half of the used ring's address.
    pub const QUEUE_DEVICE_LOW: u64 = 0x0a0;
    /// High half of the used ring's address.
    pub const QUEUE_DEVICE_HIGH: u64 = 0x0a4;
    /// Low half of the length of the selected shared memory region, all ones where there is none.
    pub const SHM_LEN_LOW: u64 = 0x0b0;
    /// High half of the length of the selected shared memory region.
    pub const SHM_LEN_HIGH: u64 = 0x0b4;
    /// Low half of the address of the selected shared memory region, all ones where there is none.
    pub const SHM_BASE_LOW: u64 = 0x0b8;
    /// High half of the address of the selected shared memory region.
    pub const SHM_BASE_HIGH: u64 = 0x0bc;
    /// Changes whenever the configuration space changes.
    pub const CONFIG_GENERATION: u64 = 0x0fc;
    /// Start of the device's configuration space, of any access width.
    pub const CONFIG: u64 = 0x100;
}

/// Value of the magic register: "virt".
pub const MAGIC: u32 = 0x7472_6976;

/// Version of the modern register layout.
pub const VERSION: u32 = 2;

/// Vendor of every slot: "QEMU", which is what the reference backend reports.
pub const VENDOR_ID: u32 = 0x554d_4551;

/// Device ID of a block device (Virtio 1.2, section 5).
pub const DEVICE_ID_BLOCK: u32 = 2;

/// Device type of a console (Virtio 1.2, 5.3).
pub const DEVICE_ID_CONSOLE: u32 = 3;

/// Device status bits (Virtio 1.2, section 2.1).
pub mod status {
    /// The driver has seen the device.
    pub const ACKNOWLEDGE: u32 = 1 << 0;
    /// The driver can drive it.
    pub const DRIVER: u32 = 1 << 1;
    /// The driver is set up.
    pub const DRIVER_OK: u32 = 1 << 2;
    /// Feature negotiation is complete.
    pub const FEATURES_OK: u32 = 1 << 3;
    /// The device met an error from which only a reset recovers it.
    pub const DEVICE_NEEDS_RESET: u32 = 1 << 6;
    /// The driver has given up on the device.
    pub const FAILED: u32 = 1 << 7;
}

/// Number of the feature that marks a device of version 1 or later (Virtio 1.2, section 6).
pub const F_VERSION_1: u32 = 32;

/// Number of the feature that allows indirect descriptors.
pub const F_RING_INDIRECT_DESC: u32 = 28;

/// Number of the feature that replaces notification flags by event indices.
pub const F_RING_EVENT_IDX: u32 = 29;

/// Interrupt reason: a buffer was used.
pub const INTERRUPT_USED_RING: u32 = 1 << 0;

/// Interrupt reason: the configuration changed.
pub const INTERRUPT_CONFIG: u32 = 1 << 1;

/// The split virtqueue (Virtio 1.2, sections 2.7.5 to 2.7.8).
pub mod ring {
    /// Size in bytes of one descriptor: address (8), length (4), flags (2), next (2).
    pub const DESC_SIZE: usize = 16;
    /// The descriptor continues in `next`.
    pub const DESC_F_NEXT: u16 = 1 << 0;
    /// The device writes the buffer (else it reads it).
    pub const DESC_F_WRITE: u16 = 1 << 1;
    /// The buffer is a table of descriptors.
    pub const DESC_F_INDIRECT: u16 = 1 << 2;
    /// The driver asks for no used-buffer interrupt (in the available ring's flags).
    pub const AVAIL_F_NO_INTERRUPT: u16 = 1 << 0;
    /// Offset of the index in the available and in the used ring.
    pub const IDX_OFFSET: usize = 2;
    /// Offset of the first element in the available and in the used ring.
    pub const RING_OFFSET: usize = 4;
    /// Size in bytes of an element of the available ring.
    pub const AVAIL_ELEMENT_SIZE: usize = 2;
    /// Size in bytes of an element of the used ring: head (4), written length (4).
    pub const USED_ELEMENT_SIZE: usize = 8;
}
