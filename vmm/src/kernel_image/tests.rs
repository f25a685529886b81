// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tests of the kernel image checks, on images that are made here.

use super::*;

/// An image to be: segments, notes, and what to break.
struct Maker {
    segments: Vec<(u64, Vec<u8>, u64)>,
    notes: Vec<u8>,
}

fn note(name: &[u8], kind: u32, descriptor: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((name.len() as u32).to_le_bytes());
    bytes.extend((descriptor.len() as u32).to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    for part in [name, descriptor] {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

impl Maker {
    /// One page at 1 MiB with the entry at its start.
    fn new() -> Self {
        Self {
            segments: vec![(0x10_0000, vec![0xf4; 16], 0x1000)],
            notes: note(b"Xen\0", 18, &0x10_0000_u32.to_le_bytes()),
        }
    }

    fn with_notes(notes: Vec<u8>) -> Vec<u8> {
        Self { notes, ..Self::new() }.make()
    }

    fn with_segment(address: u64, in_memory: u64) -> Vec<u8> {
        let mut maker = Self::new();
        maker.segments.push((address, vec![1; 8], in_memory));
        maker.make()
    }

    fn make(&self) -> Vec<u8> {
        let count = self.segments.len() + 1;
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64 + 56 * count, 0);
        bytes[16..20].copy_from_slice(&[2, 0, 62, 0]);
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = count as u8;
        let mut put = |index: usize, kind: u32, address: u64, data: &[u8], in_memory: u64| {
            let offset = bytes.len() as u64;
            bytes.extend(data);
            let at = 64 + 56 * index;
            bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
            for (field, value) in
                [(8, offset), (24, address), (32, data.len() as u64), (40, in_memory)]
            {
                bytes[at + field..at + field + 8].copy_from_slice(&value.to_le_bytes());
            }
        };
        put(0, 4, 0, &self.notes, 0);
        for (index, (address, data, in_memory)) in self.segments.iter().enumerate() {
            put(index + 1, 1, *address, data, *in_memory);
        }
        bytes
    }
}

fn parse(bytes: &[u8]) -> Result<KernelImage<'_>, Error> {
    KernelImage::parse(bytes, &RamMap::new(16).unwrap())
}

/// The message, which must be one line.
fn refusal(bytes: &[u8]) -> String {
    let message = parse(bytes).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1);
    message
}

#[test]
fn a_good_image_tells_entry_record_and_end() {
    let mut maker = Maker::new();
    maker.notes.extend(note(b"GNU\0", 3, b"abc"));
    maker.notes.extend(note(b"seedvmm\0", 1, &0x10_0040_u64.to_le_bytes()));
    maker.segments.push((0x20_0000, Vec::new(), 0x123));
    let bytes = maker.make();
    let image = parse(&bytes).unwrap();
    assert_eq!((image.entry, image.record, image.end), (0x10_0000, Some(0x10_0040), 0x20_0123));
}

#[test]
fn a_foreign_kernel_has_no_record_and_may_have_a_wide_note() {
    let bytes = Maker::with_notes(note(b"Xen\0", 18, &0x10_0008_u64.to_le_bytes()));
    let image = parse(&bytes).unwrap();
    assert_eq!((image.entry, image.record), (0x10_0008, None));
}

#[test]
fn the_embedded_kernel_is_fit_to_load_into_the_smallest_machine() {
    let image = parse(EMBEDDED).unwrap();
    assert!(image.record.is_some());
}

#[test]
fn a_promise_about_memory_counts_if_it_can_be_kept() {
    let with = |end: u64| {
        let mut maker = Maker::new();
        maker.notes.extend(note(b"seedvmm\0", 2, &end.to_le_bytes()));
        parse(&maker.make()).unwrap().early_memory_end
    };
    assert_eq!(with(0x20_0000), Some(0x20_0000));
    assert_eq!(with(0x10_0000), None, "the image itself lies behind it");
    assert_eq!(with(0x20_0001), None, "no page starts there");
    assert_eq!(parse(EMBEDDED).unwrap().early_memory_end, Some(32 << 20));
}

#[test]
fn a_console_block_counts_if_it_is_loaded() {
    let with = |address: u64| {
        let mut maker = Maker::new();
        maker.notes.extend(note(b"seedvmm\0", 3, &address.to_le_bytes()));
        parse(&maker.make()).unwrap().console_block
    };
    assert_eq!(with(0x10_0040), Some(0x10_0040));
    for outside in [0, 0x10_0ff8, u64::MAX - 8] {
        assert_eq!(with(outside), None, "{outside:#x}");
    }
    assert!(parse(EMBEDDED).unwrap().console_block.is_some());
}

