// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a monitor's process holds beside its guest's memory.
//!
//! The guest says "ready" and stays; then the process is looked at from outside. Guest memory is the
//! run of adjacent mappings that are together as long as it; its resident pages are those that the
//! guest or the loader touched. The rest of what the process ever had resident at once (`VmHWM`) is
//! the monitor's own: program text that it executed, libraries, heap, stacks.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use seedvmm::engine::DEFAULT_MEMORY_MIB;

use crate::contender::Contender;
use crate::rounds::Prepared;

/// Memory of one process in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident pages of guest memory.
    pub(crate) guest_kib: u64,
    /// The most that was resident, less the guest's.
    pub(crate) monitor_kib: u64,
    /// Everything now, shared pages in parts.
    pub(crate) proportional_kib: u64,
}

/// Memory of one machine under `contender`.
pub(crate) fn measure(prepared: &Prepared<'_>, contender: Contender) -> Result<Memory, String> {
    let mut child = start(prepared, contender)?;
    let memory = look(child.id());
    end(&mut child)?;
    memory
}

/// Starts a guest that stays, and waits until it is ready.
pub(crate) fn start(prepared: &Prepared<'_>, contender: Contender) -> Result<Child, String> {
    let mut command = prepared.command(contender);
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{error}; the command was {command:?}"))?;
    let stdout = child.stdout.as_mut().expect("it is piped");
    let mut line = String::new();
    match BufReader::new(stdout).read_line(&mut line) {
        Ok(_) if line.trim() == "ready" => Ok(child),
        _ => {
            end(&mut child)?;
            Err(format!("the guest says {line:?}; the command was {command:?}"))
        }
    }
}

/// Ends a guest that stays.
pub(crate) fn end(child: &mut Child) -> Result<(), String> {
    let ended = child.kill().and_then(|()| child.wait());
    ended.map(drop).map_err(|error| format!("cannot end a machine: {error}"))
}

/// Memory of a process.
pub(crate) fn look(process: u32) -> Result<Memory, String> {
    let read = |name: &str| {
        let path = format!("/proc/{process}/{name}");
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    };
    let mappings = parse_mappings(&read("smaps")?);
    let most = field(&read("status")?, "VmHWM:").unwrap_or(0);
    let guest_kib = resident_of_length(&mappings, DEFAULT_MEMORY_MIB << 20)
        .ok_or_else(|| format!("process {process} has no guest memory"))?;
    let proportional_kib = mappings.iter().map(|mapping| mapping.proportional_kib).sum();
    Ok(Memory { guest_kib, monitor_kib: most.saturating_sub(guest_kib), proportional_kib })
}

#[derive(Clone, Copy, Debug, Default)]
struct Mapping {
    start: u64,
    end: u64,
    resident_kib: u64,
    proportional_kib: u64,
}

fn parse_mappings(smaps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some((start, end)) = range(line) {
            mappings.push(Mapping { start, end, ..Mapping::default() });
        } else if let Some(mapping) = mappings.last_mut() {
            if let Some(size) = field(line, "Rss:") {
                mapping.resident_kib = size;
            } else if let Some(size) = field(line, "Pss:") {
                mapping.proportional_kib = size;
            }
        }
    }
    mappings
}

/// The addresses at the start of a mapping's first line.
fn range(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// A size in KiB by its name.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Resident KiB of the mappings that lie side by side and are `length` bytes long together.
fn resident_of_length(mappings: &[Mapping], length: u64) -> Option<u64> {
    (0..mappings.len()).find_map(|first| {
        let end = mappings[first].start + length;
        let count = mappings[first..].iter().position(|mapping| mapping.end == end)? + 1;
        let run = &mappings[first..first + count];
        let is_gapless = run.windows(2).all(|pair| pair[0].end == pair[1].start);
        is_gapless.then(|| run.iter().map(|mapping| mapping.resident_kib).sum())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
Rss:                 300 kB
Pss:                 300 kB
7f0000100000-7f0000200000 rw-p 00000000 fe:00 1 /bin/monitor
Rss:                   4 kB
Pss:                   2 kB
7f0000200000-7f0000201000 r-xp 00000000 fe:00 1 /bin/monitor
Rss:                  40 kB
Pss:                  20 kB
7f0020000000-7f0020001000 rw-p 00000000 00:00 0
Rss:                   4 kB
Pss:                   4 kB
";

    #[test]
    fn the_guest_is_known_by_its_length() {
        let mappings = parse_mappings(SMAPS);
        assert_eq!(mappings.len(), 4);
        assert_eq!(resident_of_length(&mappings, 2 << 20), Some(304));
        assert_eq!(resident_of_length(&mappings, 3 << 20), None);
        assert_eq!(mappings.iter().map(|mapping| mapping.proportional_kib).sum::<u64>(), 326);
    }

    #[test]
    fn sizes_are_found_by_name() {
        assert_eq!(field("VmPeak:\t 9 kB\nVmHWM:\t  1234 kB\n", "VmHWM:"), Some(1234));
        assert_eq!(field("VmPeak:\t 9 kB\n", "VmHWM:"), None);
    }
}
