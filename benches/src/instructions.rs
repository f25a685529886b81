// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Instructions that the kernel executes from its entry to the program's first, counted exactly and
//! by privilege level: in ring 0 each may cost an interpreter's time, in ring 3 none does.
//!
//! QEMU's emulation, told to translate one instruction at a time and to log each, names the address
//! and the privilege level of all of them. The firmware's, before the kernel's entry, do not count.
//! An iteration of a string instruction is logged like an instruction and is counted apart. QEMU's
//! disk answers late, so ring 3 includes the kernel's wait for it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use seed_tests::paths;
use seed_tests::program::{self, Program};
use serde_json::json;

use crate::workload::{self, Disks};
use crate::{Options, machine, write_json};

/// Bits of QEMU's flags that hold the privilege level.
const PRIVILEGE_MASK: u32 = 3;

/// Runs the kernel once under QEMU and prints the figures.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let disks = Disks::new();
    let log = disks.beside("instructions.log");
    let mut command = Command::new("qemu-system-x86_64");
    command.args(workload::reference("tcg", "max", &disks));
    command.args(one_at_a_time()?).args(["-d", "exec,nochain", "-D"]).arg(&log);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().map_err(|error| format!("QEMU does not start: {error}"))?;
    if status.code() != Some(1) {
        return Err(format!("the kernel ended with {status}; the command was {command:?}"));
    }

    let entry = entry(&paths::kernel())?;
    let program = program_entry(&program::bytes(Program::Bare("hello")));
    let count = count(&log, entry, program)?;
    println!("from entry {entry:#x} to the program's first instruction, at {program:#x}:");
    println!("{:>8}  instructions in ring 0", count.ring0);
    println!("{:>8}  instructions in ring 3", count.ring3);
    println!("{:>8}  further iterations of string instructions", count.iterations);

    let figures = json!({
        "schema": "seedvmm-bench-instructions",
        "version": 1,
        "machine": machine::describe(),
        "ring0_entry_to_program": count.ring0,
        "ring3_entry_to_program": count.ring3,
        "string_iterations": count.iterations,
    });
    write_json(options, &figures)
}

/// The option that makes QEMU translate one instruction at a time: it was renamed in 8.1.
fn one_at_a_time() -> Result<&'static [&'static str], String> {
    let output = Command::new("qemu-system-x86_64").arg("--version").output();
    let text = output.map_err(|error| format!("QEMU does not start: {error}"))?.stdout;
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split_whitespace().skip_while(|&word| word != "version").nth(1);
    let mut numbers = version.unwrap_or_default().split('.').map_while(|part| part.parse().ok());
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    // A second -accel tcg adds to the first one.
    Ok(if version >= (8, 1) { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] })
}

struct Count {
    ring0: u64,
    ring3: u64,
    iterations: u64,
}

/// Counts from the kernel's entry until ring 3 comes to the program's. No code of the kernel is
/// mapped at that address for ring 3.
fn count(log: &Path, entry: u64, program: u64) -> Result<Count, String> {
    let file = File::open(log).map_err(|error| format!("QEMU wrote no log: {error}"))?;
    let mut count = Count { ring0: 0, ring3: 0, iterations: 0 };
    let mut last = None;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| format!("the log cannot be read: {error}"))?;
        let Some((address, flags)) = parse(&line) else { continue };
        if last.is_none() && address != entry {
            continue;
        }
        let is_ring3 = flags & PRIVILEGE_MASK == 3;
        if is_ring3 && address == program {
            return Ok(count);
        }
        match is_ring3 {
            _ if last == Some(address) => count.iterations += 1,
            true => count.ring3 += 1,
            false => count.ring0 += 1,
        }
        last = Some(address);
    }
    Err(format!("no program was started; ring 0 executed {} instructions", count.ring0))
}

/// Address and flags of a line such as `Trace 0: 0x7f.. [cs-base/address/flags/more] name`.
fn parse(line: &str) -> Option<(u64, u32)> {
    let (_, inside) = line.strip_prefix("Trace ")?.split_once('[')?;
    let mut parts = inside.split(['/', ']']).skip(1);
    let address = u64::from_str_radix(parts.next()?, 16).ok()?;
    let flags = u32::from_str_radix(parts.next()?, 16).ok()?;
    Some((address, flags))
}

/// The 32-bit entry that the image's Xen note names.
fn entry(kernel: &Path) -> Result<u64, String> {
    let image = std::fs::read(kernel).map_err(|e| format!("{}: {e}", kernel.display()))?;
    // Type 18, "Xen", and the address.
    let name = b"\x12\0\0\0Xen\0";
    let place = image.windows(name.len()).position(|bytes| bytes == name);
    let address = place.and_then(|place| image.get(place + name.len()..)?.first_chunk());
    let address = address.ok_or(format!("{} has no PVH note", kernel.display()))?;
    Ok(u32::from_le_bytes(*address).into())
}

/// The entry of an ELF64 program (System V ABI, chapter 4: `e_entry`).
fn program_entry(image: &[u8]) -> u64 {
    let bytes = image.get(24..).and_then(|rest| rest.first_chunk());
    u64::from_le_bytes(*bytes.expect("the program is an ELF64 file"))
}
