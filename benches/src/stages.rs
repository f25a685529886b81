// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where the time of one "hello" goes: the stages that KVM charges anybody who makes a machine, as
//! `programs/stages.c` finds them, and the phases of seedvmm's own report.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::contender::Contender;
use crate::programs;
use crate::rounds::{self, Measured, Prepared};
use crate::scenario::Scenario;
use crate::statistics::Times;

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
    pub(crate) kvm: Vec<(String, Times)>,
    /// What seedvmm takes from the start of its main function on.
    pub(crate) seedvmm: Vec<(&'static str, Times)>,
    /// What is left of a whole run, from process start to process end: medians' difference.
    pub(crate) rest_ms: f64,
}

impl Stages {
    pub(crate) fn to_json(&self) -> Value {
        let kvm = self.kvm.iter().map(|(name, times)| (name.clone(), json!(times.median())));
        let own = self.seedvmm.iter().map(|(name, times)| {
            json!({
                "name": name, "median_ms": times.median(),
            })
        });
        json!({
            "kvm_median_ms": kvm.collect::<Map<_, _>>(),
            "seedvmm": own.collect::<Vec<_>>(),
            "before_main_and_after_the_end_ms": self.rest_ms,
        })
    }
}

/// Measures both, `hello` having been measured as a whole.
pub(crate) fn measure(hello: &Scenario, whole: &Measured) -> Result<Stages, String> {
    let prepared = Prepared::new(hello)?;
    let (mut kvm, mut own) = (Vec::new(), vec![Vec::new(); PHASES.len()]);
    for _ in 0..RUNS {
        add_stages(&mut kvm)?;
        add_phases(&prepared, &mut own)?;
    }
    let kvm = kvm.iter().map(|(name, times)| (String::clone(name), Times::new(times))).collect();
    let seedvmm: Vec<_> =
        PHASES.iter().zip(&own).map(|((_, what), times)| (*what, Times::new(times))).collect();
    let inside: f64 = seedvmm.iter().map(|(_, times)| times.median()).sum();
    let whole = whole.times(Contender::Seedvmm).map_or(inside, Times::median);
    Ok(Stages { kvm, seedvmm, rest_ms: whole - inside })
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
