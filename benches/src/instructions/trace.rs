// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A log of single instructions, counted.
//!
//! QEMU's emulation, told to translate one instruction at a time and to log each, names the address
//! and the privilege level of all of them. In ring 3 the kernel is known by its addresses. An
//! iteration of a string instruction is logged like an instruction and counted apart. QEMU's disk
//! answers late; the kernel's wait, turns around a `pause`, is left out.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use seed_tests::paths::Scratch;

use crate::programs::{MARK_BEGIN, MARK_END};
use crate::qemu::{self, Accelerator};

/// Bits of QEMU's flags that hold the privilege level.
const PRIVILEGE_MASK: u32 = 3;

/// The instruction `pause`.
const PAUSE: [u8; 2] = [0xf3, 0x90];

/// Time passes by instructions, one nanosecond for each, so that a tick comes as seldom as on a
/// processor, and always at the same place.
const CLOCK: &[&str] = &["-icount", "shift=0,sleep=off"];

/// Instructions at most of a turn of a loop that waits.
const WAIT_TURN_MAX: u64 = 12;

/// Instructions of the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) ring0: u64,
    pub(super) ring3: u64,
    /// Iterations of string instructions after the first.
    pub(super) iterations: u64,
}

impl Count {
    pub(super) fn less(self, other: Self) -> Self {
        Self {
            ring0: self.ring0.saturating_sub(other.ring0),
            ring3: self.ring3.saturating_sub(other.ring3),
            iterations: self.iterations.saturating_sub(other.iterations),
        }
    }
}

/// The part of a run that counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Window {
    /// From the kernel's entry to the program's.
    Start { program: u64 },
    /// From one mark of the program to the other.
    Marks,
}

/// What has to be known of the kernel's image.
pub(super) struct Image {
    /// The 32-bit entry that its Xen note names.
    entry: u64,
    /// Where its instructions are in memory, and they themselves.
    text: Range<u64>,
    code: Vec<u8>,
}

impl Image {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&bytes).ok_or_else(|| format!("{} is not a PVH kernel", path.display()))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        // Type 18, "Xen", and the address.
        let note = b"\x12\0\0\0Xen\0";
        let place = bytes.windows(note.len()).position(|window| window == note)?;
        let entry = bytes.get(place + note.len()..)?.first_chunk()?;
        let (text, code) = executable_segment(bytes)?;
        Some(Self { entry: u32::from_le_bytes(*entry).into(), text, code })
    }

    fn is_pause(&self, address: u64) -> bool {
        let offset = address.wrapping_sub(self.text.start) as usize;
        self.code.get(offset..).is_some_and(|code| code.starts_with(&PAUSE))
    }
}

/// The first segment with instructions (System V ABI, chapter 5: `p_type` 1, `p_flags` bit 0).
fn executable_segment(elf: &[u8]) -> Option<(Range<u64>, Vec<u8>)> {
    let word = |at: usize| Some(u64::from_le_bytes(*elf.get(at..)?.first_chunk()?));
    let start = word(32)? as usize;
    let count = u16::from_le_bytes(*elf.get(56..)?.first_chunk()?);
    for header in (0..usize::from(count)).map(|index| start + index * 56) {
        let kind_and_flags = word(header)?;
        if kind_and_flags as u32 == 1 && kind_and_flags >> 32 & 1 == 1 {
            let (offset, address, length) =
                (word(header + 8)?, word(header + 16)?, word(header + 32)?);
            let code = elf.get(offset as usize..(offset + length) as usize)?;
            return Some((address..address + length, code.to_vec()));
        }
    }
    None
}

/// A program's entry (System V ABI, chapter 4: `e_entry`).
pub(super) fn program_entry(path: &Path) -> Result<u64, String> {
    let elf = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let entry = elf.get(24..).and_then(|rest| rest.first_chunk());
    entry.map(|bytes| u64::from_le_bytes(*bytes)).ok_or(format!("{} is too short", path.display()))
}

/// Runs QEMU on the disks in `folder` and counts what lies in the window.
pub(super) fn count(
    image: &Image,
    folder: &Scratch,
    words: &str,
    window: Window,
) -> Result<Count, String> {
    let log = folder.join("instructions.log");
    let mut command = Command::new(qemu::PROGRAM);
    command.args(qemu::arguments(Accelerator::Tcg, folder.path(), words));
    command.args(one_at_a_time()?).args(CLOCK).args(["-d", "exec,nochain", "-D"]).arg(&log);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().map_err(|error| format!("QEMU does not start: {error}"))?;
    if status.code() != Some(qemu::SUCCESS) {
        return Err(format!(
            "{words}: the kernel ended with {status}; the command was {command:?}"
        ));
    }
    let file = File::open(&log).map_err(|error| format!("QEMU wrote no log: {error}"))?;
    let mut counter = Counter::new(image, window);
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| format!("the log cannot be read: {error}"))?;
        let Some((address, flags)) = parse(&line) else { continue };
        if counter.see(address, flags & PRIVILEGE_MASK == 3) == Progress::Done {
            return Ok(counter.count);
        }
    }
    Err(format!("{words}: the log never comes to the end of what counts"))
}

