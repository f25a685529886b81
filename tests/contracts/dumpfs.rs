// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `dumpfs`: the kernel's token that puts every file on the console in hexadecimal at the end.

use std::collections::BTreeMap;

use seed_tests::case::Case;
use seed_tests::program::Program::{Bare, Hex0};

/// Reads a dump back: path and content of each file.
fn decode(console: &str) -> BTreeMap<String, Vec<u8>> {
    let (_, dump) = console.split_once("=== DUMP-BEGIN ===\n").expect("the dump begins");
    let (dump, _) = dump.split_once("=== DUMP-END ===\n").expect("the dump ends");
    let mut files = BTreeMap::new();
    for part in dump.split("=== FILE path=").skip(1) {
        let (head, hex) = part.split_once(" ===\n").expect("a file's line ends");
        let (path, size) = head.rsplit_once(" size=").expect("a file's line tells the size");
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        let bytes = bytes.expect("digits come in pairs");
        assert_eq!(bytes.len().to_string(), size, "size of {path}");
        files.insert(path.trim_start_matches('/').to_owned(), bytes);
    }
    files
}

#[test]
fn every_file_is_dumped_as_it_is_at_the_end() {
    let results = Case::new(Hex0)
        .append("hex0 dumpfs in/a out/b")
        .file("in/a", b"0a 0b 0c # three bytes\n")
        .file("in/zeros", &[0; 5000])
        .run();
    let text = String::from_utf8(results.stdout).unwrap();
    let files = decode(&text);
    assert_eq!(files["in/a"], b"0a 0b 0c # three bytes\n");
    assert_eq!(files["in/zeros"], [0; 5000]);
    // Had the token reached the program, it would have looked for a file of that name.
    assert_eq!(files["out/b"], [10, 11, 12]);
    assert_eq!(files["out/b"], results.contents.file("out/b"));
}

#[test]
fn the_token_alone_is_no_argument() {
    let results = Case::new(Bare("args")).append("dumpfs").run();
    let text = String::from_utf8(results.stdout).unwrap();
    assert!(text.starts_with("arg [init]\n"), "{text}");
    assert!(decode(&text).contains_key("init"));
}

#[test]
fn the_status_is_still_the_programs() {
    Case::new(Bare("exit")).append("exit dumpfs").status(0).run();
    Case::new(Bare("exit")).append("dumpfs exit 200").status(200).run();
}