#[test]
fn other_files_are_named_for_what_they_are() {
    assert!(refusal(b"").starts_with("not an ELF file"));
    assert!(refusal(b"#!/bin/sh").starts_with("not an ELF file"));
    let with = |at: usize, value: u8| {
        let mut bytes = Maker::new().make();
        bytes[at] = value;
        refusal(&bytes)
    };
    assert!(with(4, 1).starts_with("a 32-bit ELF file"));
    assert!(with(4, 7).starts_with("not a little-endian ELF file"));
    assert!(with(5, 2).starts_with("not a little-endian ELF file"));
    assert!(with(18, 183).starts_with("built for ELF machine 183"));
    assert!(with(16, 1).starts_with("ELF type 1 is not an executable"));
    assert!(with(54, 32).starts_with("2 program headers of 32 bytes"));
    assert!(with(56, 0).starts_with("0 program headers"));
    assert!(with(57, 255).contains("program headers"));
    assert!(with(32, 0).starts_with("2 program headers of 56 bytes at 0x0"));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = Maker::new().make();
    assert!(parse(&bytes).is_ok());
    for length in 0..bytes.len() {
        let message = refusal(&bytes[..length]);
        assert!(length < 4 || message.starts_with("the file ends inside its"), "{message}");
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let bytes = Maker::new().make();
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = parse(&damaged).map_err(|error| error.to_string());
        }
    }
}

#[test]
fn a_missing_or_malformed_pvh_note_is_named() {
    assert!(refusal(&Maker::with_notes(Vec::new())).contains("no Xen ELF note of type 18"));
    let other = note(b"Xen\0", 17, &[0; 4]);
    assert!(refusal(&Maker::with_notes(other)).contains("no Xen ELF note of type 18"));
    let short = note(b"Xen\0", 18, &[0; 2]);
    assert!(refusal(&Maker::with_notes(short)).contains("has 2 bytes, not 4 or 8"));
    let mut endless = note(b"Xen\0", 18, &[0; 4]);
    endless[4..8].fill(0xff);
    assert!(refusal(&Maker::with_notes(endless)).starts_with("malformed ELF note"));
}

#[test]
fn an_entry_outside_of_the_image_is_refused() {
    let with = |entry: u64| refusal(&Maker::with_notes(note(b"Xen\0", 18, &entry.to_le_bytes())));
    assert!(with(0x10_1000).starts_with("PVH entry 0x101000"));
    assert!(with(0).contains("lies outside of every loaded segment"));
    assert!(with(1 << 32).contains("is not a 32-bit address"));
}

#[test]
fn a_record_outside_of_the_image_is_refused() {
    for address in [0_u64, 0x10_0fd1, u64::MAX - 8] {
        let mut maker = Maker::new();
        maker.notes.extend(note(b"seedvmm\0", 1, &address.to_le_bytes()));
        assert!(refusal(&maker.make()).contains("(record)"), "{address:#x}");
    }
}

#[test]
fn segments_must_lie_in_free_ram() {
    assert!(refusal(&Maker::with_segment(0xf_f000, 0x1000)).contains("below 1 MiB"));
    assert!(
        refusal(&Maker::with_segment(0xff_f000, 0x1001)).contains("RAM, which ends at 0x1000000")
    );
    assert!(refusal(&Maker::with_segment(1 << 32, 8)).contains("outside of RAM"));
    assert!(refusal(&Maker::with_segment(u64::MAX, u64::MAX)).contains("outside of RAM"));
    assert!(refusal(&Maker::with_segment(0x20_0000, u64::MAX)).contains("outside of RAM"));
    assert!(refusal(&Maker::with_segment(0x10_0fff, 8)).contains("0x100000 and 0x100fff overlap"));
    assert!(refusal(&Maker::with_segment(0x20_0000, 7)).contains("8 bytes in the file"));
    assert!(parse(&Maker::with_segment(0xff_f000, 0x1000)).is_ok());
}

#[test]
fn an_image_without_segments_is_refused() {
    let bytes = Maker { segments: Vec::new(), ..Maker::new() }.make();
    assert!(refusal(&bytes).starts_with("no loadable segment"));
}

#[test]
fn files_that_are_no_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(read_file(directory.path()), Err(Error::NotAFile)));
    assert!(matches!(read_file(Path::new("/dev/zero")), Err(Error::NotAFile)));
    assert!(matches!(read_file(&directory.path().join("none")), Err(Error::Read(_))));
}
