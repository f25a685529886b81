// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The main job: boot a kernel on disks that are files.

use std::time::Instant;

use seedvmm::console::StandardStreams;
use seedvmm::engine::{self, DiskSource, Job};

use super::{ending, machine};
use crate::cli::BootOptions;

/// Runs the machine to its end and returns the exit status.
pub(super) fn execute(options: BootOptions, started: Instant) -> Result<u8, engine::Error> {
    let verbose = options.machine.verbose;
    let job = Job {
        input: options.input.map(DiskSource::Path),
        output: options.output.map(DiskSource::Path),
        initrd: options.initrd,
        ..machine::job(options.machine)
    };
    let outcome = engine::run(&job, started, &mut StandardStreams)?;
    ending::report(&outcome.end, verbose);
    Ok(outcome.end.status())
}
