// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where the time of one "hello" goes: the stages that KVM charges anybody who makes a machine, as
//! `programs/stages.c` finds them, and the phases of seedvmm's own report.

use std::process::{Command, Stdio};
use std::time::Duration;

use seed_tests::paths;
use serde_json::{Map, Value, json};

use crate::contender::Contender;
use crate::programs;
use crate::rounds::{self, Prepared};
use crate::scenario::Scenario;
use crate::statistics::Sample;

/// Runs of each.
const RUNS: usize = 30;

/// The report's phases in their order, with what has passed by then.
const PHASES: &[(&str, &str)] = &[
    ("vm_ready", "command line, images, machine, memory, vCPU, kernel and boot data"),
    ("kernel_entered", "first entry into the guest, its way to long mode and ring 3"),
    ("first_user_instruction", "the kernel: disks, reading and unpacking the archive, loading"),
    ("program_ended", "the program with its system calls"),
    ("done", "output archive, flush, end of the machine"),
];

/// Named times of one thing after the other.
pub(crate) struct Stages {
    /// What KVM charges.
    pub(crate) kvm: Vec<(String, Sample)>,
    /// What seedvmm takes from the start of its main function to the end of the guest.
    pub(crate) seedvmm: Vec<(&'static str, Sample)>,
    /// A process of seedvmm that makes no machine.
    pub(crate) process: Sample,
    /// A whole run, from process start to process end.
    whole: Sample,
}

impl Stages {
    /// What the other parts leave of a whole run.
    pub(crate) fn rest_ms(&self) -> f64 {
        let inside: f64 = self.seedvmm.iter().map(|(_, times)| times.median()).sum();
        self.whole.median() - self.process.median() - inside
    }

    pub(crate) fn to_json(&self) -> Value {
        let kvm = self.kvm.iter().map(|(name, times)| (name.clone(), times.times_to_json()));
        let own =
            self.seedvmm.iter().map(|(name, times)| ((*name).to_owned(), times.times_to_json()));
        json!({
            "kvm": kvm.collect::<Map<_, _>>(),
            "seedvmm": own.collect::<Map<_, _>>(),
            "process_alone": self.process.times_to_json(),
            "whole": self.whole.times_to_json(),
        })
    }
}

/// Measures the scenario "hello".
pub(crate) fn measure(hello: &Scenario) -> Result<Stages, String> {
    let prepared = Prepared::new(hello)?;
    let (mut kvm, mut own) = (Vec::new(), vec![Vec::new(); PHASES.len()]);
    let (mut process, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        add_stages(&mut kvm)?;
        add_phases(&prepared, &mut own)?;
        let mut version = Command::new(paths::seedvmm());
        version.arg("--version").stdout(Stdio::null());
        process.push(rounds::run_to_status(&mut version, 0)?);
        let mut command = prepared.command(Contender::Seedvmm);
        whole.push(rounds::run_to_status(&mut command, 0)?);
    }
    let named =
        |((_, what), times): (&(_, &'static str), &Vec<_>)| (*what, Sample::of_times(times));
    Ok(Stages {
        kvm: kvm
            .iter()
            .map(|(name, times)| (String::clone(name), Sample::of_times(times)))
            .collect(),
        seedvmm: PHASES.iter().zip(&own).map(named).collect(),
        process: Sample::of_times(&process),
        whole: Sample::of_times(&whole),
    })
}

/// Runs the program of stages once and adds what it says.
fn add_stages(series: &mut Vec<(String, Vec<Duration>)>) -> Result<(), String> {
    let output = Command::new(programs::stages()).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("stages: {error}"))?;
    if !output.status.success() {
        return Err(format!("stages: {}", String::from_utf8_lossy(&output.stderr)));
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (name, time) = line.split_once('\t').ok_or(format!("stages: {line}"))?;
        let time = time.parse().map_err(|error| format!("stages: {line}: {error}"))?;
        let time = Duration::from_nanos(time);
        match series.iter_mut().find(|(other, _)| other == name) {
            Some((_, times)) => times.push(time),
            None => series.push((name.to_owned(), vec![time])),
        }
    }
    Ok(())
}

/// Runs "hello" once with a report and adds the length of each phase.
fn add_phases(prepared: &Prepared<'_>, series: &mut [Vec<Duration>]) -> Result<(), String> {
    let report = prepared.place().join("report.json");
    let mut command = prepared.command(Contender::Seedvmm);
    rounds::run_to_status(command.arg("--report").arg(&report), 0)?;
    let text = std::fs::read(&report).map_err(|error| format!("the report: {error}"))?;
    let report: Value =
        serde_json::from_slice(&text).map_err(|error| format!("report: {error}"))?;
    let mut before = 0;
    for ((name, _), times) in PHASES.iter().zip(series) {
        let at = report["phases_us"][name].as_u64().ok_or(format!("the report has no {name}"))?;
        times.push(Duration::from_micros(at.saturating_sub(before)));
        before = at;
    }
    Ok(())
}
