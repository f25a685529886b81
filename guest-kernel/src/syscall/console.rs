// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The console of a run with standard input: reading, writing, and a terminal's requests
//! (`ioctl_tty(2)`).

use super::buffers::{Buffers, COUNT_MAX, collect};
use super::event_counter::put_bytes;
use super::{Answer, Fail};
use crate::arch::paging::FaultAccess;
use crate::console::{Termios, WindowSize};
use crate::drivers::serial;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::{PhysAddr, UserAddr};
use crate::mm::frames::frames;
use crate::proc::console_input::{ConsoleInput, Kind, Terminal};
use crate::proc::descriptors::Blocking;
use crate::proc::signal::Signal;

const NS_PER_TENTH: u64 = 100_000_000;

const TCGETS: u64 = 0x5401;
const TCSETS: u64 = 0x5402;
const TCSETSW: u64 = 0x5403;
const TCSETSF: u64 = 0x5404;
const TCSBRK: u64 = 0x5409;
const TCFLSH: u64 = 0x540b;
const TIOCSCTTY: u64 = 0x540e;
const TIOCGPGRP: u64 = 0x540f;
const TIOCSPGRP: u64 = 0x5410;
const TIOCGWINSZ: u64 = 0x5413;
const TIOCSWINSZ: u64 = 0x5414;
const TIOCGSID: u64 = 0x5429;

/// Requests that a process in the background does not make without being told.
const CHANGING: [u64; 6] = [TCSETS, TCSETSW, TCSETSF, TCSBRK, TCFLSH, TIOCSPGRP];

/// Argument of `TIOCSCTTY`: the terminal may be another session's.
const STEAL: u64 = 1;

/// Argument of `TCFLSH`: what was written and not sent, of which there is nothing.
const TCOFLUSH: u64 = 1;
/// Arguments of `TCFLSH` that concern what was received: `TCIFLUSH` and `TCIOFLUSH`.
const INPUT_FLUSHES: [u64; 2] = [0, 2];

/// Bytes that are translated at once on their way to a terminal.
const CHUNK: usize = 256;

pub(super) fn read(
    kernel: &mut Kernel,
    input: &ConsoleInput,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    check_foreground(kernel, input, Signal::SIGTTIN)?;
    if collect(kernel, buffers, 1, FaultAccess::Write)? == 0 {
        return Ok(0);
    }
    kernel.look_for_input();
    let Some(count) = readable(kernel, input, blocking, buffers)? else {
        return Err(kernel.put_off(blocking, &input.waiters));
    };
    let len = collect(kernel, buffers, count as u64, FaultAccess::Write)?;
    let bytes = input.read(usize::try_from(len).unwrap_or(count));
    put_bytes(kernel, &bytes);
    Ok(bytes.len() as u64)
}

/// How many bytes a read gets, if it does not have to wait.
fn readable(
    kernel: &mut Kernel,
    input: &ConsoleInput,
    blocking: Blocking,
    buffers: Buffers,
) -> Result<Option<usize>, Errno> {
    let readable = input.nr_readable();
    let (minimum, tenths, typed_at) = match &*input.kind.borrow() {
        Kind::Terminal(terminal) if !terminal.discipline.termios().is_canonical() => {
            let termios = terminal.discipline.termios();
            (termios.minimum(), termios.tenths(), terminal.typed_at)
        }
        _ => return Ok(readable),
    };
    if blocking == Blocking::No {
        return Ok(readable.or((minimum == 0).then_some(0)));
    }
    if minimum == 0 && readable.is_none() {
        let is_time_up = tenths == 0 || kernel.is_past_deadline(tenths * NS_PER_TENTH);
        return Ok(is_time_up.then_some(0));
    }
    let wanted = collect(kernel, buffers, minimum as u64, FaultAccess::Write)?;
    let is_enough = |&count: &usize| count as u64 >= wanted || input.has_ended();
    if tenths == 0 || readable.as_ref().is_none_or(is_enough) {
        return Ok(readable.filter(is_enough));
    }
    // From the first byte on the next one must not take longer.
    let next_by = typed_at.saturating_add(tenths * NS_PER_TENTH);
    kernel.process.deadline = kernel.process.deadline.map(|deadline| deadline.max(next_by));
    let is_time_up = kernel.is_past_deadline(tenths * NS_PER_TENTH);
    Ok(readable.filter(|_| is_time_up))
}

/// What Linux does to a process that uses its terminal from the background: the signal stops it, and
/// the call is made again when it goes on. One that will not have the signal, or could not go on, gets
/// an error, unless it only writes.
fn check_foreground(kernel: &mut Kernel, input: &ConsoleInput, signal: Signal) -> Result<(), Fail> {
    let Kind::Terminal(Terminal { session, foreground, .. }) = *input.kind.borrow() else {
        return Ok(());
    };
    let process = &kernel.process;
    let group = process.group;
    if process.session != session || group == foreground {
        return Ok(());
    }
    let is_refused = process.signals.blocked.has(signal) || process.signals.ignores(signal);
    if is_refused && signal == Signal::SIGTTOU {
        return Ok(());
    }
    if is_refused || kernel.is_group_orphaned(group) {
        return Err(Errno::EIO.into());
    }
    kernel.signal_group(group, signal);
    Err(Fail::Wait)
}

