// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's image: no instruction that touches a program's vector or x87 registers.
//!
//! They belong to the program at every moment: the kernel saves them only when another one runs.

use std::fs;
use std::process::Command;
use std::time::Duration;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Register};
use seed_tests::{paths, process};

/// Number of `size` bytes at `at`, little endian.
fn number(image: &[u8], at: usize, size: usize) -> u64 {
    image[at..at + size].iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn place(image: &[u8], at: usize) -> usize {
    usize::try_from(number(image, at, 8)).expect("usize has 64 bits")
}

/// The executable segments of an ELF64 image: virtual and physical address, and bytes (System V ABI,
/// chapter 5).
fn code(image: &[u8]) -> Vec<(u64, u64, &[u8])> {
    assert!(image.starts_with(b"\x7fELF\x02\x01"), "an ELF64 image, little endian");
    let (size, count) = (number(image, 54, 2) as usize, number(image, 56, 2) as usize);
    let headers = (0..count).map(|index| place(image, 32) + index * size);
    let is_code = |&at: &usize| number(image, at, 4) == 1 && number(image, at + 4, 4) & 1 == 1;
    let segment = |at: usize| {
        let bytes = &image[place(image, at + 8)..][..place(image, at + 32)];
        (number(image, at + 16, 8), number(image, at + 24, 8), bytes)
    };
    headers.filter(is_code).map(segment).collect()
}

/// The 32-bit entry that the Xen note of type 18 names.
fn entry(image: &[u8]) -> u64 {
    let name = b"\x12\0\0\0Xen\0";
    let at = image.windows(name.len()).position(|bytes| bytes == name);
    number(image, at.expect("the image has a PVH note") + name.len(), 4)
}

fn is_foreign(register: Register) -> bool {
    register.is_vector_register() || register.is_mm() || register.is_st()
}

/// Counts instructions and keeps those that touch foreign registers.
struct Sweep {
    factory: InstructionInfoFactory,
    count: usize,
    found: Vec<String>,
}

impl Sweep {
    /// Decodes all of `bytes`, or up to and with a far jump: the way out of 32-bit code. Returns how
    /// many bytes were decoded.
    fn decode(&mut self, bits: u32, address: u64, bytes: &[u8]) -> usize {
        let mut decoder = Decoder::with_ip(bits, bytes, address, DecoderOptions::NONE);
        let mut instruction = Instruction::default();
        while decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            self.count += 1;
            let used = self.factory.info(&instruction).used_registers();
            if used.iter().any(|used| is_foreign(used.register())) {
                self.found.push(format!("{:x}: {:?}", instruction.ip(), instruction.code()));
            }
            if instruction.code() == Code::Jmp_ptr1632 {
                break;
            }
        }
        decoder.position()
    }
}

#[test]
fn no_instruction_uses_a_vector_or_x87_register() {
    let image = fs::read(paths::kernel()).unwrap();
    let entry = entry(&image);
    let mut sweep = Sweep { factory: InstructionInfoFactory::new(), count: 0, found: Vec::new() };
    for (address, physical, bytes) in code(&image) {
        let offset = entry.checked_sub(physical).and_then(|offset| usize::try_from(offset).ok());
        let Some(before) = offset.filter(|&offset| offset < bytes.len()) else {
            sweep.decode(64, address, bytes);
            continue;
        };
        // In front of the entry and behind its far jump, the code is that of 64-bit mode.
        sweep.decode(64, address, &bytes[..before]);
        let switched = before + sweep.decode(32, address + before as u64, &bytes[before..]);
        sweep.decode(64, address + switched as u64, &bytes[switched..]);
    }
    assert!(sweep.count > 1000, "only {} instructions: this is no kernel", sweep.count);
    assert!(sweep.found.is_empty(), "{:#?}", sweep.found);
}

#[test]
fn objdump_names_no_vector_register() {
    let mut command = Command::new("objdump");
    command.arg("-d").arg(paths::kernel());
    let outcome = process::run(&mut command, Duration::from_secs(60));
    outcome.expect_status(0);
    let text = outcome.stdout_text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("%xmm")).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}
