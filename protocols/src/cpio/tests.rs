// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The reader, on archives that the tests write by hand.

use super::*;
use std::vec::Vec;

fn entry(name: &[u8], mode: u32, data: &[u8]) -> Vec<u8> {
    let header = Header {
        ino: 1,
        mode,
        nlink: 1,
        mtime: 7,
        size_bytes: data.len().try_into().unwrap(),
        name_size: (name.len() + 1).try_into().unwrap(),
    };
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(name);
    bytes.push(0);
    bytes.resize(bytes.len() + padding(bytes.len()), 0);
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len() + padding(bytes.len()), 0);
    bytes
}

fn archive(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in entries {
        bytes.extend(entry(name, mode::REGULAR | 0o644, data));
    }
    bytes.extend(entry(TRAILER, 0, b""));
    bytes
}

#[test]
fn written_entries_read_back() {
    let bytes = archive(&[(b"a", b"12345"), (b"in/b", b"")]);
    let mut reader = Reader::new(&bytes);
    let first = reader.read_entry().unwrap().unwrap();
    assert_eq!((first.name, first.data), (&b"a"[..], &b"12345"[..]));
    assert_eq!(first.header.mode, 0o100_644);
    let second = reader.read_entry().unwrap().unwrap();
    assert_eq!((second.name, second.data), (&b"in/b"[..], &b""[..]));
    assert_eq!(reader.read_entry(), Ok(None));
}

#[test]
fn the_trailer_entry_is_what_its_header_says() {
    let header = Header { nlink: 1, name_size: 11, ..Header::default() };
    assert_eq!(TRAILER_ENTRY[..HEADER_SIZE], header.to_bytes());
    assert_eq!(TRAILER_ENTRY[HEADER_SIZE..], *b"TRAILER!!!\0\0\0\0");
    assert_eq!(Reader::new(TRAILER_ENTRY).read_entry(), Ok(None));
}

#[test]
fn only_the_size_of_its_name_counts_in_the_trailer() {
    for at in (6..HEADER_SIZE).filter(|at| !(94..102).contains(at)) {
        let mut bytes = TRAILER_ENTRY.to_vec();
        bytes[at] = b'-';
        assert_eq!(Reader::new(&bytes).read_entry(), Ok(None), "byte {at}");
    }
    for (name, size) in [(&b"TRAILER!!!"[..], 10), (b"TRAILER!!!\0x", 12)] {
        let header = Header { name_size: size, ..Header::default() };
        let bytes = [&header.to_bytes(), name].concat();
        assert_eq!(Reader::new(&bytes).read_entry(), Ok(None));
    }
    let bytes = entry(b"TRAILER!!!!", 0, b"");
    assert_eq!(Reader::new(&bytes).read_entry().unwrap().unwrap().name, b"TRAILER!!!!");
}

#[test]
fn names_end_at_their_zero_or_with_their_field() {
    let alphabet = [b'/', b'.', b'a', 0];
    for length in 0..20 {
        for seed in 0..500_usize {
            let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let stored: Vec<u8> =
                (0..length).map(|at| alphabet[random >> (2 * at + 8) & 3]).collect();
            let name: Vec<u8> = stored.iter().copied().take_while(|&byte| byte != 0).collect();
            let slash = name.iter().rposition(|&byte| byte == b'/');
            for behind in [&b""[..], b"//\0\0", b"/////////", b"\0\0\0\0\0\0\0\0\0\0\0"] {
                let header = Header { name_size: length, ..Header::default() };
                let bytes = [&header.to_bytes()[..], &stored, behind].concat();
                let mut reader = Reader::new(&bytes);
                let Ok(Some(entry)) = reader.read_entry() else { continue };
                assert_eq!(entry.name, name);
                assert_eq!(entry.base_start, slash.map_or(0, |slash| slash + 1));
            }
        }
    }
}

#[test]
fn repeated_fields_follow_their_changes() {
    let mut bytes = entry(b"a", mode::REGULAR | 0o644, b"");
    bytes.extend(entry(b"b", mode::REGULAR | 0o644, b""));
    bytes.extend(entry(b"c", mode::DIRECTORY | 0o755, b""));
    bytes.extend(entry(b"d", mode::REGULAR | 0o644, b""));
    let mut reader = Reader::new(&bytes);
    let mut next = || reader.read_entry().unwrap().unwrap().header.mode;
    assert_eq!([next(), next(), next(), next()], [0o100_644, 0o100_644, 0o040_755, 0o100_644]);
}

#[test]
fn damaged_fields_are_named() {
    let whole = archive(&[(b"a", b"")]);
    let fields = [(6, Field::Ino), (14, Field::Mode), (38, Field::Nlink), (46, Field::Mtime)];
    for (at, field) in fields.into_iter().chain([(54, Field::FileSize), (94, Field::NameSize)]) {
        let mut bytes = whole.clone();
        bytes[at + 7] = b'-';
        let expected = Error::BadField { offset: 0, field };
        assert_eq!(Reader::new(&bytes).read_entry(), Err(expected));
    }
}

#[test]
fn rare_fields_are_read_apart() {
    let mut bytes = archive(&[(b"a", b"")]);
    bytes[78..86].copy_from_slice(b"00000005");
    bytes[86..94].copy_from_slice(b"0000000x");
    assert_eq!(read_field(&bytes, 0, Field::RdevMajor), Ok(5));
    let bad = Error::BadField { offset: 0, field: Field::RdevMinor };
    assert_eq!(read_field(&bytes, 0, Field::RdevMinor), Err(bad));
    let end = bytes.len();
    let cut = Error::TruncatedHeader { offset: end };
    assert_eq!(read_field(&bytes, end, Field::Ino), Err(cut));
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = archive(&[(b"a", b"12345")]);
    let trailer_end = bytes.len() - 3;
    for length in 0..trailer_end {
        let mut reader = Reader::new(&bytes[..length]);
        while let Ok(Some(_)) = reader.read_entry() {}
        assert!(reader.read_entry().is_err(), "cut to {length} bytes");
    }
    assert_eq!(Reader::new(b"").read_entry(), Err(Error::NotCpio));
    assert_eq!(Reader::new(&[0; 512]).read_entry(), Err(Error::NotCpio));
}

#[test]
fn announced_lengths_beyond_the_archive_are_refused() {
    let mut bytes = archive(&[(b"a", b"12345")]);
    bytes[54..62].copy_from_slice(b"FFFFFFFF");
    assert!(matches!(Reader::new(&bytes).read_entry(), Err(Error::TruncatedData { .. })));
    bytes[94..102].copy_from_slice(b"FFFFFFFF");
    assert_eq!(Reader::new(&bytes).read_entry(), Err(Error::TruncatedHeader { offset: 0 }));
}

#[test]
fn zeros_behind_a_name_align_the_data() {
    let name_size = aligned_name_size(0, 1, 4096);
    let mut bytes =
        Header { name_size: name_size.try_into().unwrap(), size_bytes: 3, ..Header::default() }
            .to_bytes()
            .to_vec();
    bytes.push(b'a');
    bytes.resize(4096, 0);
    bytes.extend(b"xyz\0");
    bytes.extend(entry(TRAILER, 0, b""));
    let found = Reader::new(&bytes).read_entry().unwrap().unwrap();
    assert_eq!((found.name, found.data_offset, found.data), (&b"a"[..], 4096, &b"xyz"[..]));
}
