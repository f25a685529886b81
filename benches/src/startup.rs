// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Process start to process end, every case in turn, round after round.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::workload::{self, Case, Disks};
use crate::{Options, machine, write_json};

/// Rounds that only fill caches.
const WARM_UP: usize = 2;

/// Runs every case `options.runs` times and prints the figures.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let disks = Disks::new();
    let cases = workload::cases(&disks);
    let mut times = vec![Vec::new(); cases.len()];
    for round in 0..WARM_UP + options.runs {
        for (case, times) in cases.iter().zip(&mut times) {
            let elapsed = measure(case)?;
            if round >= WARM_UP {
                times.push(elapsed);
            }
        }
    }

    let rows: Vec<Row> =
        cases.iter().zip(times).map(|(case, times)| Row::new(case, times)).collect();
    let floor = rows[0].median;
    println!("{:<28} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "median", "min", "max", "ratio");
    for row in &rows {
        let ratio = row.median / floor;
        println!(
            "{:<28} {:>9.3} {:>9.3} {:>9.3} {ratio:>9.2}",
            row.name,
            row.median,
            row.times[0],
            row.times[row.times.len() - 1],
        );
    }
    println!("{} runs each, in turn; ratio: to the first line", options.runs);

    let cases: Vec<_> = rows
        .iter()
        .map(|row| json!({"name": row.name, "median_ms": row.median, "times_ms": row.times}))
        .collect();
    let figures = json!({
        "schema": "seedvmm-bench-startup",
        "version": 1,
        "machine": machine::describe(),
        "runs": options.runs,
        "cases": cases,
    });
    write_json(options, &figures)
}

/// A case with its times in milliseconds, sorted.
struct Row {
    name: &'static str,
    median: f64,
    times: Vec<f64>,
}

impl Row {
    fn new(case: &Case, times: Vec<Duration>) -> Self {
        let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        let middle = times.len() / 2;
        let median = f64::midpoint(times[(times.len() - 1) / 2], times[middle]);
        Self { name: case.name, median, times }
    }
}

fn measure(case: &Case) -> Result<Duration, String> {
    let mut command = case.command();
    let start = Instant::now();
    let status = command.status();
    let elapsed = start.elapsed();
    match status {
        Ok(status) if status.code() == Some(case.status) => Ok(elapsed),
        Ok(status) => Err(format!("{}: {status}; the command was {command:?}", case.name)),
        Err(error) => Err(format!("{}: {error}; the command was {command:?}", case.name)),
    }
}
