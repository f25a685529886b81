// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Many machines: one after another in one process, whose memory and descriptors must not grow; the
//! memory of several that stay; and their throughput as processes.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

use seedvmm::end::End;
use seedvmm::engine::{self, BackendChoice, Console, DiskSource, Job};
use serde_json::{Value, json};

use crate::contender::Contender;
use crate::memory;
use crate::rounds::Prepared;
use crate::scenario::Scenario;
use crate::throughput::{self, AT_ONCE, PER_ROUND, Throughput};

/// Machines one after another.
const MACHINES: usize = 100;

/// Machines after which memory counts: by then every cache of the process is filled.
const SETTLED: usize = 20;

/// What many machines cost.
pub(crate) struct Density {
    /// Growth of this process between `SETTLED` and `MACHINES` machines, in KiB.
    pub(crate) growth_kib: i64,
    /// Growth of its open descriptors.
    pub(crate) growth_descriptors: i64,
    /// Machines as processes, and what to see them beside.
    pub(crate) throughput: Vec<Throughput>,
    /// Proportional memory of `AT_ONCE` machines that all stay.
    pub(crate) together_kib: u64,
}

impl Density {
    pub(crate) fn to_json(&self) -> Value {
        let throughput = self.throughput.iter().map(Throughput::to_json);
        json!({
            "machines_in_one_process": MACHINES,
            "memory_growth_kib": self.growth_kib,
            "descriptor_growth": self.growth_descriptors,
            "processes_per_round": PER_ROUND,
            "at_once": AT_ONCE,
            "throughput": throughput.collect::<Vec<_>>(),
            "proportional_memory_of_all_at_once_kib": self.together_kib,
        })
    }
}

/// Measures them with the "hello" scenario, and memory with one that stays.
pub(crate) fn measure(hello: &Scenario, stay: &Scenario) -> Result<Density, String> {
    let (growth_kib, growth_descriptors) = growth(Prepared::new(hello)?.place())?;
    Ok(Density {
        growth_kib,
        growth_descriptors,
        throughput: throughput::measure(hello)?,
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

/// Memory of machines that run at once, in KiB; pages that several share count once.
fn together(stay: &Scenario) -> Result<u64, String> {
    let places = Prepared::several(stay, AT_ONCE)?;
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
