// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Memory: addresses, frames, the kernel heap and the address spaces of programs.

pub mod address;
pub mod fault;
pub mod frames;
#[cfg(any(feature = "image", test))]
pub mod heap;
mod remap;
pub mod space;
pub mod transfer;
pub mod user;
pub mod wishes;
