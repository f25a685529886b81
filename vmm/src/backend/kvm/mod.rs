// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The KVM backend: presents seed machine 1 itself.
//!
//! `vm` makes the machine and its memory, `vcpu` its processor as PVH wants it, `cpuid` says
//! what the processor is, `devices` what is connected to it, with `standard_input` and
//! `console_port`, `run` is the loop around the guest.
//! One thread; the guest's exits are its only events besides signals.

mod console_port;
mod cpuid;
mod devices;
mod run;
mod standard_input;
mod timeline;
mod vcpu;
mod vm;

use std::io;

use kvm_ioctls::Kvm;

pub use vm::Vm;

use super::{Machine, Stopped, microseconds_since};
use crate::backing::{self, FixedFile};
use crate::console::Output;
use crate::images::Role;
use crate::layout::{LARGE_PAGE_SIZE, Range};
use crate::memory::{self, GuestMemory};
use crate::processor::CpuProfile;
use crate::signals::heartbeat::Heartbeat;
use console_port::ConsolePort;

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
    /// The host cannot be what the profile promises.
    #[error(
        "this host's KVM lacks features that --cpu {profile} promises ({missing}); choose --cpu \
         {instead}, or --backend qemu --accel tcg"
    )]
    Processor {
        /// The profile.
        profile: CpuProfile,
        /// Names of the features.
        missing: String,
        /// The profile that promises most of those that the host can be.
        instead: CpuProfile,
    },
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

/// The features that each profile promises and this host's KVM lacks, nothing for most of them.
///
/// # Errors
/// KVM cannot be opened, or does not tell what it has.
pub fn missing_features() -> Result<Vec<(CpuProfile, Vec<&'static str>)>, Error> {
    cpuid::all_missing(&Kvm::new().call("opening /dev/kvm")?)
}

/// Runs `machine` on `vm` to its end.
///
/// # Errors
/// The machine could not be set up.
pub fn run(vm: Vm, machine: &Machine<'_>, output: &mut Output<'_>) -> Result<Stopped, Error> {
    let cpuid = cpuid::of_profile(machine.cpu, vm.kvm())?;
    let memory = memory::map(&machine.ram)?;
    prefer_large_pages(&memory, machine);
    memory::load_kernel(&memory, machine.kernel)?;
    if let Some(block) = machine.kernel.console_block {
        memory::offer_console_port(&memory, block)?;
    }
    let mapped = map_input(&memory, machine);
    let module = match (mapped, machine.initrd) {
        (None, Some(path)) => {
            Some(memory::load_module(&memory, &machine.ram, path, machine.kernel.end)?)
        }
        (mapped, _) => mapped,
    };
    memory::load_boot_data(&memory, &machine.ram, machine.command_line, module)?;
    // A module is there from the start, and so is then all memory, if it lies behind the early.
    let early_end = machine.kernel.early_memory_end;
    let early_end = early_end.filter(|&end| module.is_none_or(|module| module.end() <= end));
    let vm = vm.with_memory(&memory, early_end.unwrap_or(u64::MAX))?;
    let vcpu = vcpu::Vcpu::create(&vm, &cpuid, machine.kernel.entry)?;
    let disks = machine.images.iter().filter(|image| mapped.is_none() || image.role != Role::Input);
    let console = ConsolePort::new(machine.kernel.console_block);
    let devices = devices::Devices::connect(disks, machine.stdin, console, &memory, output)?;
    let _heartbeat =
        Heartbeat::start().map_err(|source| Error::Call { call: "timer_create", source })?;
    Ok(run::run_to_end(vm, vcpu, devices, machine))
}

/// Asks for large pages from the one on in which the kernel ends: kernels use what follows them
/// first and in order, so that a page that is begun will mostly be filled.
fn prefer_large_pages(memory: &GuestMemory, machine: &Machine<'_>) {
    let start = machine.kernel.end & !(LARGE_PAGE_SIZE - 1);
    for range in machine.ram.ranges().filter(|range| range.end() > start) {
        let start = start.max(range.start);
        backing::prefer_large_pages(memory, Range { start, size: range.end() - start });
    }
}

/// Gives the seed kernel its input as a module instead of a disk where the bytes need not be
/// copied for that: driving a disk costs as much time as all else that such a kernel does.
fn map_input(memory: &GuestMemory, machine: &Machine<'_>) -> Option<Range> {
    // Other kernels may know disks alone.
    machine.kernel.record?;
    let file = FixedFile::sealed(&machine.images.input.as_ref()?.file)?;
    let (size, ram) = (file.size_bytes(), &machine.ram);
    // What is large beside its memory the kernel shall read, and say so if there is no room.
    let early_end = machine.kernel.early_memory_end.filter(|end| size <= end / 2);
    let limit = early_end.unwrap_or(u64::MAX);
    let fits = size <= ram.low.size / 2;
    let range = ram.place_module(size, machine.kernel.end, limit).filter(|_| fits)?;
    backing::map_file(memory, range, file, 0).ok().map(|()| range)
}
