// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Guest programs: built from `programs/` when first asked for, or found on the host.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::{backend, hex0, paths, process};

/// A program to run in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// `programs/NAME.c` without a C library.
    Bare(&'static str),
    /// `programs/int80.S`.
    Int80,
    /// `programs/NAME.c` with the assembly that loads and stores every register.
    Registers(&'static str),
    /// `programs/bss.c`, linked at 0x600000.
    Bss,
    /// `programs/NAME.c` with musl, static.
    Musl(&'static str),
    /// Everything in `programs/conformance/` with musl, static.
    Conformance,
    /// Everything in `programs/fuzz/` with musl, static.
    Fuzz,
    /// `programs/NAME.c` with glibc, static.
    Glibc(&'static str),
    /// `programs/hello.c` with glibc, in need of an interpreter.
    Dynamic,
    /// `programs/hex0/hex0.hex0`, put together by the converter in [`hex0`].
    Hex0,
    /// The host's static busybox.
    Busybox,
    /// The host's static bash.
    Bash,
    /// The host's GNU mes, which its distribution links statically.
    Mes,
    /// A file of a source package of the distribution, built by `packages/NAME`.
    Packaged(&'static str, &'static str),
}

/// Every program that is built of sources in this repository.
pub const ALL: &[Program] = &[
    Program::Bare("exit"),
    Program::Bare("hello"),
    Program::Bare("args"),
    Program::Bare("stack"),
    Program::Bare("faults"),
    Program::Bare("forge"),
    Program::Int80,
    Program::Bare("cpuid"),
    Program::Registers("registers"),
    Program::Registers("vectors"),
    Program::Musl("altstack"),
    Program::Bss,
    Program::Musl("words"),
    Program::Glibc("words"),
    Program::Conformance,
    Program::Fuzz,
    Program::Musl("family"),
    Program::Glibc("family"),
    Program::Musl("spawn"),
    Program::Musl("clone3"),
    Program::Musl("spin"),
    Program::Dynamic,
    Program::Hex0,
];

const BARE: &[&str] = &[
    "-O2",
    "-static",
    "-nostdlib",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-pie",
    "-no-pie",
    "-fno-tree-loop-distribute-patterns",
    "-Wall",
    "-Wextra",
];
const LIBC: &[&str] = &["-O2", "-static", "-Wall", "-Wextra"];

/// The program's file, built if it is not there or older than its sources.
///
/// # Panics
/// It cannot be built or found.
#[must_use]
pub fn path(program: Program) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<Program, PathBuf>>> = Mutex::new(None);
    // One at a time; a build that failed in another test fails here once more.
    let mut built = BUILT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    built.get_or_insert_default().entry(program).or_insert_with(|| make(program)).clone()
}

/// The program's bytes.
///
/// # Panics
/// It cannot be built, found or read.
#[must_use]
pub fn bytes(program: Program) -> Vec<u8> {
    let path = path(program);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn make(program: Program) -> PathBuf {
    let link_high: &[&str] = &["-Wl,-Ttext-segment=0x600000"];
    let c = |name: &str| format!("{name}.c");
    match program {
        Program::Bare(name) => compile("gcc", name, &[&c(name)], BARE, &[]),
        Program::Int80 => compile("gcc", "int80", &["int80.S"], BARE, &[]),
        Program::Registers(name) => {
            compile("gcc", name, &[&c(name), "registers-enter.S"], BARE, &[])
        }
        Program::Bss => compile("gcc", "bss", &["bss.c"], BARE, link_high),
        Program::Musl(name) => compile("musl-gcc", &format!("{name}-musl"), &[&c(name)], LIBC, &[]),
        Program::Conformance => compile_folder("musl-gcc", "conformance", LIBC),
        Program::Fuzz => compile_folder("musl-gcc", "fuzz", LIBC),
        Program::Glibc(name) => compile("gcc", &format!("{name}-glibc"), &[&c(name)], LIBC, &[]),
        Program::Dynamic => compile("gcc", "dynamic", &["dynamic.c"], &["-O2"], &[]),
        Program::Hex0 => {
            let source = paths::package().join("programs/hex0/hex0.hex0");
            let text = fs::read_to_string(&source).expect("hex0.hex0 is in the tree");
            let output = paths::built().join("hex0");
            let binary = hex0::assemble(&text).expect("hex0.hex0 is hex0");
            fs::write(&output, binary).expect("the target folder can be written");
            output
        }
        Program::Busybox => find(&["/bin/busybox", "/usr/bin/busybox", "/bin/busybox-static"]),
        Program::Bash => find(&["/bin/bash-static", "/usr/bin/bash-static"]),
        Program::Mes => find(&["/usr/bin/mes-gcc-static", "/usr/bin/mes"]),
        Program::Packaged(package, file) => packaged(package).join(file),
    }
}

/// Runs a compiler on files of `programs/`.
fn compile(compiler: &str, name: &str, sources: &[&str], flags: &[&str], more: &[&str]) -> PathBuf {
    let folder = paths::package().join("programs");
    build(compiler, &paths::built().join(name), &folder, sources, flags, more)
}

/// Runs a compiler on all that is in a folder of `programs/`.
fn compile_folder(compiler: &str, name: &str, flags: &[&str]) -> PathBuf {
    let folder = paths::package().join("programs").join(name);
    let entries = fs::read_dir(&folder).expect("the folder is in the tree");
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut sources: Vec<String> = names.filter(|name| name.ends_with(".c")).collect();
    sources.sort();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    build(compiler, &paths::built().join(name), &folder, &sources, flags, &[])
}

/// Runs a compiler on `sources` in `folder`, if `output` is not newer than everything there.
/// With `SEEDVMM_TEST_PREBUILT` set, `output` is taken as it is.
///
/// # Panics
/// The compiler fails.
pub fn build(
    compiler: &str,
    output: &Path,
    folder: &Path,
    sources: &[&str],
    flags: &[&str],
    more: &[&str],
) -> PathBuf {
    let modified = |path: PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    let is_prebuilt = env::var_os("SEEDVMM_TEST_PREBUILT").is_some();
    let newest = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| modified(entry.ok()?.path()))
        .max();
    if output.is_file() && (is_prebuilt || modified(output.to_owned()) > newest) {
        return output.to_owned();
    }
    // Made under another name first: a build that is cut off leaves nothing that looks whole.
    let partial = output.with_extension("partial");
    let mut command = Command::new(compiler);
    command.current_dir(folder).args(flags).args(more).arg("-o").arg(&partial).args(sources);
    let outcome = process::run(&mut command, Duration::from_secs(120));
    assert!(outcome.status == 0, "{outcome}");
    fs::rename(&partial, output).expect("the target folder can be written");
    output.to_owned()
}

/// A program that is installed on the host.
fn find(candidates: &[&str]) -> PathBuf {
    let found = candidates.iter().map(PathBuf::from).find(|path| path.is_file());
    found.unwrap_or_else(|| backend::fail_missing(candidates[0]))
}

/// The folder with what `packages/build` makes of a source package, made if it is not there or older
/// than how it is made.
fn packaged(package: &str) -> PathBuf {
    let result = paths::built().join("packages").join(package);
    let recipes = paths::package().join("packages");
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified(&result) < modified(&recipes.join(package)).max(modified(&recipes.join("build"))) {
        let mut command = Command::new(recipes.join("build"));
        command.arg(package).arg(paths::built());
        let outcome = process::run(&mut command, Duration::from_secs(300));
        assert!(outcome.status == 0, "{outcome}");
    }
    result
}
