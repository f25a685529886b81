// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What the end-to-end tests stand on: programs, archives, backends and cases.
//!
//! A test states a [`case::Case`]: files, a command line, and what must come of it. The case runs on
//! every backend of this host, on archives of two makers, and on the host itself where the program
//! can; all must agree to the byte. The contracts themselves are in `contracts/`, one file each.

#![forbid(unsafe_code)]

pub mod archive;
pub mod backend;
pub mod case;
pub mod hex0;
pub mod paths;
pub mod process;
pub mod program;
pub mod pvh;
pub mod terminal;
pub mod timings;
pub mod toolchain;
