// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Backends: two ways to present the same machine.
//!
//! [`kvm`] is this program's own; [`qemu`] drives QEMU's `microvm` machine as the reference. Both
//! take a checked [`Machine`] and tell how it [`Stopped`].

mod choice;
pub mod kvm;
pub mod qemu;

use std::path::Path;
use std::time::{Duration, Instant};

pub use choice::Chosen;

use seed_devices::virtio::block::BlockStats;
use seed_protocols::record::Record;

use crate::end::End;
use crate::engine::{ExitCounts, Phases};
use crate::images::Images;
use crate::input::StandardInput;
use crate::kernel_image::KernelImage;
use crate::layout::RamMap;
use crate::processor::CpuProfile;

/// A machine to be, with everything checked that can be checked before it exists.
#[derive(Debug)]
pub struct Machine<'a> {
    /// Where its RAM lies.
    pub ram: RamMap,
    /// Its memory in MiB.
    pub memory_mib: u64,
    /// The processor that it shows.
    pub cpu: CpuProfile,
    /// Its kernel.
    pub kernel: &'a KernelImage<'a>,
    /// Its module.
    pub initrd: Option<&'a Path>,
    /// The kernel's command line.
    pub command_line: &'a [u8],
    /// Its disks.
    pub images: &'a Images,
    /// What the guest gets from this process's standard input, if anything.
    pub stdin: Option<StandardInput>,
    /// The time limit, which runs already.
    pub timeout: Option<Duration>,
    /// Whether times and counters will be read.
    pub wants_figures: bool,
    /// Zero of the phases.
    pub started: Instant,
}

/// How a machine stopped.
#[derive(Debug)]
pub struct Stopped {
    /// How it ended.
    pub end: End,
    /// When it reached which point.
    pub phases: Phases,
    /// Exits, where they are counted.
    pub exits: Option<ExitCounts>,
    /// The input disk's work, where it is counted.
    pub input: Option<BlockStats>,
    /// The output disk's work, where it is counted.
    pub output: Option<BlockStats>,
    /// The kernel's record, where it can be read and was asked for.
    pub record: Option<Record>,
}

/// Microseconds from `started` to now.
fn microseconds_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}
