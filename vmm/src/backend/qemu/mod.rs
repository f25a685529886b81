// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The QEMU backend: has QEMU's `microvm` machine run the same kernel on the same disks.
//!
//! The reference, and the way to run on hosts without KVM. `command` is the command line,
//! `cpu_model` its processor,
//! `process` the child and its streams, `exit` what its exit status means. QEMU cannot tell
//! exits, disk work or guest memory, so those figures are absent; and it idles for ever when the
//! guest halts, which only a time limit ends.

mod command;
mod cpu_model;
mod exit;
mod process;
mod stdin;

use std::io;

use super::{Machine, Stopped, microseconds_since};
use crate::console::Output;
use crate::end::End;
use crate::engine::{Accel, BackendKind, Phases};
use crate::error_line::error_line;

/// Why QEMU could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no QEMU.
    #[error("{program} is not installed (Debian: package qemu-system-x86)", program = command::PROGRAM)]
    Missing,
    /// The embedded kernel cannot be given to it.
    #[error("cannot put the kernel into a memory file for QEMU")]
    KernelFile(#[source] io::Error),
    /// The program is there but does not start.
    #[error("cannot start {program}", program = command::PROGRAM)]
    Spawn(#[source] io::Error),
}

/// The accelerator that QEMU will use here.
#[must_use]
pub fn resolve(accel: Accel) -> BackendKind {
    match accel {
        Accel::Kvm => BackendKind::QemuKvm,
        Accel::Tcg => BackendKind::QemuTcg,
        Accel::Auto => match super::kvm::Vm::create() {
            Ok(_) => BackendKind::QemuKvm,
            Err(_) => BackendKind::QemuTcg,
        },
    }
}

/// Whether QEMU is installed.
#[must_use]
pub fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(command::PROGRAM).is_file())
}

/// Runs `machine` in QEMU to its end.
///
/// # Errors
/// QEMU could not be started.
pub fn run(
    kind: BackendKind,
    machine: &Machine<'_>,
    output: &mut Output<'_>,
) -> Result<Stopped, Error> {
    let command = command::Invocation::new(kind, machine)?;
    let finish = process::run(command, machine.stdin, output)?;
    let end = match finish {
        process::Finish::Exited(exit) => exit::interpret(&exit, machine.cpu, output),
        process::Finish::TimeLimit => End::TimeLimit(machine.timeout.unwrap_or_default()),
        process::Finish::Crashed(why) => End::GuestCrashed(why),
        process::Finish::Failed(why) => End::HostFailed(why),
    };
    let end = match output.finish() {
        Err(error) if !matches!(end, End::TimeLimit(_) | End::HostFailed(_)) => {
            End::HostFailed(error_line(&error))
        }
        _ => end,
    };
    let done = Some(microseconds_since(machine.started));
    let phases = Phases { done, ..Phases::default() };
    Ok(Stopped { end, phases, exits: None, input: None, output: None, record: None })
}
