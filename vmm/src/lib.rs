// SPDX-License-Identifier: Apache-2.0 OR MIT

//! seedvmm: runs one program, on exactly the files it was given, in a machine of its own.
//!
//! [`engine`] is the way in: a [`engine::Job`] describes one run, [`engine::run`] runs it on one of
//! the [`backend`]s and tells how it [`end`]ed. [`archive`] is the host's side of the disks. The
//! command line lives in the binary, not here.

#![deny(unsafe_code)]

pub mod archive;
pub mod backend;
pub mod backing;
pub mod console;
pub mod destinations;
pub mod end;
pub mod engine;
pub mod error_line;
pub mod images;
pub mod input;
pub mod kernel_image;
pub mod layout;
pub mod memory;
pub mod own_file;
pub mod processor;
pub mod report;
pub mod signals;
