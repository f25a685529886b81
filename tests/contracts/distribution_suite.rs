// SPDX-License-Identifier: Apache-2.0 OR MIT

//! busybox's own test suite, from the distribution's source package, on its busybox: each of its tests
//! gives the verdict that is written down in `tests/busybox-testsuite/`, and all that it prints is the
//! same on KVM, under QEMU and on the host.

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
use seed_tests::timings;

/// What a line of the suite's output starts with if it is a verdict.
const VERDICTS: [&str; 4] = ["PASS: ", "FAIL: ", "SKIPPED: ", "UNTESTED: "];

/// One run makes about half a million system calls and six thousand processes.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs the suite on the host below a folder with the same files, in a world of processes and mounts of
/// its own. `/init` is started as the kernel starts it: the suite looks at the first process's name.
const ON_HOST: &str = r#"
exec 2>&1
set -e
cd "$0"
mkdir -p proc dev
mount -t proc none proc
mount -t tmpfs none dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
exec "$1" chroot . /suite/busybox sh -c 'exec -a busybox /init sh suite/run.sh'
"#;

/// One after the other, as each takes a processor for itself. QEMU on KVM has the kernel of the one and
/// the processor of the other, and is left out: the run is long.
#[test]
fn its_own_test_suite_gives_the_verdicts_written_down() {
    let Some(wanted) = written_down() else { return };
    let scratch = Scratch::new();
    let tree = lay_out_suite(&scratch);
    let image = scratch.join("in.img");
    let mut command = Command::new(paths::seedvmm());
    process::run(command.arg("pack").arg(&tree).arg(&image), Duration::from_secs(60))
        .expect_status(0);

    let mut places = Vec::new();
    for backend in [Backend::Kvm, Backend::QemuTcg] {
        if backend::has(backend) {
            let mut command = Command::new(paths::seedvmm());
            command.args(backend.options()).arg("--in").arg(&image);
            command.args(["--append", "busybox sh suite/run.sh"]);
            places.push((backend.name(), command));
        }
    }
    match process::with_own_mounts() {
        Some(mut command) => {
            command.args(["--pid", "--fork", "--kill-child", "sh", "-c", ON_HOST]).arg(&tree);
            command.arg(program::path(Program::Busybox)).env_clear().env("PATH", "/usr/bin:/bin");
            places.push(("host", command));
        }
        None => backend::skip("busybox's own test suite on the host", "right to mount"),
    }
    let mut first: Option<Outcome> = None;
    for (place, mut command) in places {
        let outcome = process::run(&mut command, LIMIT);
        timings::note(place, outcome.elapsed);
        outcome.expect_status(0);
        check_verdicts(place, &wanted, &outcome);
        let first = first.get_or_insert_with(|| outcome.clone());
        let changes = changes(&first.stdout_text(), &outcome.stdout_text());
        assert!(first.stdout == outcome.stdout, "{place}: other output\n{changes}\n{outcome}");
    }
}

fn check_verdicts(place: &str, wanted: &str, outcome: &Outcome) {
    let text = outcome.stdout_text();
    let is_verdict = |line: &&str| VERDICTS.iter().any(|word| line.starts_with(word));
    let got: String = text.lines().filter(is_verdict).flat_map(|line| [line, "\n"]).collect();
    assert!(got == wanted, "{place}: other verdicts\n{}\n{outcome}", changes(wanted, &got));
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

/// How often a line came too often, or with a minus too rarely.
fn changes(wanted: &str, got: &str) -> String {
    let mut balance: BTreeMap<&str, i32> = BTreeMap::new();
    wanted.lines().for_each(|line| *balance.entry(line).or_default() -= 1);
    got.lines().for_each(|line| *balance.entry(line).or_default() += 1);
    let changed = balance.into_iter().filter(|&(_, count)| count != 0);
    changed.map(|(line, count)| format!("{count:+} {line}\n")).collect()
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

/// Makes the root folder that `run.sh` describes.
fn lay_out_suite(scratch: &Scratch) -> PathBuf {
    let unpacked = scratch.join("source");
    let tree = scratch.join("tree");
    let suite = tree.join("suite");
    for folder in [&unpacked, &suite, &tree.join("tmp")] {
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
        (program::path(Program::Busybox), tree.join("init")),
        (unpacked.join("debian/config/pkg/static"), suite.join(".config")),
        (paths::package().join("busybox-testsuite/run.sh"), suite.join("run.sh")),
    ];
    for (from, to) in copies {
        fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(tree.join("init"), executable).expect("it was just made");
    tree
}
