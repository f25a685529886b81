// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The end of a run: what the kernel says, what it brings back, and how it stops.

use crate::arch::cpu;
use crate::drivers::block::Disk;
use crate::drivers::{debug_exit, serial};
use crate::dump;
use crate::kernel::Kernel;
use crate::output;
use crate::proc::process::{Ending, Process};
use crate::proc::signal::{Signal, SignalInfo};
use crate::shown::Shown;
use alloc::format;
use core::fmt::{self, Write};
use seed_protocols::end::{DEBUG_EXIT_SEE_LINE, EndState, KERNEL_LINE_PREFIX};

/// Prints a line of the kernel's own.
pub fn say(text: &impl fmt::Display) {
    let mut writer = serial::Writer::new();
    writer.write_bytes(KERNEL_LINE_PREFIX);
    // The serial port takes everything.
    let _ = write!(writer, "{text}");
    writer.write_bytes(b"\n");
    writer.flush();
}

/// Prints how a program came to die by a fault.
pub fn report_death(process: &Process, signal: Signal, info: SignalInfo, instruction: u64) {
    let path = Shown(&process.path);
    let (pid, name) = (process.pid, signal.name());
    match signal {
        Signal::SIGKILL => say(&format_args!("{path} (process {pid}) killed: memory ran out")),
        Signal::SIGSEGV | Signal::SIGBUS => say(&format_args!(
            "{path} (process {pid}) killed by {name}: address {:#x}, instruction {instruction:#x}",
            info.address()
        )),
        _ => say(&format_args!(
            "{path} (process {pid}) killed by {name}: instruction {instruction:#x}"
        )),
    }
}

/// Ends the run after the first program: brings back what it made, and stops the machine.
pub fn finish(kernel: &mut Kernel, ending: Ending) -> ! {
    cpu::update_record(|record| {
        record.ended_tsc = cpu::time_stamp();
        record.system_calls = kernel.nr_calls;
        record.missing_calls = kernel.missing.count();
        record.interruptions = kernel.processes.ticker().interruptions();
    });
    if kernel.missing.count() > 0 {
        say(&format_args!("system calls that are not provided: {}", kernel.missing));
    }
    let interruptions = kernel.processes.ticker().interruptions();
    if interruptions > 0 {
        say(&format_args!(
            "interrupted processes that computed without a system call, or waits for input, \
             {interruptions} times: results may depend on the speed of the processor"
        ));
    }
    if kernel.settings.dumps_files {
        dump::all_files(&mut kernel.fs);
    }
    let state = match ending {
        Ending::Exited(status) => EndState::Exited(status),
        Ending::Killed(signal) => EndState::Killed(signal),
    };
    let written = kernel.output.take().map_or(Ok(()), |disk| write_output(kernel, disk));
    match written {
        Ok(()) => end_with(&state),
        Err(error) => end_with(&EndState::OutputFailed(&format!("{error}"))),
    }
}

fn write_output(kernel: &mut Kernel, disk: Disk) -> Result<(), output::Error> {
    output::write(&mut kernel.fs, &kernel.settings.exports, disk)
}

/// Ends the run in any way.
pub fn end_with(state: &EndState<'_>) -> ! {
    let value = state.debug_exit_value();
    if value == DEBUG_EXIT_SEE_LINE {
        say(state);
    }
    debug_exit::end_machine(value)
}

/// What a panic does: the line, and the end as a failure of the kernel.
pub fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    // No memory is asked for here: a panic may come from where there is none.
    let mut writer = serial::Writer::new();
    writer.write_bytes(KERNEL_LINE_PREFIX);
    let _ = write!(writer, "{}{}", EndState::Panic(""), info.message());
    if let Some(place) = info.location() {
        let _ = write!(writer, " ({}:{})", place.file(), place.line());
    }
    writer.write_bytes(b"\n");
    writer.flush();
    debug_exit::end_machine(DEBUG_EXIT_SEE_LINE)
}
