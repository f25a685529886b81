// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Determinism: the same kernel, input and command line leave the same bytes, whatever the host's
//! files looked like when they were packed.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, SystemTime};

use seed_tests::archive;
use seed_tests::case::Case;
use seed_tests::paths::{self, Scratch};
use seed_tests::process;
use seed_tests::program::Program;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn two_runs_leave_the_same_disk() {
    let run = || Case::new(Program::Glibc("words")).append("words").file("in/a", b"x y").run();
    let (first, second) = (run(), run());
    assert_eq!(first.stdout, second.stdout);
    assert!(first.contents == second.contents);
}

#[test]
fn packing_does_not_depend_on_times_or_order() {
    let scratch = Scratch::new();
    let pack = |name: &str, files: [&str; 3], age: u64| {
        let tree = scratch.join(name);
        fs::create_dir(&tree).unwrap();
        for file in files {
            fs::write(tree.join(file), file).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
            File::options().write(true).open(tree.join(file)).unwrap().set_modified(time).unwrap();
        }
        let image = scratch.join(&format!("{name}.img"));
        let mut command = Command::new(paths::seedvmm());
        process::run(command.arg("pack").arg(&tree).arg(&image), LIMIT).expect_status(0);
        fs::read(&image).unwrap()
    };
    let first = pack("one", ["a", "b", "c"], 1_000_000_000);
    let second = pack("two", ["c", "a", "b"], 1_500_000_000);
    assert!(first == second);
    assert_eq!(archive::read_canonical(&first).unwrap().files().len(), 3);
}
