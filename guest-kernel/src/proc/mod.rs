// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes: what they own, how they take turns, and how a program is loaded into one.

pub mod deliver;
pub mod descriptors;
mod elf;
pub mod exec;
pub mod lifecycle;
pub mod pipe;
pub mod process;
pub mod schedule;
pub mod signal;
mod stack;
pub mod thread;
pub mod waiters;
