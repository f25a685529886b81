// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Figures as Markdown, and their place in documents.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::compare::Results;
use crate::contender::Contender::{self, Floor, Host, QemuKvm, QemuTcg, Run, Seedvmm};
use crate::rounds::Measured;
use crate::statistics::Sample;
use crate::throughput::{AT_ONCE, PER_ROUND, Throughput};

/// A place in a document, between two lines that name it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Of what `compare` measures.
    Figures,
    /// Of what `instructions` counts.
    Counts,
}

impl Place {
    fn lines(self) -> (String, String) {
        let name = match self {
            Self::Figures => "figures",
            Self::Counts => "counts",
        };
        (
            format!("<!-- {name}: begin, written by seed-benches -->"),
            format!("<!-- {name}: end -->"),
        )
    }
}

/// Columns of the tables.
const COLUMNS: &[Contender] = &[Host, Seedvmm, QemuKvm, QemuTcg];

/// Everything that was measured.
pub(crate) fn everything(results: &Results) -> String {
    let mut text = format!("{}\n\n", results.machine.sentence());
    let commit = &results.machine.to_json()["commit"];
    let _ = writeln!(
        text,
        "Commit {}. Milliseconds: median (first to third quartile).\n",
        commit.as_str().unwrap_or("unknown")
    );
    if let Some(hello) = results.scenario("hello") {
        text += &of_hello(hello, true);
        text.push('\n');
    }
    text += &times(results);
    text += &steps(results);
    text += &ratios(results);
    text += &memory(results);
    text += &density(results);
    text += &stages(results);
    text
}

/// The table of the README.
pub(crate) fn hello(results: &Results) -> String {
    results.scenario("hello").map(|hello| of_hello(hello, false)).unwrap_or_default()
}

fn of_hello(hello: &Measured, with_spread: bool) -> String {
    let mut text = format!(
        "| \"hello\", {} runs | ms | by the floor |\n|---|---|---|\n",
        hello.scenario.rounds
    );
    let floor = hello.times(Floor).map(Sample::median);
    for (contender, times) in &hello.series {
        let name = match contender {
            Floor => "the floor: a minimal C program",
            Host => "the program on the host",
            Run => "`seedvmm run -- hello`",
            Seedvmm => "`seedvmm`, main job",
            QemuKvm => "QEMU microvm, KVM",
            QemuTcg => "QEMU microvm, TCG",
        };
        let time = if with_spread { with_quartiles(times) } else { number(times.median()) };
        let ratio = floor.map_or("-".to_owned(), |floor| number(times.median() / floor));
        let _ = writeln!(text, "| {name} | {time} | {ratio} |");
    }
    text
}

/// A heading row for the columns.
fn head(first: &str) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|contender| contender.name()).collect();
    format!("| {first} | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()))
}

fn cells(measured: &Measured, cell: impl Fn(Contender, &Sample) -> String) -> String {
    let cells = COLUMNS.iter().map(|&contender| {
        measured.times(contender).map_or("-".to_owned(), |times| cell(contender, times))
    });
    cells.collect::<Vec<_>>().join(" | ")
}

fn times(results: &Results) -> String {
    let mut text = head("whole job, runs");
    for measured in results.measured.iter().filter(|measured| measured.scenario.name != "hello") {
        let Some((_, first)) = measured.series.first() else { continue };
        let cells = cells(measured, |_, times| with_quartiles(times));
        let _ = writeln!(text, "| {}, {} | {cells} |", measured.scenario.job_title(), first.runs());
    }
    text.push('\n');
    text
}

/// Time of single steps: a job of many, less a job of none.
fn steps(results: &Results) -> String {
    let Some(nothing) = results.scenario("nothing") else { return String::new() };
    let mut text = head("one step, microseconds");
    for measured in &results.measured {
        let Some(steps) = measured.scenario.steps else { continue };
        let cells = cells(measured, |contender, times| {
            let Some(start) = nothing.times(contender) else { return "-".to_owned() };
            let taken = times.median() - start.median();
            let is_lost_in_noise = taken < start.third_quartile() - start.first_quartile();
            match is_lost_in_noise {
                true => "lost in start-up".to_owned(),
                false => number(taken * 1e3 / f64::from(steps)),
            }
        });
        let _ = writeln!(text, "| {} | {cells} |", measured.scenario.title);
    }
    text.push('\n');
    text
}

