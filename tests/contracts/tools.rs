// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The tools beside the main job: `pack`, `unpack` and `doctor`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::{self, Writer};
use seed_tests::case;
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};

fn seedvmm(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new(paths::seedvmm());
    process::run(command.args(arguments).current_dir(folder), Duration::from_secs(60))
}

fn tree() -> Scratch {
    let scratch = Scratch::new();
    let fill = || {
        fs::create_dir_all(scratch.join("tree/in/deep"))?;
        fs::write(scratch.join("tree/in/deep/file"), b"content")?;
        fs::write(scratch.join("tree/init"), b"#!")?;
        fs::set_permissions(scratch.join("tree/init"), fs::Permissions::from_mode(0o755))?;
        symlink("deep/file", scratch.join("tree/in/link"))
    };
    fill().expect("the scratch folder can be written");
    scratch
}

#[test]
fn pack_keeps_names_modes_and_links() {
    let scratch = tree();
    seedvmm(scratch.path(), &["pack", "tree", "in.img"]).expect_status(0);
    let contents = archive::read_canonical(&fs::read(scratch.join("in.img")).unwrap()).unwrap();
    assert_eq!(contents.file("in/deep/file"), b"content");
    assert_eq!(contents.entries["init"].mode, 0o100_755);
    assert_eq!(contents.entries["in/link"].mode & 0o170_000, 0o120_000);
    assert_eq!(contents.file("in/link"), b"deep/file");
}

#[test]
fn the_hosts_cpio_reads_what_pack_wrote() {
    let scratch = tree();
    seedvmm(scratch.path(), &["pack", "tree", "in.img"]).expect_status(0);
    let mut command = Command::new("sh");
    command.args(["-c", "cpio -t --quiet < in.img"]).current_dir(scratch.path());
    let listed = process::run(&mut command, Duration::from_secs(60));
    listed.expect_status(0);
    let mut names: Vec<_> = listed.stdout_text().lines().map(str::to_owned).collect();
    names.retain(|name| name != ".");
    names.sort();
    assert_eq!(names, ["in", "in/deep", "in/deep/file", "in/link", "init"]);
}

#[test]
fn unpack_reads_what_the_hosts_cpio_wrote() {
    let scratch = tree();
    let image = case::pack_with_cpio(&scratch.join("tree"), &scratch.join("host.img"));
    seedvmm(scratch.path(), &["unpack", image.to_str().unwrap(), "copy"]).expect_status(0);
    assert_eq!(fs::read(scratch.join("copy/in/deep/file")).unwrap(), b"content");
    assert_eq!(fs::read_link(scratch.join("copy/in/link")).unwrap(), Path::new("deep/file"));
    let mode = fs::metadata(scratch.join("copy/init")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn unpack_stays_in_its_folder() {
    let outside = |scratch: &Scratch| fs::read_dir(scratch.path()).unwrap().count();
    let hostile = [
        Writer::default().file("../escaped", b"x").finish(),
        Writer::default().file("a/../../escaped", b"x").finish(),
        Writer::default().file("/escaped", b"x").finish(),
        Writer::default().entry("link", 0o120_777, b"..").file("link/escaped", b"x").finish(),
    ];
    for image in hostile {
        let scratch = Scratch::new();
        scratch.write("bad.img", &image);
        let outcome = seedvmm(scratch.path(), &["unpack", "bad.img", "copy"]);
        outcome.expect_status(125).expect_one_line(&["bad.img"]);
        assert!(!scratch.join("escaped").exists() && outside(&scratch) <= 2, "{outcome}");
    }
}

#[test]
fn a_folder_that_is_missing_cannot_be_packed() {
    let scratch = Scratch::new();
    let outcome = seedvmm(scratch.path(), &["pack", "missing", "in.img"]);
    outcome.expect_status(125).expect_one_line(&["missing"]);
    assert!(!scratch.join("in.img").exists());
}

#[test]
fn a_limit_of_file_sizes_is_told() {
    let scratch = tree();
    scratch.write("tree/large", &[7; 64 << 10]);
    let mut command = Command::new("bash");
    let shell = format!("ulimit -f 8; exec '{}' pack tree in.img", paths::seedvmm().display());
    command.args(["-c", &shell]).current_dir(scratch.path());
    let outcome = process::run(&mut command, Duration::from_secs(60));
    outcome.expect_status(125).expect_one_line(&["in.img", "File too large"]);
    assert!(!scratch.join("in.img").exists(), "half of an image is left");
}

#[test]
fn doctor_speaks_of_kvm_and_qemu() {
    let scratch = Scratch::new();
    let outcome = seedvmm(scratch.path(), &["doctor"]);
    let text = outcome.stdout_text();
    assert!(text.contains("/dev/kvm") && text.to_lowercase().contains("qemu"), "{outcome}");
}

#[test]
fn help_shows_examples() {
    let scratch = Scratch::new();
    let outcome = seedvmm(scratch.path(), &["--help"]);
    outcome.expect_status(0);
    assert!(outcome.stdout_text().contains("--append"), "{outcome}");
}

#[test]
fn unknown_options_are_refused() {
    let scratch = Scratch::new();
    let outcome = seedvmm(scratch.path(), &["--colour", "red"]);
    assert!(outcome.status != 0 && outcome.stdout.is_empty(), "{outcome}");
    assert!(outcome.stderr_text().contains("--colour"), "{outcome}");
}
