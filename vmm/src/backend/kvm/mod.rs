// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The KVM backend: presents seed machine 1 itself.
//!
//! `vm` makes the machine and its memory, `vcpu` its processor as PVH wants it, `cpuid` says
//! what the processor is, `devices` what is connected to it, `run` is the loop around the guest.
//! One thread; the guest's exits are its only events besides the time limit's signal.

mod cpuid;
mod devices;
mod run;
mod timeline;
mod vcpu;
mod vm;

use std::io;

pub use vm::Vm;

use super::{Machine, Stopped, microseconds_since};
use crate::console::Output;
use crate::memory;
use crate::signals::heartbeat::Heartbeat;

/// Why this host's KVM cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The device is missing, or the caller has no right to it.
    #[error("cannot open /dev/kvm: {0}")]
    Open(io::Error),
    /// Another interface than the one that has been stable since Linux 2.6.22.
    #[error("/dev/kvm has interface version {0}, not 12")]
    ApiVersion(i32),
    /// No machine to be had.
    #[error("KVM_CREATE_VM failed: {0}")]
    Create(io::Error),
}

/// Why a machine could not be set up on a KVM that could be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to KVM, or to the system for it, failed.
    #[error("{call} failed")]
    Call {
        /// Its name in the documentation.
        call: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Guest memory cannot be made or filled.
    #[error(transparent)]
    Memory(#[from] memory::Error),
    /// A disk's file cannot be used after all.
    #[error("cannot use the disk {name}")]
    Disk {
        /// What the caller calls it.
        name: String,
        /// The cause.
        source: io::Error,
    },
}

/// Names the call that failed.
trait Call<T> {
    fn call(self, call: &'static str) -> Result<T, Error>;
}

impl<T> Call<T> for Result<T, kvm_ioctls::Error> {
    fn call(self, call: &'static str) -> Result<T, Error> {
        self.map_err(|error| Error::Call { call, source: error.into() })
    }
}

/// Runs `machine` on `vm` to its end.
///
/// # Errors
/// The machine could not be set up.
pub fn run(vm: Vm, machine: &Machine<'_>, output: &mut Output<'_>) -> Result<Stopped, Error> {
    let memory = memory::map(&machine.ram)?;
    memory::load_kernel(&memory, machine.kernel)?;
    let module = machine
        .initrd
        .map(|path| memory::load_module(&memory, &machine.ram, path, machine.kernel.end))
        .transpose()?;
    memory::load_boot_data(&memory, &machine.ram, machine.command_line, module)?;
    let vm = vm.with_memory(&memory)?;
    let vcpu = vcpu::Vcpu::create(&vm, machine.kernel.entry)?;
    let devices = devices::Devices::connect(machine.images, &memory, output)?;
    let _heartbeat =
        Heartbeat::start().map_err(|source| Error::Call { call: "timer_create", source })?;
    Ok(run::run_to_end(vcpu, devices, machine))
}
