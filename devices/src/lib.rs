// SPDX-License-Identifier: Apache-2.0 OR MIT

#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod debug_exit;
pub mod serial;
pub mod virtio;