pub(super) fn write(
    kernel: &mut Kernel,
    input: &ConsoleInput,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    let (returns_at_line_feed, stops_output) = match &*input.kind.borrow() {
        Kind::Terminal(terminal) => {
            let termios = terminal.discipline.termios();
            (termios.returns_at_line_feed(), termios.stops_output())
        }
        Kind::Stream(_) => (false, false),
    };
    if stops_output {
        check_foreground(kernel, input, Signal::SIGTTOU)?;
    }
    if input.is_held() {
        return Err(kernel.put_off(blocking, &input.waiters));
    }
    let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
    if returns_at_line_feed {
        write_lines(kernel.ranges.as_slice());
    } else {
        for &(start, len) in kernel.ranges.as_slice() {
            serial::write_frames(start, len as usize);
        }
    }
    Ok(len)
}

/// Writes text with a carriage return before each line feed.
fn write_lines(ranges: &[(PhysAddr, u64)]) {
    let mut writer = serial::Writer::new();
    for &(start, len) in ranges {
        for done in (0..len).step_by(CHUNK) {
            let mut chunk = [0; CHUNK];
            let chunk = &mut chunk[..CHUNK.min((len - done) as usize)];
            frames().read(start.add(done), chunk);
            for &byte in &*chunk {
                if byte == b'\n' {
                    writer.write_bytes(b"\r");
                }
                writer.write_bytes(&[byte]);
            }
        }
    }
    writer.flush();
}

/// Serves a terminal's requests.
pub(super) fn ioctl(
    kernel: &mut Kernel,
    input: &ConsoleInput,
    request: u64,
    argument: u64,
) -> Answer {
    if CHANGING.contains(&request) {
        check_foreground(kernel, input, Signal::SIGTTOU)?;
    }
    let mut kind = input.kind.borrow_mut();
    let Kind::Terminal(terminal) = &mut *kind else { return Err(Errno::ENOTTY.into()) };
    let (address, session) = (UserAddr(argument), kernel.process.session);
    match request {
        TCGETS => kernel.memory().write(address, &terminal.discipline.termios().to_bytes())?,
        TCSETS | TCSETSW | TCSETSF => {
            let mut bytes = [0; Termios::SIZE];
            kernel.memory().read(address, &mut bytes)?;
            if request == TCSETSF {
                terminal.discipline.flush();
            }
            terminal.discipline.set_termios(Termios::parse(&bytes));
            terminal.show_echo();
            kernel.wake(&input.waiters);
        }
        // What was written has been sent.
        TCSBRK if argument != 0 => {}
        TCFLSH if INPUT_FLUSHES.contains(&argument) => terminal.discipline.flush(),
        TCFLSH if argument == TCOFLUSH => {}
        TCFLSH => return Err(Errno::EINVAL.into()),
        TIOCGWINSZ => kernel.memory().write(address, &terminal.window.to_bytes())?,
        TIOCSWINSZ => {
            let mut bytes = [0; WindowSize::SIZE];
            kernel.memory().read(address, &mut bytes)?;
            if let Some(signal) = terminal.resize(WindowSize::parse(bytes)) {
                let foreground = terminal.foreground;
                kernel.signal_group(foreground, signal);
            }
        }
        TIOCGPGRP | TIOCSPGRP | TIOCGSID if session != terminal.session => {
            return Err(Errno::ENOTTY.into());
        }
        TIOCGPGRP => kernel.memory().write(address, &terminal.foreground.to_le_bytes())?,
        TIOCSPGRP => terminal.foreground = group_of_session(kernel, address)?,
        TIOCGSID => kernel.memory().write(address, &session.to_le_bytes())?,
        TIOCSCTTY if session != kernel.process.pid => return Err(Errno::EPERM.into()),
        TIOCSCTTY if session == terminal.session => {}
        TIOCSCTTY => {
            let mut is_taken = false;
            kernel.for_each_process(|process| is_taken |= process.session == terminal.session);
            if is_taken && argument != STEAL {
                return Err(Errno::EPERM.into());
            }
            (terminal.session, terminal.foreground) = (session, kernel.process.group);
        }
        _ => {
            kernel.missing.note(IOCTL);
            return Err(Errno::ENOTTY.into());
        }
    }
    Ok(0)
}

/// Number of `ioctl`.
const IOCTL: u64 = 16;

/// Reads the number of a process group, which must be one of the caller's session.
fn group_of_session(kernel: &mut Kernel, address: UserAddr) -> Result<u32, Errno> {
    let group = kernel.memory().read_u32(address)?;
    let session = kernel.process.session;
    let (mut exists, mut is_in_session) = (false, false);
    kernel.for_each_process(|process| {
        exists |= process.group == group;
        is_in_session |= process.group == group && process.session == session;
    });
    match (exists, is_in_session) {
        (_, true) => Ok(group),
        (true, false) => Err(Errno::EPERM),
        (false, false) => Err(Errno::ESRCH),
    }
}
