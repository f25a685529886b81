// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Archives for unit tests: entries as told, right or wrong, laid out in frame memory.

use crate::mm::address::PhysAddr;
use crate::mm::frames::frames;
use seed_protocols::cpio::{Header, TRAILER, format_hex, mode, padding};
use std::boxed::Box;
use std::vec::Vec;

/// An archive in the making.
#[derive(Default)]
pub(super) struct ArchiveBuilder {
    bytes: Vec<u8>,
}

impl ArchiveBuilder {
    /// Adds an entry; lengths and padding are filled in.
    pub(super) fn entry(mut self, name: &[u8], header: Header, data: &[u8]) -> Self {
        let header = Header {
            name_size: (name.len() + 1).try_into().unwrap(),
            size_bytes: data.len().try_into().unwrap(),
            ..header
        };
        self.bytes.extend(header.to_bytes());
        self.bytes.extend(name);
        self.bytes.push(0);
        self.align();
        self.bytes.extend(data);
        self.align();
        self
    }

    /// Adds a regular file, a directory (if the name ends with a slash) or a link (`from -> to`).
    pub(super) fn simple(self, name: &str, data: &[u8]) -> Self {
        let header = |mode| Header { ino: 7, mode, nlink: 1, mtime: 5, ..Header::default() };
        if let Some((name, target)) = name.split_once(" -> ") {
            return self.entry(name.as_bytes(), header(mode::SYMLINK | 0o777), target.as_bytes());
        }
        match name.strip_suffix('/') {
            Some(name) => self.entry(name.as_bytes(), header(mode::DIRECTORY | 0o750), b""),
            None => self.entry(name.as_bytes(), header(mode::REGULAR | 0o640), data),
        }
    }

    /// Adds a name of a file with three, all with inode number `ino`.
    pub(super) fn linked(self, name: &str, ino: u32, data: &[u8]) -> Self {
        let mode = mode::REGULAR | 0o600;
        self.entry(name.as_bytes(), Header { ino, mode, nlink: 3, ..Header::default() }, data)
    }

    /// Adds a character device.
    pub(super) fn device(mut self, name: &str, major: u32, minor: u32) -> Self {
        let start = self.bytes.len();
        let mode = mode::CHARACTER | 0o666;
        self = self.entry(name.as_bytes(), Header { mode, nlink: 1, ..Header::default() }, b"");
        // newc, the tenth and eleventh of its fields.
        self.bytes[start + 78..start + 86].copy_from_slice(&format_hex(major));
        self.bytes[start + 86..start + 94].copy_from_slice(&format_hex(minor));
        self
    }

    /// The archive without its trailer.
    pub(super) fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The closed archive and where it lies.
    pub(super) fn finish(self) -> (&'static [u8], PhysAddr) {
        place(self.entry(TRAILER, Header { nlink: 1, ..Header::default() }, b"").bytes)
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len() + padding(self.bytes.len()), 0);
    }
}

/// Puts bytes into frame memory, `'static` as an archive is.
pub(super) fn place(bytes: Vec<u8>) -> (&'static [u8], PhysAddr) {
    let nr_frames = bytes.len() / 4096 + 1;
    let start = frames().allocate_run(nr_frames.try_into().unwrap()).unwrap().start();
    frames().write(start, &bytes);
    (Box::leak(bytes.into_boxed_slice()), start)
}
