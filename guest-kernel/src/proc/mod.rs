// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes: what they own, how they take turns, and how a program is loaded into one.

pub mod console_input;
pub mod deliver;
pub mod descriptors;
mod elf;
pub mod epoll;
pub mod event_counter;
pub mod exec;
pub mod fifos;
mod files;
pub mod futexes;
mod group;
pub mod handle;
pub mod interval_timer;
pub mod lifecycle;
pub mod limits;
pub mod locks;
pub mod pipe;
pub mod process;
mod program_files;
pub mod schedule;
pub mod shared;
pub mod signal;
pub mod signal_source;
pub mod socket;
mod stack;
pub mod target;
mod texts;
pub mod thread;
pub mod ticker;
pub mod timer;
pub mod usage;
pub mod waiters;
