// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The dump of all files over the console, in hexadecimal: for hosts that have no output disk.

use crate::drivers::serial::Writer;
use crate::fs::{Cursor, FileSystem, Follow, InodeId, Kind};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Bytes in a line of the dump.
const LINE_BYTES: usize = 32;

/// Dumps every regular file, in the order of their paths.
pub fn all_files(fs: &mut FileSystem) {
    let mut writer = Writer::new();
    writer.write_bytes(b"=== DUMP-BEGIN ===\n");
    dump_directory(fs, &mut writer, InodeId::ROOT, &mut Vec::new());
    writer.write_bytes(b"=== DUMP-END ===\n");
    writer.flush();
}

fn dump_directory(fs: &mut FileSystem, writer: &mut Writer, id: InodeId, path: &mut Vec<u8>) {
    let Ok(entries) = fs.entries(id, &Cursor::default()) else { return };
    let entries: Vec<(Vec<u8>, Kind)> = entries
        .filter(|entry| entry.name != b"." && entry.name != b"..")
        .map(|entry| (entry.name.to_vec(), entry.kind))
        .collect();
    let length = path.len();
    for (name, kind) in entries {
        path.extend_from_slice(&name);
        if let Ok(child) = fs.resolve(id, &name, Follow::NoLast) {
            match kind {
                Kind::Regular => dump_file(fs, writer, child, path),
                Kind::Directory => {
                    path.push(b'/');
                    dump_directory(fs, writer, child, path);
                }
                _ => {}
            }
        }
        path.truncate(length);
    }
}

fn dump_file(fs: &FileSystem, writer: &mut Writer, id: InodeId, path: &[u8]) {
    let size = fs.size(id).unwrap_or(0);
    let name = String::from_utf8_lossy(path);
    // The serial port takes everything.
    let _ = writeln!(writer, "=== FILE path={name} size={size} ===");
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
