// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The contracts of seedvmm and the seed kernel, one module each.
//!
//! They run the real binary on every backend of this host; `cargo build --release` must come first.

#![forbid(unsafe_code)]

mod argv;
mod bad_disks;
mod bad_guests;
mod bad_init;
mod bad_input;
mod bad_kernel;
mod bash;
mod busybox;
mod conformance;
mod console_output;
mod cpu_profiles;
mod determinism;
mod distribution_suite;
mod dumpfs;
mod exit_status;
mod faults;
mod fuzz;
mod hex0;
mod hostile;
mod interactive;
mod job_control;
mod kernel_image;
mod large_trees;
mod libc_programs;
mod lua;
mod main_job;
mod make;
mod memory;
mod mescc_tools;
mod preemption;
mod processes;
mod registers;
mod report;
mod run_command;
mod size;
mod sqlite;
mod standard_input;
mod tcc;
mod tools;
