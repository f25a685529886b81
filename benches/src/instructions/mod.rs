// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The command `instructions`: what the kernel executes from its entry to a program's first
//! instruction, and for single services, by privilege level. In ring 0 an instruction may cost an
//! interpreter's time, in ring 3 none does.
//!
//! The counts depend on the kernel's image and hardly on anything else, so they are kept in
//! `instructions.json`, and a check fails when one rises by more than a margin.

mod kept;
mod trace;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use seed_tests::paths::{self, Scratch};
use seed_tests::program::{self, Program};

use crate::table::{self, Place};
use crate::{programs, rounds};
use kept::Kept;
use trace::{Count, Image, Window};

/// What to do with the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Print them.
    Print,
    /// Print them, and fail if one has risen.
    Check,
    /// Keep them for later checks.
    Keep,
}

/// What is kept of a count, for one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) ring0: f64,
    pub(crate) ring3: f64,
    /// Iterations of string instructions after the first, which are not in `ring3`.
    pub(crate) iterations: f64,
}

impl Figure {
    fn per_step(count: Count, steps: u32) -> Self {
        let each = |count: u64| count as f64 / f64::from(steps);
        Self {
            ring0: each(count.ring0),
            ring3: each(count.ring3),
            iterations: each(count.iterations),
        }
    }
}

/// Services of the kernel: name, arguments of `work`, steps of it for one step of the figure.
const SERVICES: &[(&str, &str, u32)] = &[
    ("getpid", "work getpid 32", 32),
    ("read 4 KiB", "work read 32", 32),
    ("write 4 KiB", "work write 32", 32),
    ("append 4 KiB", "work append 32", 32),
    ("page fault", "work fault 32", 32),
    ("pipe round trip", "work pipe 32", 32),
    // A yield there and one back.
    ("context switch", "work yield 32", 64),
    ("fork, exec, wait", "work spawn 8 hello", 8),
];

/// Further files in the larger archive.
const FURTHER_FILES: u32 = 100;

/// Counts everything.
pub(crate) fn run(action: Action) -> Result<(), String> {
    let figures = count_all()?;
    println!("{:<24} {:>10} {:>10} {:>16}", "", "ring 0", "ring 3", "string iterations");
    for (name, figure) in &figures {
        let Figure { ring0, ring3, iterations } = figure;
        println!("{name:<24} {ring0:>10.1} {ring3:>10.1} {iterations:>16.1}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json");
    match action {
        Action::Print => Ok(()),
        Action::Check => Kept::read(&path)?.check(&figures),
        Action::Keep => {
            Kept::write(&path, &figures)?;
            table::update(Path::new("docs/performance.md"), Place::Counts, &in_table(&figures))
        }
    }
}

fn in_table(figures: &[(&str, Figure)]) -> String {
    let mut text = "| | ring 0 | ring 3 | string iterations |\n|---|---|---|---|\n".to_owned();
    for (name, Figure { ring0, ring3, iterations }) in figures {
        let _ = writeln!(text, "| {name} | {ring0:.0} | {ring3:.0} | {iterations:.0} |");
    }
    text
}

fn count_all() -> Result<Vec<(&'static str, Figure)>, String> {
    let image = Image::read(&paths::kernel())?;
    let hello = program::path(Program::Bare("hello"));
    let start = Window::Start { program: trace::program_entry(&hello)? };
    let few = trace::count(&image, &disks(&hello, 0)?, "hello", start)?;
    let many = trace::count(&image, &disks(&hello, FURTHER_FILES)?, "hello", start)?;
    let further = many.less(few);
    let mut figures = vec![
        ("start, one file", Figure::per_step(few, 1)),
        ("start, each further file", Figure::per_step(further, FURTHER_FILES)),
    ];
    let folder = disks(&programs::work(), 0)?;
    for &(name, words, steps) in SERVICES {
        let count = trace::count(&image, &folder, words, Window::Marks)?;
        figures.push((name, Figure::per_step(count, steps)));
    }
    Ok(figures)
}

/// Disks with a program, in need of the same others as `work`, and so many small files.
fn disks(init: &Path, further_files: u32) -> Result<Scratch, String> {
    let scratch = Scratch::new();
    let files = scratch.join("files");
    let put = |name: &str, program: &Path| {
        let target = files.join(name);
        fs::create_dir_all(target.parent().expect("it lies in the folder"))
            .and_then(|()| fs::copy(program, &target))
            .map_err(|error| format!("{}: {error}", target.display()))
    };
    put("init", init)?;
    for number in 0..further_files {
        scratch.write(&format!("files/file{number:04}"), b"a few bytes");
    }
    if init == programs::work() {
        put("hello", &program::path(Program::Bare("hello")))?;
        put("out/keep", &program::path(Program::Bare("hello")))?;
    }
    rounds::pack(&files, &scratch.join("in.img"))?;
    scratch.disk("out.img", 1 << 20);
    Ok(scratch)
}
