// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Builds every guest program and names the folder, for a run where no compiler is at hand.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use seed_tests::{paths, program, pvh};

fn main() -> ExitCode {
    for &program in program::ALL {
        drop(program::path(program));
    }
    for kernel in pvh::ALL {
        drop(pvh::path(kernel));
    }
    println!("{}", paths::built().display());
    ExitCode::SUCCESS
}
