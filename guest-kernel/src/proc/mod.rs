// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes: what they own, and how a program is loaded into one.

pub mod descriptors;
mod elf;
pub mod exec;
pub mod process;
mod stack;