fn ratios(results: &Results) -> String {
    let mut text = "| ratio of medians | | goal | met |\n|---|---|---|---|\n".to_owned();
    for ratio in &results.ratios {
        let (goal, met) = goal(ratio.goal_text(), ratio.is_met());
        let _ = writeln!(text, "| {} | {:.2} | {goal} | {met} |", ratio.name, ratio.value);
    }
    text.push('\n');
    text
}

/// The cells of a goal, if there is one.
fn goal(text: Option<String>, is_met: bool) -> (String, &'static str) {
    match text {
        Some(text) => (text, if is_met { "yes" } else { "no" }),
        None => (String::new(), ""),
    }
}

fn memory(results: &Results) -> String {
    if results.memory.is_empty() {
        return String::new();
    }
    let mut text =
        "| memory, KiB | guest, touched | monitor beyond it |\n|---|---|---|\n".to_owned();
    for (contender, memory) in &results.memory {
        let (guest, monitor) = (memory.guest_kib, memory.monitor_kib);
        let _ = writeln!(text, "| {} | {guest} | {monitor} |", contender.name());
    }
    text.push('\n');
    text
}

fn density(results: &Results) -> String {
    let Some(density) = &results.density else { return String::new() };
    let mut text = throughput(&density.throughput);
    text += "\n| more of many machines | |\n|---|---|\n";
    for (what, value) in [
        ("memory of 8 that stay, shared pages once, KiB", density.together_kib.to_string()),
        ("growth of a process from its 20th to its 100th, KiB", density.growth_kib.to_string()),
        ("growth of its descriptors", density.growth_descriptors.to_string()),
    ] {
        let _ = writeln!(text, "| {what} | {value} |");
    }
    text
}

fn throughput(series: &[Throughput]) -> String {
    let mut text = format!(
        "| many machines, ms each | one at a time | {AT_ONCE} at a time | throughput | goal | met |\n\
         |---|---|---|---|---|---|\n"
    );
    for throughput in series {
        let each = |round: &Sample| number(round.median() / PER_ROUND as f64);
        let (one, all) = (each(&throughput.one_at_a_time), each(&throughput.at_once));
        let gain = with_quartiles(&throughput.gain);
        let (goal, met) = goal(throughput.goal_text(), throughput.is_met());
        let _ =
            writeln!(text, "| {} | {one} | {all} | {gain} | {goal} | {met} |", throughput.name());
    }
    text
}

fn stages(results: &Results) -> String {
    let Some(stages) = &results.stages else { return String::new() };
    let row = |name: &str, milliseconds: f64| format!("| {name} | {:.0} |\n", milliseconds * 1e3);
    let mut text = "\n| one \"hello\" of `seedvmm`, main job | µs |\n|---|---|\n".to_owned();
    text +=
        &row("a process of it that makes no machine: `seedvmm --version`", stages.process.median());
    for (name, times) in &stages.seedvmm {
        text += &row(name, times.median());
    }
    text += &row("what is left: closing the machine, freeing its memory", stages.rest_ms());
    text += "\n| what KVM charges anybody | µs |\n|---|---|\n";
    for (name, times) in &stages.kvm {
        text += &row(name, times.median());
    }
    text
}

fn with_quartiles(sample: &Sample) -> String {
    let (first, third) = (number(sample.first_quartile()), number(sample.third_quartile()));
    format!("{} ({first}–{third})", number(sample.median()))
}

/// Three figures.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// Puts `text` into its place in a document.
pub(crate) fn update(path: &Path, place: Place, text: &str) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", path.display());
    let document = fs::read_to_string(path).map_err(error)?;
    let document = with_text(&document, place, text)
        .ok_or_else(|| format!("{} has no line {}", path.display(), place.lines().0))?;
    fs::write(path, document).map_err(error)
}

fn with_text(document: &str, place: Place, text: &str) -> Option<String> {
    let (begin, end) = place.lines();
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_what_is_around_the_place() {
        let (begin, end) = Place::Counts.lines();
        let document = format!("before\n{begin}\nold\n{end}\nafter\n");
        let expected = format!("before\n{begin}\nnew\n{end}\nafter\n");
        assert_eq!(with_text(&document, Place::Counts, "new\n"), Some(expected));
        assert_eq!(with_text(&document, Place::Figures, "new"), None);
    }

    #[test]
    fn numbers_have_three_figures() {
        assert_eq!(
            [number(123.4), number(12.34), number(1.234), number(0.1234)],
            ["123", "12.3", "1.23", "0.123"]
        );
    }
}
