// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Wall times of the runs of a case, for `docs/programs.md`: a line for each with the test's name, where it
//! ran, and seconds. They go to the file that `SEEDVMM_TEST_TIMES` names; without it, nowhere.

use std::env;
use std::fs::File;
use std::io::Write as _;
use std::thread;
use std::time::Duration;

/// Notes one run of the current test.
///
/// # Panics
/// The file cannot be written.
pub fn note(place: &str, elapsed: Duration) {
    let Some(path) = env::var_os("SEEDVMM_TEST_TIMES") else { return };
    let test = thread::current().name().unwrap_or("main").to_owned();
    let line = format!("{test}\t{place}\t{:.3}\n", elapsed.as_secs_f64());
    let mut file = File::options().append(true).create(true).open(path).expect("it can be opened");
    file.write_all(line.as_bytes()).expect("it can be written");
}
