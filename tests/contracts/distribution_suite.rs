// SPDX-License-Identifier: Apache-2.0 OR MIT

//! busybox's own test suite, from the distribution's source package, on its busybox in the guest: each
//! of its tests gives the verdict that is written down in `tests/busybox-testsuite/`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};

/// What a line of the suite's output starts with if it is a verdict.
const VERDICTS: [&str; 4] = ["PASS: ", "FAIL: ", "SKIPPED: ", "UNTESTED: "];

/// One run makes about half a million system calls and six thousand processes.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn its_own_test_suite_gives_the_verdicts_written_down_on_kvm() {
    check(Backend::Kvm);
}

#[test]
fn its_own_test_suite_gives_the_verdicts_written_down_on_tcg() {
    check(Backend::QemuTcg);
}

fn check(backend: Backend) {
    if !backend::has(backend) {
        return;
    }
    let Some(wanted) = written_down() else { return };
    let scratch = Scratch::new();
    let image = pack_suite(&scratch);
    let mut command = Command::new(paths::seedvmm());
    command.args(backend.options()).arg("--in").arg(image);
    command.args(["--append", "busybox sh suite/run.sh"]);
    let outcome = process::run(&mut command, LIMIT);
    outcome.expect_status(0);
    let text = outcome.stdout_text();
    let got = text.lines().filter(|line| VERDICTS.iter().any(|word| line.starts_with(word)));
    let changes = changes(wanted.lines(), got);
    assert!(changes.is_empty(), "other verdicts:\n{}{outcome}", changes.join("\n"));
}

/// The verdicts for the version of busybox that was fetched, if there are any.
fn written_down() -> Option<String> {
    let version = source_version();
    let upstream = upstream(&version);
    let path = paths::package().join(format!("busybox-testsuite/expected-{upstream}.txt"));
    let Ok(text) = fs::read_to_string(path) else {
        backend::skip("busybox's own test suite", &format!("verdicts for busybox {upstream}"));
        return None;
    };
    let help = busybox(&["--help"], Path::new("/"));
    assert!(
        help.stdout_text().contains(&version),
        "the sources are of busybox {version}, the program is another\n{help}"
    );
    Some(text)
}

/// How often a verdict came too often, or with a minus too rarely.
fn changes<'a>(
    wanted: impl Iterator<Item = &'a str>,
    got: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let mut balance: BTreeMap<&str, i32> = BTreeMap::new();
    wanted.for_each(|verdict| *balance.entry(verdict).or_default() -= 1);
    got.for_each(|verdict| *balance.entry(verdict).or_default() += 1);
    let changed = balance.into_iter().filter(|&(_, count)| count != 0);
    changed.map(|(verdict, count)| format!("{count:+} {verdict}")).collect()
}

fn sources() -> PathBuf {
    paths::built().join("sources/busybox")
}

/// The file of the source package with this end of its name.
fn source_file(end: &str) -> PathBuf {
    let entries = fs::read_dir(sources()).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.path());
    let found = names.find(|path| path.to_string_lossy().contains(end));
    found.unwrap_or_else(|| backend::fail_missing("source package of busybox"))
}

/// The package's version without its epoch, as in `busybox_VERSION.dsc`.
fn source_version() -> String {
    let name = source_file(".dsc");
    let stem = name.file_stem().expect("it has a name").to_string_lossy().into_owned();
    stem.strip_prefix("busybox_").expect("so are packages named").to_owned()
}

/// The part of a package's version that its authors gave it.
fn upstream(version: &str) -> &str {
    version.split('-').next().unwrap_or(version)
}

/// Runs an applet on the host: busybox opens any archive, whatever else is installed.
fn busybox(arguments: &[&str], folder: &Path) -> Outcome {
    let mut command = Command::new(program::path(Program::Busybox));
    process::run(command.args(arguments).current_dir(folder), Duration::from_secs(60))
}

/// Makes the root folder that `run.sh` describes, and an image of it.
fn pack_suite(scratch: &Scratch) -> PathBuf {
    let unpacked = scratch.join("source");
    let suite = scratch.join("tree/suite");
    for folder in [&unpacked, &suite, &scratch.join("tree/tmp")] {
        fs::create_dir_all(folder).expect("a scratch folder can be made");
    }
    for (flag, part) in [("-xjf", ".orig.tar"), ("-xJf", ".debian.tar")] {
        let archive = source_file(part);
        busybox(&["tar", flag, &archive.to_string_lossy()], &unpacked).expect_status(0);
    }
    let source = unpacked.join(format!("busybox-{}", upstream(&source_version())));
    fs::rename(source.join("testsuite"), suite.join("testsuite")).expect("the suite is there");
    let copies = [
        (program::path(Program::Busybox), suite.join("busybox")),
        (program::path(Program::Busybox), scratch.join("tree/init")),
        (unpacked.join("debian/config/pkg/static"), suite.join(".config")),
        (paths::package().join("busybox-testsuite/run.sh"), suite.join("run.sh")),
    ];
    for (from, to) in copies {
        fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
    let init = scratch.join("tree/init");
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).expect("it was just made");
    let image = scratch.join("in.img");
    let mut command = Command::new(paths::seedvmm());
    command.arg("pack").arg(scratch.join("tree")).arg(&image);
    process::run(&mut command, Duration::from_secs(60)).expect_status(0);
    image
}
