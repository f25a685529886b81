// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Measuring a job: process start to process end of every contender in turn, round after round, so
//! that a machine that is busy for a while is so for all of them.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use seed_tests::paths::{self, Scratch};

use crate::contender::Contender;
use crate::scenario::{OnHost, Scenario};
use crate::statistics::Sample;

/// Rounds that only fill caches.
const WARM_UP: usize = 1;

/// A job's folder and disks.
pub(crate) struct Prepared<'s> {
    pub(crate) scenario: &'s Scenario,
    scratch: Scratch,
}

impl<'s> Prepared<'s> {
    pub(crate) fn new(scenario: &'s Scenario) -> Result<Self, String> {
        let scratch = Scratch::inside(&fast_folder());
        let folder = scratch.join("files");
        (scenario.files)(&folder);
        let input = scratch.join("in.img");
        pack(&folder, &input)?;
        scratch.disk("out.img", scenario.output_bytes);
        if scenario.on_host == OnHost::WriteDisk {
            scratch.disk("host.img", scenario.output_bytes);
        }
        Ok(Self { scenario, scratch })
    }

    /// As many, each with a folder and disks of its own.
    pub(crate) fn several(scenario: &'s Scenario, count: usize) -> Result<Vec<Self>, String> {
        (0..count).map(|_| Self::new(scenario)).collect()
    }

    /// Where the disks lie.
    pub(crate) fn place(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn command(&self, contender: Contender) -> Command {
        contender.command(self.scenario, &self.scratch.join("files"), self.scratch.path())
    }

    fn output_digest(&self) -> Result<u64, String> {
        let path = self.scratch.join("out.img");
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Ok(hasher.finish())
    }
}

/// A folder in memory where there is one, so that no storage is measured.
fn fast_folder() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// A scenario with the times of its contenders.
pub(crate) struct Measured {
    pub(crate) scenario: Scenario,
    pub(crate) series: Vec<(Contender, Sample)>,
}

impl Measured {
    pub(crate) fn times(&self, contender: Contender) -> Option<&Sample> {
        self.series.iter().find(|(other, _)| *other == contender).map(|(_, times)| times)
    }
}

/// Runs a scenario's rounds.
///
/// # Errors
/// A run fails, or two monitors leave different outputs.
pub(crate) fn measure(scenario: &Scenario) -> Result<Measured, String> {
    let prepared = Prepared::new(scenario)?;
    let mut series: Vec<(Contender, Vec<Duration>)> = scenario
        .contenders
        .iter()
        .filter(|contender| contender.is_available())
        .map(|&contender| (contender, Vec::new()))
        .collect();
    let mut output = None;
    for round in 0..WARM_UP + scenario.rounds {
        let round = round.checked_sub(WARM_UP);
        for (contender, times) in &mut series {
            if round.is_some_and(|round| {
                *contender == Contender::QemuTcg && round >= scenario.rounds_of_tcg
            }) {
                continue;
            }
            let mut command = prepared.command(*contender);
            let elapsed = run_to_status(&mut command, contender.success())?;
            if round.is_some() {
                times.push(elapsed);
            } else if contender.has_disks() {
                let digest = prepared.output_digest()?;
                if *output.get_or_insert(digest) != digest {
                    return Err(format!(
                        "{}: another output than before: {command:?}",
                        scenario.name
                    ));
                }
            }
        }
    }
    let series =
        series.iter().map(|(contender, times)| (*contender, Sample::of_times(times))).collect();
    Ok(Measured { scenario: scenario.clone(), series })
}

/// Makes an input disk of a folder.
///
/// # Errors
/// That fails.
pub(crate) fn pack(folder: &Path, image: &Path) -> Result<(), String> {
    let mut command = Command::new(paths::seedvmm());
    run_to_status(command.arg("pack").args([folder, image]), 0).map(drop)
}

/// Runs a command and returns how long it took.
///
/// # Errors
/// It ends with another status.
pub(crate) fn run_to_status(command: &mut Command, expected: i32) -> Result<Duration, String> {
    let start = Instant::now();
    let status = command.status();
    let elapsed = start.elapsed();
    match status {
        Ok(status) if status.code() == Some(expected) => Ok(elapsed),
        Ok(status) => Err(format!("{status}; the command was {command:?}")),
        Err(error) => Err(format!("{error}; the command was {command:?}")),
    }
}
