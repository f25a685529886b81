// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tiny PVH kernels that misbehave in one way each, and damage to a kernel image.

use std::fs;
use std::path::PathBuf;

use crate::{paths, program};

/// The kernels in `kernels/`.
pub const ALL: &[&str] = &["leave", "halt", "loop", "triple", "nowhere", "block"];

/// The kernel `kernels/NAME.S`, built if need be. `leave` writes 5 to the debug-exit port.
///
/// # Panics
/// It cannot be built.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let folder = paths::package().join("kernels");
    let output = paths::built().join(format!("{name}.kernel"));
    let flags = ["-static", "-nostdlib", "-no-pie", "-Wl,--build-id=none", "-Wl,-z,noexecstack"];
    let source = format!("{name}.S");
    program::build("gcc", &output, &folder, &[&source], &flags, &["-Wl,-Ttext-segment=0x200000"])
}

/// An ELF64 image that can be damaged field by field.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: Vec<u8>,
}

/// Offset of `e_phoff` in the ELF header (System V ABI, chapter 4).
const PROGRAM_HEADERS: usize = 32;
/// Offset of `e_phnum`.
const PROGRAM_HEADER_COUNT: usize = 56;
/// Size of a program header.
const PROGRAM_HEADER_SIZE: usize = 56;

impl Image {
    /// The harmless kernel `leave`.
    ///
    /// # Panics
    /// It cannot be built.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: fs::read(path("leave")).expect("it was just built") }
    }

    /// The bytes as they are.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Sets one byte.
    #[must_use]
    pub fn byte(mut self, offset: usize, value: u8) -> Self {
        self.bytes[offset] = value;
        self
    }

    /// Cuts the file to `length`.
    #[must_use]
    pub fn cut(mut self, length: usize) -> Self {
        self.bytes.truncate(length);
        self
    }

    /// Gives every note another type, so that no entry is found.
    ///
    /// # Panics
    /// The image has no Xen note.
    #[must_use]
    pub fn without_note(mut self) -> Self {
        // Name size 4, descriptor size, type 18, "Xen".
        let place = self
            .bytes
            .windows(16)
            .position(|note| note.starts_with(&[4, 0, 0, 0]) && note[8..] == *b"\x12\0\0\0Xen\0");
        self.bytes[place.expect("the image has a note") + 8] = 19;
        self
    }

    /// Sets a 64-bit field of every loadable segment: 24 is the physical address, 32 the size in the
    /// file, 40 the size in memory.
    #[must_use]
    pub fn segment_field(mut self, field: usize, value: u64) -> Self {
        let word = |at: usize| usize::from(self.bytes[at]) | usize::from(self.bytes[at + 1]) << 8;
        let (table, count) = (word(PROGRAM_HEADERS), word(PROGRAM_HEADER_COUNT));
        for header in (0..count).map(|index| table + index * PROGRAM_HEADER_SIZE) {
            if self.bytes[header] == 1 {
                let at = header + field;
                self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
        self
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}
