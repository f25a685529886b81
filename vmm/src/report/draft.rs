// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A report in the making: gathers what becomes known in the course of a run.

use seed_protocols::end::EXIT_FAILURE;

use super::{
    BlockReport, DiskReport, EndReport, ExitsReport, FileReport, GuestReport, PhasesReport, Report,
    SCHEMA, VERSION, sha256, sha256_of_file,
};
use crate::backend::Stopped;
use crate::engine::{self, BackendKind, Job, Outcome};
use crate::error_line::error_line;
use crate::images::{Image, Images};
use crate::kernel_image;

/// A report in the making.
#[derive(Debug)]
pub struct Draft(Report);

impl Draft {
    /// What is known before anything was opened.
    #[must_use]
    pub fn new(job: &Job) -> Self {
        Self(Report {
            schema: SCHEMA,
            version: VERSION,
            seedvmm_version: env!("CARGO_PKG_VERSION"),
            backend: None,
            cpu: job.cpu.name(),
            memory_mib: job.memory_mib,
            command_line: String::from_utf8_lossy(&job.append).into_owned(),
            kernel: FileReport::named(kernel_image::name(&job.kernel).into_owned()),
            input: job.input.as_ref().map(|source| FileReport::named(source.name())),
            output: job.output.as_ref().map(|source| FileReport::named(source.name())),
            phases_us: PhasesReport::default(),
            exits: None,
            block: BlockReport { input: None, output: None },
            guest: None,
            end: EndReport {
                class: NOT_STARTED,
                status: EXIT_FAILURE,
                signal: None,
                message: String::new(),
            },
        })
    }

    /// Adds what the run started from.
    pub fn note_sources(&mut self, kernel: &[u8], images: &Images) {
        self.0.kernel.size_bytes = Some(kernel.len() as u64);
        self.0.kernel.sha256 = Some(sha256(kernel));
        self.0.input = images.input.as_ref().map(FileReport::of_image);
    }

    /// Adds how the machine stopped.
    pub fn note_result(&mut self, backend: BackendKind, stopped: &Stopped, images: &Images) {
        self.0.backend = Some(backend.name());
        self.0.output = images.output.as_ref().map(FileReport::of_image);
        self.0.phases_us = stopped.phases.into();
        self.0.exits = stopped.exits.map(ExitsReport::from);
        self.0.block = BlockReport {
            input: stopped.input.map(DiskReport::from),
            output: stopped.output.map(DiskReport::from),
        };
        self.0.guest = stopped.record.map(GuestReport::from);
    }

    /// The report on `result`.
    #[must_use]
    pub fn finish(mut self, result: &Result<Outcome, engine::Error>) -> Report {
        match result {
            Ok(outcome) => self.0.end = EndReport::from(&outcome.end),
            Err(error) => self.0.end.message = error_line(error),
        }
        self.0
    }
}

/// Class of the end of a run that never had a machine.
const NOT_STARTED: &str = "not-started";

impl FileReport {
    fn named(name: String) -> Self {
        Self { name, size_bytes: None, sha256: None }
    }

    fn of_image(image: &Image) -> Self {
        Self {
            name: image.name.clone(),
            size_bytes: Some(image.size_bytes),
            // Unknown rather than a failed run: the digest is not what the run was for.
            sha256: sha256_of_file(&image.file).ok(),
        }
    }
}
