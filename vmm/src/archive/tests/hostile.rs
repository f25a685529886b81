// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Archives that mean harm or are broken: refused as a whole, with nothing created.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;

use seed_protocols::cpio::{self, Header};
use tempfile::tempdir;

use super::*;

const FILE: u32 = 0o100_644;
const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;

fn entry(ino: u32, nlink: u32, name: &[u8], mode: u32, data: &[u8]) -> Vec<u8> {
    let header = Header {
        ino,
        mode,
        nlink,
        mtime: 0,
        size_bytes: data.len().try_into().unwrap(),
        name_size: (name.len() + 1).try_into().unwrap(),
    };
    let mut bytes = header.to_bytes().to_vec();
    for part in [name, b"\0", data] {
        bytes.extend_from_slice(part);
        if part != name {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

fn archive(entries: &[(&[u8], u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, mode, data) in entries {
        bytes.extend(entry(1, 1, name, *mode, data));
    }
    bytes.extend(entry(0, 1, b"TRAILER!!!", 0, b""));
    bytes
}

/// Unpacks where nothing is, checks that nothing is there afterwards, and returns the message.
fn refusal(bytes: Vec<u8>) -> String {
    let parent = tempdir().unwrap();
    let target = parent.path().join("target");
    let error = unpack_bytes(bytes, &target).unwrap_err();
    assert!(!target.exists());
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

#[test]
fn names_that_lead_out_are_refused() {
    let long = [b'n'; 256];
    let deep = b"d/".repeat(2048);
    let cases: [(&[u8], &str); 6] = [
        (b"../up", "\"..\" component"),
        (b"a/../../up", "\"..\" component"),
        (b"/etc/passwd", "absolute"),
        (b"", "empty"),
        (&long, "longer than 255"),
        (&deep, "longer than 4095"),
    ];
    for (name, expected) in cases {
        let message = refusal(archive(&[(b"good", FILE, b"1"), (name, FILE, b"2")]));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_name_in_a_message_cannot_command_the_terminal() {
    let message = refusal(archive(&[(b"../\x1b[2J", FILE, b"")]));
    assert!(message.contains(r"\u{1b}[2J"), "{message}");
}

#[test]
fn nothing_goes_through_a_symbolic_link_of_the_archive() {
    for target in [&b"/tmp"[..], b"..", b"b"] {
        let entries = [(&b"a"[..], LINK, target), (b"b", FOLDER, b""), (b"a/x", FILE, b"!")];
        let message = refusal(archive(&entries));
        assert!(message.contains("\"a/x\" lies below \"a\""), "{message}");
    }
    let message = refusal(archive(&[(b"a/b/x", FILE, b"!"), (b"a", FILE, b"")]));
    assert!(message.contains("\"a/b/x\" lies below \"a\""), "{message}");
}

#[test]
fn nothing_goes_through_a_symbolic_link_of_the_target() {
    let outside = tempdir().unwrap();
    let target = tempdir().unwrap();
    symlink(outside.path(), target.path().join("a")).unwrap();
    for entries in [
        &[(&b"a/x"[..], FILE, &b"!"[..])][..],
        &[(b"a", FOLDER, b""), (b"a/x", FILE, b"!")],
        &[(b"a", FILE, b"!")],
        &[(b"a", LINK, b"b")],
    ] {
        assert!(unpack_bytes(archive(entries), target.path()).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(fs::read_link(target.path().join("a")).unwrap(), outside.path());
    }
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    for second in [&b"a"[..], b"./a", b".//a/"] {
        let message =
            refusal(archive(&[(b"a", FILE, b"1"), (b"b", FILE, b""), (second, FILE, b"2")]));
        assert!(message.contains("is there twice"), "{message}");
    }
}

#[test]
fn devices_and_their_like_are_refused() {
    for (mode, kind) in [
        (0o020_666, "character device"),
        (0o060_666, "block device"),
        (0o010_666, "named pipe"),
        (0o140_666, "socket"),
        (0o000_666, "unknown type"),
    ] {
        let message = refusal(archive(&[(b"dev", mode, b"")]));
        assert!(message.contains(kind), "{message}");
    }
    assert!(refusal(archive(&[(b".", FILE, b"")])).contains("root must be one"));
    assert!(refusal(archive(&[(b"l", LINK, b"")])).contains("no usable target"));
    assert!(refusal(archive(&[(b"l", LINK, b"a\0b")])).contains("no usable target"));
}

#[test]
fn damaged_archives_are_refused() {
    let good = archive(&[(b"good", FILE, b"1"), (b"other", FILE, b"23456")]);
    for length in 0..good.len() - 3 {
        refusal(good[..length].to_vec());
    }
    assert!(refusal(b"070702 something else".repeat(20)).contains("not a cpio archive"));
    let mut broken = good.clone();
    broken[120] = b'x';
    assert!(refusal(broken).contains("no cpio header at offset 120"));
    let mut broken = good;
    broken[54..62].copy_from_slice(b"FFFFFFFF");
    assert!(refusal(broken).contains("4294967295 bytes announced"));
}

#[test]
fn names_of_one_file_must_agree() {
    let two = |first: &[u8], second: &[u8]| {
        let mut bytes = entry(5, 2, b"a", FILE, first);
        bytes.extend(entry(5, 2, b"d/b", FILE, second));
        bytes.extend(entry(0, 1, b"TRAILER!!!", 0, b""));
        bytes
    };
    assert!(refusal(two(b"1", b"2")).contains("two different contents"));
    for (first, second) in [(&b"1"[..], &b""[..]), (b"", b"1"), (b"1", b"1")] {
        let target = tempdir().unwrap();
        unpack_bytes(two(first, second), target.path()).unwrap();
        for name in ["a", "d/b"] {
            assert_eq!(fs::read(target.path().join(name)).unwrap(), b"1");
        }
    }
}

#[test]
fn nothing_is_overwritten() {
    let target = tempdir().unwrap();
    fs::create_dir(target.path().join("d")).unwrap();
    fs::write(target.path().join("d/old"), "old").unwrap();
    let entries = [(&b"a"[..], FILE, &b""[..]), (b"d", FOLDER, b""), (b"d/old", FILE, b"new")];
    let message = unpack_bytes(archive(&entries), target.path()).unwrap_err().to_string();
    assert!(message.contains("d/old is already there"), "{message}");
    assert!(!target.path().join("a").exists());
    assert_eq!(fs::read(target.path().join("d/old")).unwrap(), b"old");

    let entries = [(&b"d/new"[..], FILE, &b"new"[..])];
    unpack_bytes(archive(&entries), target.path()).unwrap();
    assert_eq!(fs::read(target.path().join("d/new")).unwrap(), b"new");
    assert!(unpack_bytes(archive(&[(b"d/old", FOLDER, b"")]), target.path()).is_err());
}

#[test]
fn very_deep_folders_need_few_descriptors() {
    let deep = [&b"d/".repeat(2000)[..], b"x"].concat();
    let target = tempdir().unwrap();
    unpack_bytes(archive(&[(&deep, FILE, b"here")]), target.path()).unwrap();
}

#[test]
fn an_output_disk_is_read_up_to_its_trailer() {
    let mut image = memory_image("test", 1 << 40).unwrap();
    let large = vec![b'x'; 1 << 20];
    image.write_all(&archive(&[(b"out", FOLDER, b""), (b"out/x", FILE, &large)])).unwrap();
    image.write_all(b"leftovers").unwrap();
    let read = Archive::read(&image).unwrap();
    let target = tempdir().unwrap();
    unpack(&read.contents().unwrap().below(b"out").unwrap(), target.path()).unwrap();
    assert_eq!(fs::read(target.path().join("x")).unwrap(), large);
    let error = read.contents().unwrap().below(b"o").unwrap_err().to_string();
    assert!(error.contains("\"out\" is not in the folder \"o\""), "{error}");

    let empty = memory_image("test", 1 << 40).unwrap();
    assert!(matches!(Archive::read(&empty), Err(ReadError::Damaged(cpio::Error::NotCpio))));
}
