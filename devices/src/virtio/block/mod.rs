// SPDX-License-Identifier: Apache-2.0 OR MIT

//! virtio-blk: a disk in a file.
//!
//! Follows Virtio 1.2, section 5.2. Of the optional features the device offers a segment limit, the
//! read-only mark and the flush request.

mod device;
mod disk;
mod request;

pub use device::{BlockDevice, BlockStats, QUEUE_SIZE_MAX};
pub use disk::{Access, Disk, FileDisk};
pub use request::RequestError;
