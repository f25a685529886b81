// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A kernel of a few instructions: it counts down from a number and ends the machine.
//!
//! An ELF64 file with one segment and a PVH note, laid out as file header, two program headers,
//! note and code. ELF fields follow the System V ABI, chapters 4 and 5.

use seed_protocols::machine::{DEBUG_EXIT_PORT, KERNEL_LOAD_MIN};
use seed_protocols::pvh;

/// Instructions that the kernel executes for each step of its count.
pub(super) const INSTRUCTIONS_PER_STEP: u32 = 2;

const FILE_HEADER_SIZE: u16 = 64;
const PROGRAM_HEADER_SIZE: u16 = 56;
const NR_PROGRAM_HEADERS: u16 = 2;
const NOTE_OFFSET: u16 = FILE_HEADER_SIZE + PROGRAM_HEADER_SIZE * NR_PROGRAM_HEADERS;
/// Three words, the owner's name, and the entry point in 64 bits.
const NOTE_SIZE: u16 = 12 + 4 + 8;
const CODE_OFFSET: u16 = NOTE_OFFSET + NOTE_SIZE;
const ENTRY: u64 = KERNEL_LOAD_MIN + CODE_OFFSET as u64;

const ELF_IDENT: [u8; 16] = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0";
const TYPE_EXECUTABLE: u16 = 2;
const MACHINE_X86_64: u16 = 62;
const ELF_VERSION: u32 = 1;
const SEGMENT_LOAD: u32 = 1;
const SEGMENT_NOTE: u32 = 4;
const READ_EXECUTE: u32 = 5;
const READ: u32 = 4;
const PAGE_SIZE: u64 = 4096;
const NOTE_ALIGN: u64 = 4;

/// The kernel that counts down from `steps`.
pub(super) fn image(steps: u32) -> Vec<u8> {
    let code = code(steps);
    let mut elf = ELF_IDENT.to_vec();
    put(&mut elf, &TYPE_EXECUTABLE.to_le_bytes());
    put(&mut elf, &MACHINE_X86_64.to_le_bytes());
    put(&mut elf, &ELF_VERSION.to_le_bytes());
    put(&mut elf, &ENTRY.to_le_bytes());
    put(&mut elf, &u64::from(FILE_HEADER_SIZE).to_le_bytes());
    put(&mut elf, &[0; 12]); // no section headers, no flags
    for word in [FILE_HEADER_SIZE, PROGRAM_HEADER_SIZE, NR_PROGRAM_HEADERS, 0, 0, 0] {
        put(&mut elf, &word.to_le_bytes());
    }
    let whole = u64::from(CODE_OFFSET) + code.len() as u64;
    put_program_header(&mut elf, SEGMENT_LOAD, READ_EXECUTE, 0, whole, PAGE_SIZE);
    let note = (NOTE_OFFSET.into(), NOTE_SIZE.into());
    put_program_header(&mut elf, SEGMENT_NOTE, READ, note.0, note.1, NOTE_ALIGN);
    for word in [4, 8, pvh::NOTE_PHYS32_ENTRY] {
        put(&mut elf, &word.to_le_bytes());
    }
    put(&mut elf, pvh::NOTE_NAME);
    put(&mut elf, &ENTRY.to_le_bytes());
    put(&mut elf, &code);
    elf
}

fn put_program_header(
    elf: &mut Vec<u8>,
    kind: u32,
    flags: u32,
    offset: u64,
    size: u64,
    alignment: u64,
) {
    put(elf, &kind.to_le_bytes());
    put(elf, &flags.to_le_bytes());
    let address = KERNEL_LOAD_MIN + offset;
    for word in [offset, address, address, size, size, alignment] {
        put(elf, &word.to_le_bytes());
    }
}

/// 32-bit code. The loop is [`INSTRUCTIONS_PER_STEP`] instructions long.
fn code(steps: u32) -> Vec<u8> {
    let mut code = vec![0xb9]; // mov ecx, steps
    put(&mut code, &steps.to_le_bytes());
    put(&mut code, &[0x49]); // dec ecx
    put(&mut code, &[0x75, 0xfd]); // jnz back to the dec
    put(&mut code, &[0x66, 0xba]); // mov dx, port
    put(&mut code, &DEBUG_EXIT_PORT.to_le_bytes());
    put(&mut code, &[0x31, 0xc0]); // xor eax, eax
    put(&mut code, &[0x66, 0xef]); // out dx, ax
    put(&mut code, &[0xf4, 0xeb, 0xfd]); // hlt, and again
    code
}

fn put(bytes: &mut Vec<u8>, more: &[u8]) {
    bytes.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_lies_where_the_headers_say() {
        let elf = image(7);
        assert_eq!(elf[..4], *b"\x7fELF");
        assert_eq!(elf[176..192], *b"\x04\0\0\0\x08\0\0\0\x12\0\0\0Xen\0");
        assert_eq!(elf[192..200], (0x10_0000_u64 + 200).to_le_bytes());
        assert_eq!(elf[200..208], [0xb9, 7, 0, 0, 0, 0x49, 0x75, 0xfd]);
    }
}
