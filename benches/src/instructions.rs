// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Instructions that the kernel executes from its entry to the program's first, counted exactly.
//!
//! QEMU's emulation, told to translate one instruction at a time and to log each, names the address
//! and the privilege level of all of them. The firmware's, before the kernel's entry, do not count.
//! An iteration of a string instruction is logged like an instruction and is counted apart.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use seed_tests::paths;
use serde_json::json;

use crate::workload::{self, Disks};
use crate::{Options, machine, write_json};

/// Bits of QEMU's flags that hold the privilege level.
const PRIVILEGE_MASK: u32 = 3;

/// How many of the costliest functions are named.
const SHOWN: usize = 15;

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
    let count = count(&log, entry)?;
    println!("instructions from entry {entry:#x} to the program's first: {}", count.instructions);
    println!("further iterations of string instructions:    {}", count.iterations);
    let symbols = symbols(&paths::kernel());
    let costly = by_function(&count, &symbols);
    for (name, number) in costly.iter().take(SHOWN) {
        println!("{number:>8}  {name}");
    }

    let functions: Vec<_> =
        costly.iter().map(|(name, number)| json!({"name": name, "instructions": number})).collect();
    let figures = json!({
        "schema": "seedvmm-bench-instructions",
        "version": 1,
        "machine": machine::describe(),
        "entry_to_user": count.instructions,
        "string_iterations": count.iterations,
        "functions": functions,
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
    instructions: u64,
    iterations: u64,
    by_address: HashMap<u64, u64>,
}

/// Counts from `entry` until the first instruction of privilege level 3.
fn count(log: &Path, entry: u64) -> Result<Count, String> {
    let file = File::open(log).map_err(|error| format!("QEMU wrote no log: {error}"))?;
    let mut count = Count { instructions: 0, iterations: 0, by_address: HashMap::new() };
    let mut last = None;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| format!("the log cannot be read: {error}"))?;
        let Some((address, flags)) = parse(&line) else { continue };
        if last.is_none() && address != entry {
            continue;
        }
        if flags & PRIVILEGE_MASK == 3 {
            return Ok(count);
        }
        if last == Some(address) {
            count.iterations += 1;
        } else {
            count.instructions += 1;
            *count.by_address.entry(address).or_default() += 1;
        }
        last = Some(address);
    }
    Err(format!("no program was started; the kernel executed {} instructions", count.instructions))
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

/// Functions by address, sorted; none where the image has no symbols.
fn symbols(kernel: &Path) -> Vec<(u64, String)> {
    let output = Command::new("nm").args(["-C", "--defined-only"]).arg(kernel).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let parse = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let address = u64::from_str_radix(parts.next()?, 16).ok()?;
        let is_code = parts.next()?.eq_ignore_ascii_case("t");
        is_code.then_some((address, parts.next()?.to_owned()))
    };
    let mut symbols: Vec<_> = text.unwrap_or_default().lines().filter_map(parse).collect();
    symbols.sort();
    symbols
}

/// Instructions by function, the costliest first; by page of code where there are no symbols.
fn by_function(count: &Count, symbols: &[(u64, String)]) -> Vec<(String, u64)> {
    let mut sums: HashMap<String, u64> = HashMap::new();
    for (&address, &number) in &count.by_address {
        let next = symbols.partition_point(|(start, _)| *start <= address);
        let name = match next.checked_sub(1) {
            Some(index) => symbols[index].1.clone(),
            None => format!("{:#x} and following", address & !0xfff),
        };
        *sums.entry(name).or_default() += number;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sums
}
