// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Many machines: one after another in one process, whose memory and descriptors must not grow; as
//! processes, one at a time and several at once.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use seed_tests::paths;
use seedvmm::end::End;
use seedvmm::engine::{self, BackendChoice, Console, DiskSource, Job};
use serde_json::{Value, json};

use crate::contender::Contender;
use crate::memory;
use crate::rounds::{self, Prepared};
use crate::scenario::Scenario;
use crate::statistics::Sample;

/// Machines one after another.
const MACHINES: usize = 100;

/// Machines after which memory counts: by then every cache of the process is filled.
const SETTLED: usize = 20;

/// Machines at once.
const AT_ONCE: usize = 8;

/// Machines of a round: a multiple of `AT_ONCE`.
pub(crate) const PER_ROUND: usize = 48;

/// Rounds of each.
const ROUNDS: usize = 8;

/// What many machines cost.
pub(crate) struct Density {
    /// Growth of this process between `SETTLED` and `MACHINES` machines, in KiB.
    pub(crate) growth_kib: i64,
    /// Growth of its open descriptors.
    pub(crate) growth_descriptors: i64,
    /// A round of machines one at a time, and of as many several at once.
    pub(crate) one_at_a_time: Sample,
    pub(crate) at_once: Sample,
    /// Proportional memory of `AT_ONCE` machines that all stay.
    pub(crate) together_kib: u64,
}

impl Density {
    /// How many times as many machines there are in a second when several run at once.
    pub(crate) fn gain(&self) -> f64 {
        self.one_at_a_time.median() / self.at_once.median()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "machines_in_one_process": MACHINES,
            "memory_growth_kib": self.growth_kib,
            "descriptor_growth": self.growth_descriptors,
            "machines_per_round": PER_ROUND,
            "at_once": AT_ONCE,
            "one_at_a_time": self.one_at_a_time.times_to_json(),
            "all_at_once": self.at_once.times_to_json(),
            "gain": self.gain(),
            "proportional_memory_of_all_at_once_kib": self.together_kib,
        })
    }
}

/// Measures them with the "hello" scenario, and memory with one that stays.
pub(crate) fn measure(hello: &Scenario, stay: &Scenario) -> Result<Density, String> {
    let prepared = Prepared::new(hello)?;
    let (growth_kib, growth_descriptors) = growth(prepared.place())?;
    let (mut one_at_a_time, mut at_once) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one_at_a_time.push(round(prepared.place(), 1)?);
        at_once.push(round(prepared.place(), AT_ONCE)?);
    }
    Ok(Density {
        growth_kib,
        growth_descriptors,
        one_at_a_time: Sample::of_times(&one_at_a_time),
        at_once: Sample::of_times(&at_once),
        together_kib: together(stay)?,
    })
}

/// Growth of this process by machines that the engine runs in it: KiB and descriptors.
fn growth(place: &Path) -> Result<(i64, i64), String> {
    let mut settled = (0, 0);
    for number in 1..=MACHINES {
        let job = Job {
            input: Some(DiskSource::Path(place.join("in.img"))),
            output: Some(DiskSource::Path(place.join("out.img"))),
            backend: BackendChoice::Kvm,
            ..Job::default()
        };
        let outcome = engine::run(&job, Instant::now(), &mut Dropped);
        match outcome.map(|outcome| outcome.end) {
            Ok(End::Exited(0)) => {}
            other => return Err(format!("machine {number} of one process: {other:?}")),
        }
        if number == SETTLED {
            settled = own_size()?;
        }
    }
    let (kib, descriptors) = own_size()?;
    Ok((kib - settled.0, descriptors - settled.1))
}

/// A console that nobody reads.
struct Dropped;

impl Console for Dropped {
    fn write_program(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn write_kernel_line(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Resident KiB and open descriptors of this process.
fn own_size() -> Result<(i64, i64), String> {
    let error = |error: io::Error| format!("/proc/self: {error}");
    let status = fs::read_to_string("/proc/self/status").map_err(error)?;
    let resident = memory::field(&status, "VmRSS:").unwrap_or(0);
    let descriptors = fs::read_dir("/proc/self/fd").map_err(error)?.count();
    Ok((resident as i64, descriptors as i64))
}

/// Runs the machines of a round, so many at once, and returns how long all of them took.
fn round(place: &Path, at_once: usize) -> Result<Duration, String> {
    let start = Instant::now();
    let one_after_another = |lane: usize| {
        let output = place.join(format!("out{lane}.img"));
        fs::File::create(&output)
            .and_then(|file| file.set_len(1 << 20))
            .map_err(|error| format!("{}: {error}", output.display()))?;
        for _ in 0..PER_ROUND / at_once {
            let mut command = Command::new(paths::seedvmm());
            command.args(["--backend", "kvm", "--in"]).arg(place.join("in.img"));
            command.arg("--out").arg(&output);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            rounds::run_to_status(&mut command, 0)?;
        }
        Ok(())
    };
    let results: Vec<Result<(), String>> = thread::scope(|scope| {
        let lanes: Vec<_> =
            (0..at_once).map(|lane| scope.spawn(move || one_after_another(lane))).collect();
        lanes.into_iter().map(|lane| lane.join().expect("a lane does not panic")).collect()
    });
    results.into_iter().collect::<Result<(), String>>()?;
    Ok(start.elapsed())
}

/// Memory of machines that run at once, in KiB; pages that several share count once.
fn together(stay: &Scenario) -> Result<u64, String> {
    let places = (0..AT_ONCE).map(|_| Prepared::new(stay)).collect::<Result<Vec<_>, _>>()?;
    let mut machines = Vec::new();
    let mut started = Ok(());
    for place in &places {
        match memory::start(place, Contender::Seedvmm) {
            Ok(machine) => machines.push(machine),
            Err(error) => started = Err(error),
        }
    }
    let sizes: Vec<_> = machines.iter().map(|machine| memory::look(machine.id())).collect();
    for machine in &mut machines {
        memory::end(machine)?;
    }
    started?;
    let sizes = sizes.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(sizes.iter().map(|size| size.proportional_kib).sum())
}
