// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The dump of all files over the console, in hexadecimal: for hosts that have no output disk.

use crate::drivers::serial::Writer;
use crate::fs::{Cursor, FileSystem, Follow, InodeId, Kind};
use alloc::vec::{IntoIter, Vec};
use core::fmt::Write;
use seed_protocols::cpio;

/// Bytes in a line of the dump.
const LINE_BYTES: usize = 32;

/// A directory in the middle of its dump.
struct Level {
    directory: InodeId,
    entries: IntoIter<(Vec<u8>, Kind)>,
    /// Length of the path that the names are added to.
    path_len: usize,
}

impl Level {
    fn new(fs: &mut FileSystem, directory: InodeId, path_len: usize) -> Self {
        let entries = fs.entries(directory, &Cursor::default());
        let entries: Vec<_> = entries
            .into_iter()
            .flatten()
            .filter(|entry| entry.name != b"." && entry.name != b"..")
            .map(|entry| (entry.name.to_vec(), entry.kind))
            .collect();
        Self { directory, entries: entries.into_iter(), path_len }
    }
}

/// Dumps every regular file whose name a path can have, directory by directory.
pub fn all_files(fs: &mut FileSystem) {
    let mut writer = Writer::new();
    writer.write_bytes(b"=== DUMP-BEGIN ===\n");
    let mut path = Vec::new();
    let mut levels = Vec::from([Level::new(fs, InodeId::ROOT, 0)]);
    while let Some(level) = levels.last_mut() {
        let Some((name, kind)) = level.entries.next() else {
            levels.pop();
            continue;
        };
        path.truncate(level.path_len);
        path.extend_from_slice(&name);
        let Ok(child) = fs.resolve(level.directory, &name, Follow::NoLast) else { continue };
        match kind {
            _ if path.len() > cpio::NAME_MAX => {}
            Kind::Regular => dump_file(fs, &mut writer, child, &path),
            Kind::Directory => {
                path.push(b'/');
                levels.push(Level::new(fs, child, path.len()));
            }
            _ => {}
        }
    }
    writer.write_bytes(b"=== DUMP-END ===\n");
    writer.flush();
}

fn dump_file(fs: &FileSystem, writer: &mut Writer, id: InodeId, path: &[u8]) {
    let size = fs.size(id).unwrap_or(0);
    writer.write_bytes(b"=== FILE path=");
    writer.write_bytes(path);
    // The serial port takes everything.
    let _ = writeln!(writer, " size={size} ===");
    let mut bytes = [0; LINE_BYTES];
    let mut offset = 0;
    while let Ok(length @ 1..) = fs.read_bytes(id, offset, &mut bytes) {
        for byte in &bytes[..length] {
            let _ = write!(writer, "{byte:02x}");
        }
        writer.write_bytes(b"\n");
        offset += length as u64;
    }
}
