// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A distribution's static busybox, unmodified: each applet does what it does on the host.

use std::fs;
use std::process::Command;
use std::time::Duration;

use seed_tests::case::Case;
use seed_tests::paths::Scratch;
use seed_tests::process;
use seed_tests::program::Program::Busybox;

/// Bytes that look random and are the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn prose() -> String {
    (0..3000)
        .map(|n| format!("line {} of {} words {:x}\n", n * 7919 % 3001, n % 13, n * n))
        .collect()
}

fn applet(command_line: &str) -> Case {
    Case::new(Busybox)
        .append(&format!("busybox {command_line}"))
        .file("in/prose", prose().as_bytes())
        .file("in/noise", &noise(200_001))
        .same_on_host()
}

/// A file that the host's tools make from `prose` and `noise`.
fn made_by(script: &str) -> Vec<u8> {
    let scratch = Scratch::new();
    scratch.write("prose", prose().as_bytes());
    scratch.write("noise", &noise(200_001));
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(scratch.path());
    process::run(&mut command, Duration::from_secs(60)).expect_status(0);
    fs::read(scratch.join("made")).expect("the script makes it")
}

#[test]
fn sha256sum() {
    applet("sha256sum in/prose in/noise").run();
}

#[test]
fn sort() {
    applet("sort -k2,2n -o out/sorted in/prose").run();
}

#[test]
fn sed() {
    applet("sed -n s/of/--&--/p in/prose").run();
}

#[test]
fn sed_in_place() {
    let file = ("out/prose", prose());
    applet("sed -i s/line/row/g out/prose").file(file.0, file.1.as_bytes()).run();
}

#[test]
fn awk() {
    applet("awk {n[$4]+=$2}END{for(i=0;i<13;i++)print(i,n[i],n[i]/7)} in/prose").run();
}

#[test]
fn gzip_d() {
    let packed = made_by("gzip -9 -n < prose > made");
    applet("gzip -d out/prose.gz").file("out/prose.gz", &packed).run();
}

#[test]
fn tar_x() {
    let script = "mkdir -p a/b && cp prose a/b && cp noise a && ln -s b/prose a/link \
                  && tar -c -f made a";
    let archive = made_by(script);
    let results = applet("tar -x -f in/a.tar -C out").file("in/a.tar", &archive).run();
    assert_eq!(results.contents.entries["out/a/link"].data, b"b/prose");
}

#[test]
fn cat_of_several_files() {
    applet("cat in/prose in/prose in/empty in/prose").file("in/empty", b"").run();
}

#[test]
fn cat_of_a_missing_file() {
    applet("cat in/prose in/missing").status(1).run();
}

#[test]
fn cp_of_a_folder() {
    applet("cp -r in out/copy").folder("in/empty").run();
}

#[test]
fn od() {
    applet("od -A x -t x1 -N 4096 in/noise").run();
}

#[test]
fn wc() {
    applet("wc in/prose in/noise").run();
}

#[test]
fn cmp() {
    applet("cmp in/prose in/prose").run();
    applet("cmp in/prose in/noise").status(1).run();
}

#[test]
fn find_is_sorted() {
    let results = Case::new(Busybox)
        .append("busybox find in -type f")
        .file("in/b/c", b"")
        .file("in/a/d", b"")
        .file("in/a/a", b"")
        .run();
    assert_eq!(results.stdout, b"in/a/a\nin/a/d\nin/b/c\n");
}

#[test]
fn large_file_through_the_machine() {
    let big = noise(64 << 20);
    let results = applet("cp in/big out/big").file("in/big", &big).disk(66 << 20).limit(180).run();
    assert!(results.contents.file("out/big") == big);
}

#[test]
fn large_file_is_read_whole() {
    applet("sha256sum in/big").file("in/big", &noise(64 << 20)).limit(180).run();
}

#[test]
fn large_file_to_the_console() {
    // The serial port carries a byte at a time, on some hosts at 15 µs each.
    applet("cat in/big").file("in/big", prose().repeat(3).as_bytes()).limit(180).run();
}
