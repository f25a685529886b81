// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The command `compare`: every scenario by every contender, and what follows from it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::chart;
use crate::contender::Contender;
use crate::density::{self, Density};
use crate::machine::Machine;
use crate::memory::{self, Memory};
use crate::ratios::{self, Ratio};
use crate::rounds::{self, Measured, Prepared};
use crate::scenario::{self, Scenario};
use crate::stages::{self, Stages};
use crate::statistics::Sample;
use crate::table::{self, Place};

/// What the command line asks for.
pub(crate) struct Options {
    /// Rounds at most.
    pub(crate) runs: Option<usize>,
    /// Names of scenarios; all if empty.
    pub(crate) only: Vec<String>,
    /// Few scenarios and rounds, and a comparison with the ratios that are kept.
    pub(crate) quick: bool,
    /// Keep the quick ratios.
    pub(crate) keep: bool,
    /// Put the results into docs/ and the README.
    pub(crate) docs: bool,
}

/// Scenarios and rounds of a quick run.
const QUICK: &[(&str, usize)] = &[("hello", 15), ("files", 8), ("tree", 5), ("disk-read", 5)];

/// Quick runs before something counts as fallen back.
const ATTEMPTS: u32 = 3;

/// Everything that one call measured.
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) measured: Vec<Measured>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) memory: Vec<(Contender, Memory)>,
    pub(crate) density: Option<Density>,
    pub(crate) stages: Option<Stages>,
}

impl Results {
    /// The scenario of a name, if it was measured.
    pub(crate) fn scenario(&self, name: &str) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.scenario.name == name)
    }

    fn to_json(&self) -> Value {
        let series = |(contender, times): &(Contender, Sample)| {
            let mut series = times.times_to_json();
            series["name"] = contender.name().into();
            series
        };
        let scenario = |measured: &Measured| {
            json!({
                "name": measured.scenario.name,
                "title": measured.scenario.title,
                "steps": measured.scenario.steps,
                "contenders": measured.series.iter().map(series).collect::<Vec<_>>(),
            })
        };
        let memory = |(contender, memory): &(Contender, Memory)| {
            json!({
                "name": contender.name(),
                "guest_kib": memory.guest_kib,
                "monitor_kib": memory.monitor_kib,
            })
        };
        json!({
            "schema": "seedvmm-bench",
            "version": 2,
            "machine": self.machine.to_json(),
            "scenarios": self.measured.iter().map(scenario).collect::<Vec<_>>(),
            "ratios": self.ratios.iter().map(Ratio::to_json).collect::<Vec<_>>(),
            "memory": self.memory.iter().map(memory).collect::<Vec<_>>(),
            "stages": self.stages.as_ref().map(Stages::to_json),
            "density": self.density.as_ref().map(Density::to_json),
        })
    }
}

/// Runs the command.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    if options.quick || options.keep {
        return quick(options);
    }
    let results = measure_all(options)?;
    print!("{}", table::everything(&results));
    write(Path::new("target/bench"), &results)?;
    if options.docs {
        write(Path::new("docs/performance"), &results)?;
        let figures = table::everything(&results);
        table::update(Path::new("docs/performance.md"), Place::Figures, &figures)?;
        table::update(Path::new("README.md"), Place::Figures, &table::hello(&results))?;
    }
    Ok(())
}

fn quick(options: &Options) -> Result<(), String> {
    let machine = Machine::this_one();
    if options.keep {
        return ratios::keep(&quick_ratios(QUICK)?, &machine);
    }
    let mut scenarios = QUICK.to_vec();
    for attempt in 1..=ATTEMPTS {
        println!("attempt {attempt} of at most {ATTEMPTS}, machine {}", machine.sentence());
        let ratios = quick_ratios(&scenarios)?;
        let fallen = ratios::fallen_back(&ratios, &machine)?;
        // What was good once is good: something else may have kept the machine busy.
        scenarios.retain(|(name, _)| fallen.iter().any(|ratio| ratio.scenario == *name));
        if scenarios.is_empty() {
            return Ok(());
        }
    }
    let names: Vec<_> = scenarios.iter().map(|(name, _)| *name).collect();
    Err(format!("fallen back in each of {ATTEMPTS} attempts: {}", names.join(", ")))
}

fn quick_ratios(scenarios: &[(&str, usize)]) -> Result<Vec<Ratio>, String> {
    let mut measured = Vec::new();
    for mut scenario in scenario::all() {
        let Some((_, rounds)) = scenarios.iter().find(|(name, _)| *name == scenario.name) else {
            continue;
        };
        (scenario.rounds, scenario.rounds_of_tcg) = (*rounds, *rounds);
        measured.push(rounds::measure(&scenario)?);
    }
    // Of a few times on a busy machine the least says most.
    Ok(ratios::all(&measured, Sample::min))
}

fn measure_all(options: &Options) -> Result<Results, String> {
    let is_wanted =
        |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let machine = Machine::this_one();
    let scenarios = scenario::all();
    let mut measured = Vec::new();
    for scenario in scenarios.iter().filter(|scenario| is_wanted(scenario.name)) {
        eprintln!("measuring: {}", scenario.title);
        let limit = |rounds: usize| options.runs.map_or(rounds, |runs| runs.min(rounds));
        let scenario = Scenario {
            rounds: limit(scenario.rounds),
            rounds_of_tcg: limit(scenario.rounds_of_tcg),
            ..scenario.clone()
        };
        measured.push(rounds::measure(&scenario)?);
    }
    let ratios = ratios::all(&measured, Sample::median);
    let stay = scenario::that_stays();
    let memory = if is_wanted("memory") { measure_memory(&stay)? } else { Vec::new() };
    let hello = &scenarios[0];
    let has_kvm = Contender::Seedvmm.is_available();
    let density = (is_wanted("density") && has_kvm).then(|| density::measure(hello, &stay));
    let stages = (is_wanted(hello.name) && has_kvm).then(|| stages::measure(hello));
    let (density, stages) = (density.transpose()?, stages.transpose()?);
    Ok(Results { machine, measured, ratios, memory, density, stages })
}

fn measure_memory(stay: &Scenario) -> Result<Vec<(Contender, Memory)>, String> {
    eprintln!("measuring: memory");
    let prepared = Prepared::new(stay)?;
    let monitors = [Contender::Seedvmm, Contender::QemuKvm, Contender::QemuTcg];
    let available = monitors.into_iter().filter(|contender| contender.is_available());
    available.map(|contender| Ok((contender, memory::measure(&prepared, contender)?))).collect()
}

/// Writes figures, table and chart into a folder.
fn write(folder: &Path, results: &Results) -> Result<(), String> {
    let files = [
        ("figures.json", format!("{:#}\n", results.to_json())),
        ("table.md", table::everything(results)),
        ("chart.svg", chart::draw(results)),
    ];
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
