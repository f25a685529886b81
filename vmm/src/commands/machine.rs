// SPDX-License-Identifier: Apache-2.0 OR MIT

//! From the options of a machine to the engine's job.

use std::os::unix::ffi::OsStringExt;

use seedvmm::engine::{Job, KernelSource};

use crate::cli::MachineOptions;

/// The job that `options` describe, without disks.
pub(super) fn job(options: MachineOptions) -> Job {
    Job {
        kernel: options.kernel.map_or(KernelSource::Embedded, KernelSource::Path),
        append: options.append.map(OsStringExt::into_vec).unwrap_or_default(),
        memory_mib: options.memory.0,
        cpu: options.cpu,
        timeout: options.timeout,
        backend: options.backend,
        accel: options.accel,
        transcript: options.transcript,
        report: options.report,
        verbose: options.verbose,
        ..Job::default()
    }
}
