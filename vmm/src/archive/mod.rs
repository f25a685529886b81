// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Archives on the host's side: folders become cpio images, and images become folders again.
//!
//! [`Tree`] names what goes in, [`pack()`] writes it canonically, [`Archive`] reads and judges what
//! came back, and [`unpack()`] creates it. The format itself is `seed_protocols::cpio`'s.

mod contents;
mod folder;
mod image;
mod pack;
mod read;
mod tree;
mod unpack;

pub use contents::{Contents, ContentsError};
pub use folder::FolderError;
pub use image::{ImageError, NewImage, memory_image, seal};
pub use pack::{PackError, pack};
pub use read::{Archive, ReadError};
pub use tree::{Node, Tree, TreeError};
pub use unpack::{UnpackError, prepare_target, unpack};

#[cfg(test)]
mod tests;
