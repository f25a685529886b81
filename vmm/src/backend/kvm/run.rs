// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The loop around the guest: enter it, serve what it asked for, until something ends it.

use super::devices::{Devices, Effect};
use super::vcpu::{Exit, Vcpu};
use super::vm::VmWithMemory;
use super::{Machine, Stopped, microseconds_since, timeline};
use crate::end::End;
use crate::engine::Phases;
use crate::error_line::error_line;
use crate::images::Role;
use crate::signals::time_limit;
use crate::{console, memory};

/// Runs the guest to its end. Whatever happens from here on is an end.
pub(super) fn run_to_end(
    mut vm: VmWithMemory<'_>,
    mut vcpu: Vcpu<'_>,
    mut devices: Devices<'_, '_>,
    machine: &Machine<'_>,
) -> Stopped {
    let vm_ready = Some(microseconds_since(machine.started));
    let mut phases = Phases { vm_ready, kernel_entered: vm_ready, ..Phases::default() };
    let mut interrupted = 0;
    let stop = loop {
        match step(&mut vm, &mut vcpu, &mut devices) {
            Step::Continue => {}
            Step::Interrupted => {
                interrupted += 1;
                if let Some(stop) = look_around(&vcpu, &mut devices) {
                    break stop;
                }
            }
            Step::Stop(stop) => break stop,
        }
    };
    let end = settle(stop, &vcpu, &mut devices, machine);
    phases.done = Some(microseconds_since(machine.started));
    let record = machine.kernel.record.filter(|_| machine.wants_figures);
    let record = record.and_then(|at| memory::read_record(devices.memory(), at).ok());
    if let Some(record) = &record {
        timeline::complete(&mut phases, record, &vcpu, machine.started);
    }
    let mut exits = devices.counts();
    exits.interrupted = interrupted;
    Stopped {
        end,
        phases,
        exits: Some(exits),
        input: devices.disk_stats(Role::Input),
        output: devices.disk_stats(Role::Output),
        record,
    }
}

/// What the monitor does when a signal brought it back: is there a reason not to go on?
fn look_around(vcpu: &Vcpu<'_>, devices: &mut Devices<'_, '_>) -> Option<Stop> {
    if time_limit::has_passed() {
        return Some(Stop::TimeLimit);
    }
    if let Err(error) = devices.watch_terminal() {
        return Some(Stop::Host(error_line(&error)));
    }
    match vcpu.is_halted_for_good() {
        Ok(false) => None,
        Ok(true) => Some(Stop::Guest(HALTED.to_owned())),
        Err(error) => Some(Stop::Host(format!("KVM does not tell its state: {error}"))),
    }
}

/// Why a processor that waits for an interrupt that cannot come does not go on.
const HALTED: &str = "the processor halted, and nothing can wake it";

/// What one exit led to.
enum Step {
    Continue,
    Interrupted,
    Stop(Stop),
}

/// What ended the loop, before the console had its last word.
enum Stop {
    DebugExit(u16),
    TimeLimit,
    Guest(String),
    Host(String),
    Console(console::Error),
}

fn step(vm: &mut VmWithMemory<'_>, vcpu: &mut Vcpu<'_>, devices: &mut Devices<'_, '_>) -> Step {
    match vcpu.run() {
        Ok(Exit::Out { port, width, data }) => match devices.write_port(port, width, data) {
            Ok(Effect::None) => Step::Continue,
            Ok(Effect::DebugExit(value)) => Step::Stop(Stop::DebugExit(value)),
            Ok(Effect::AllMemory) => match vm.register_rest() {
                Ok(()) => Step::Continue,
                Err(error) => Step::Stop(Stop::Host(error_line(&error))),
            },
            Err(error) => Step::Stop(Stop::Console(error)),
        },
        Ok(Exit::In { port, width, data }) => {
            devices.read_port(port, width, data);
            Step::Continue
        }
        Ok(Exit::MmioWrite { address, .. } | Exit::MmioRead { address, .. })
            if vm.is_later(address) =>
        {
            let reason = format!("it used memory at {address:#x} that it had promised not to use");
            Step::Stop(Stop::Guest(reason))
        }
        Ok(Exit::MmioWrite { address, data }) => match devices.write_memory(address, data) {
            Ok(()) => Step::Continue,
            Err(error) => Step::Stop(Stop::Host(error_line(&error))),
        },
        Ok(Exit::MmioRead { address, data }) => {
            devices.read_memory(address, data);
            Step::Continue
        }
        Ok(Exit::Interrupted) => Step::Interrupted,
        Ok(Exit::Stopped(reason)) => Step::Stop(Stop::Guest(reason)),
        Err(error) => Step::Stop(Stop::Host(format!("KVM_RUN failed: {error}"))),
    }
}

/// Lets the console pass on what it holds, and names the end.
fn settle(
    stop: Stop,
    vcpu: &Vcpu<'_>,
    devices: &mut Devices<'_, '_>,
    machine: &Machine<'_>,
) -> End {
    let time_limit = || End::TimeLimit(machine.timeout.unwrap_or_default());
    let failed = |error: console::Error| match time_limit::has_passed() {
        true => time_limit(),
        false => End::HostFailed(error_line(&error)),
    };
    let end = match stop {
        Stop::DebugExit(value) => {
            return devices.with_output(|output| output.finish_with(value)).unwrap_or_else(failed);
        }
        Stop::Console(error) => return failed(error),
        Stop::TimeLimit => time_limit(),
        Stop::Guest(reason) => match vcpu.position() {
            Some(position) => End::GuestCrashed(format!("{reason}; {position}")),
            None => End::GuestCrashed(reason),
        },
        Stop::Host(reason) => End::HostFailed(reason),
    };
    match devices.with_output(|output| output.finish()) {
        Ok(()) => end,
        Err(error) => failed(error),
    }
}