/// The option that makes QEMU translate one instruction at a time: it was renamed in 8.1.
fn one_at_a_time() -> Result<&'static [&'static str], String> {
    let output = Command::new(qemu::PROGRAM).arg("--version").output();
    let text = output.map_err(|error| format!("QEMU does not start: {error}"))?.stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split_whitespace().skip_while(|&word| word != "version").nth(1);
    let mut numbers = version.unwrap_or_default().split('.').map_while(|part| part.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // A second -accel tcg adds to the first one.
    Ok(if version >= (8, 1) { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] })
}

/// Address and flags of a line such as `Trace 0: 0x7f.. [cs-base/address/flags/more] name`.
fn parse(line: &str) -> Option<(u64, u32)> {
    let (_, inside) = line.strip_prefix("Trace ")?.split_once('[')?;
    let mut parts = inside.split(['/', ']']).skip(1);
    let address = u64::from_str_radix(parts.next()?, 16).ok()?;
    let flags = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some((address, flags))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Before,
    Inside,
    Done,
}

/// Goes through a log.
struct Counter<'i> {
    image: &'i Image,
    window: Window,
    progress: Progress,
    last: Option<u64>,
    /// The `pause` that was seen last, and instructions since.
    pause: Option<(u64, u64)>,
    count: Count,
}

impl<'i> Counter<'i> {
    fn new(image: &'i Image, window: Window) -> Self {
        Self {
            image,
            window,
            progress: Progress::Before,
            last: None,
            pause: None,
            count: Count::default(),
        }
    }

    fn see(&mut self, address: u64, is_ring3: bool) -> Progress {
        let (begin, end) = match self.window {
            Window::Start { program } => {
                (address == self.image.entry, is_ring3 && address == program)
            }
            Window::Marks => (is_ring3 && address == MARK_BEGIN, is_ring3 && address == MARK_END),
        };
        match self.progress {
            Progress::Before if begin => self.progress = Progress::Inside,
            Progress::Inside if end => self.progress = Progress::Done,
            _ => {}
        }
        let is_kernel = !is_ring3 || self.image.text.contains(&address);
        if self.progress == Progress::Inside && is_kernel {
            self.add(address, is_ring3);
        }
        self.last = Some(address);
        self.progress
    }

    fn add(&mut self, address: u64, is_ring3: bool) {
        if self.last == Some(address) {
            self.count.iterations += 1;
            return;
        }
        match is_ring3 {
            true => self.count.ring3 += 1,
            false => self.count.ring0 += 1,
        }
        self.pause = self.pause.map(|(place, since)| (place, since + 1));
        if self.image.is_pause(address) {
            if let Some((place, turn)) = self.pause
                && place == address
                && turn <= WAIT_TURN_MAX
            {
                self.count.ring3 = self.count.ring3.saturating_sub(turn);
            }
            self.pause = Some((address, 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel whose text is a `pause` and three other bytes, at 0x1000.
    fn image() -> Image {
        Image { entry: 0x1002, text: 0x1000..0x1005, code: [&PAUSE[..], &[0x90; 3]].concat() }
    }

    fn count(window: Window, seen: &[(u64, bool)]) -> (Count, Progress) {
        let image = image();
        let mut counter = Counter::new(&image, window);
        let last = seen.iter().map(|&(address, is_ring3)| counter.see(address, is_ring3)).last();
        (counter.count, last.unwrap())
    }

    #[test]
    fn a_start_counts_from_entry_to_program_by_ring() {
        let seen = [
            (0x1003, false),
            (0x1002, false),
            (0x1003, false),
            (0x1003, false),
            (0x1004, true),
            (0x9000, true),
        ];
        let (count, progress) = count(Window::Start { program: 0x9000 }, &seen);
        assert_eq!(count, Count { ring0: 2, ring3: 1, iterations: 1 });
        assert_eq!(progress, Progress::Done);
    }

    #[test]
    fn the_program_itself_does_not_count() {
        let seen = [
            (MARK_BEGIN, true),
            (0x9000, true),
            (0x1003, true),
            (0x1004, false),
            (0x9001, true),
            (MARK_END, true),
        ];
        let (count, _) = count(Window::Marks, &seen);
        assert_eq!(count, Count { ring0: 1, ring3: 1, iterations: 0 });
    }

    #[test]
    fn turns_of_waiting_do_not_count() {
        let turn = [(0x1000, true), (0x1003, true), (0x1004, true)];
        let seen = [&[(0x1002, false)][..], &turn, &turn, &turn, &[(0x1000, true), (0x9000, true)]]
            .concat();
        let (count, _) = count(Window::Start { program: 0x9000 }, &seen);
        assert_eq!(count, Count { ring0: 1, ring3: 1, iterations: 0 });
    }

    #[test]
    fn lines_of_the_log_are_understood() {
        let line = "Trace 0: 0x7f1c48000100 [0000000000000000/0000000000200406/00000050/ff000200] ";
        assert_eq!(parse(line), Some((0x20_0406, 0x50)));
        assert_eq!(parse("Linking TBs 0x1 [00000000] index 0"), None);
    }
}
