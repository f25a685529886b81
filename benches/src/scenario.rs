// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The jobs that are measured: which program, on which files, how often, by whom.

use std::fs;
use std::path::Path;
use std::process::Command;

use seed_tests::program::{self, Program};
use seed_tests::toolchain;

use crate::contender::Contender::{self, Floor, Host, QemuKvm, QemuTcg, Run, Seedvmm};
use crate::programs;

/// Bytes in a MiB.
const MIB: u64 = 1 << 20;

/// Files of the tree, and in each of its folders.
const TREE_FILES: usize = 2600;
const FILES_PER_FOLDER: usize = 20;

/// tcc's sources in one, with musl.
const COMPILE: &str = "tcc -static -DTCC_TARGET_X86_64 -DTCC_MUSL -DONE_SOURCE=1 -Iin/tcc/source \
                       -o out/tcc in/tcc/source/tcc.c";

/// What the host does where a guest runs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnHost {
    /// The same program on the same files.
    Same,
    /// `pread` of the input disk into fresh memory.
    ReadDisk,
    /// Fresh memory filled, then `pwrite` of it to a file, then a flush.
    WriteDisk,
}

/// A job.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// Its name in JSON and for `--only`.
    pub(crate) name: &'static str,
    /// What it is, or one step of it, for tables.
    pub(crate) title: &'static str,
    /// Who runs it, in this order.
    pub(crate) contenders: &'static [Contender],
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// Rounds in which QEMU's emulation takes part.
    pub(crate) rounds_of_tcg: usize,
    /// The program, which becomes `/init`, and further files.
    pub(crate) files: fn(folder: &Path),
    /// The program's arguments with its name, for guest and host.
    pub(crate) words: &'static str,
    pub(crate) on_host: OnHost,
    /// Size of the output disk.
    pub(crate) output_bytes: u64,
    /// Steps of a job that repeats one.
    pub(crate) steps: Option<u32>,
}

const ALL: &[Contender] = &[Host, Seedvmm, QemuKvm, QemuTcg];

impl Scenario {
    /// The whole of it, for tables.
    pub(crate) fn job_title(&self) -> String {
        match self.steps {
            Some(steps) => format!("{steps} times {}", self.title),
            None => self.title.to_owned(),
        }
    }

    /// `work`, short enough for many rounds.
    fn work(name: &'static str, title: &'static str, words: &'static str) -> Self {
        Self {
            name,
            title,
            contenders: ALL,
            rounds: 30,
            rounds_of_tcg: 30,
            files: with_work,
            words,
            on_host: OnHost::Same,
            output_bytes: MIB,
            steps: None,
        }
    }

    /// `work` that repeats a step as often as its second argument says.
    fn steps(name: &'static str, title: &'static str, words: &'static str) -> Self {
        let count = words.split(' ').nth(2).and_then(|count| count.parse().ok());
        Self { rounds: 10, rounds_of_tcg: 10, steps: count, ..Self::work(name, title, words) }
    }

    /// Steps that compute alone: emulated, they would take as long as all the rest.
    fn compute(name: &'static str, title: &'static str, words: &'static str) -> Self {
        Self { contenders: &[Host, Seedvmm, QemuKvm], ..Self::steps(name, title, words) }
    }
}

/// All jobs, "hello" and "nothing" first: others are seen beside them.
pub(crate) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            contenders: &[Floor, Host, Run, Seedvmm, QemuKvm, QemuTcg],
            files: with_hello,
            ..Scenario::work("hello", "hello", "hello")
        },
        Scenario {
            rounds: 10,
            ..Scenario::work("nothing", "start of the work program", "work nothing")
        },
        Scenario {
            files: with_sixteen_files,
            output_bytes: 2 * MIB,
            ..Scenario::work("files", "16 files in, 1 MiB out", "work copy 1")
        },
        Scenario {
            files: with_tree,
            rounds_of_tcg: 10,
            ..Scenario::work("tree", "2,600 files in, listed by `ls -lR`", "busybox sh list.sh")
        },
        Scenario {
            files: with_big_file,
            on_host: OnHost::ReadDisk,
            rounds: 15,
            rounds_of_tcg: 15,
            ..Scenario::work("disk-read", "256 MiB read through virtio-blk", "work nothing")
        },
        Scenario {
            on_host: OnHost::WriteDisk,
            output_bytes: 257 * MIB,
            rounds: 10,
            rounds_of_tcg: 10,
            ..Scenario::work("disk-write", "256 MiB made and written", "work fill 256")
        },
        Scenario {
            files: with_compiler,
            rounds: 10,
            rounds_of_tcg: 5,
            ..Scenario::work("compile", "tcc compiles and links itself", COMPILE)
        },
        Scenario::steps("spawn", "fork, exec, wait", "work spawn 1000 hello"),
        Scenario::steps("getpid", "getpid", "work getpid 4000"),
        Scenario::steps("read", "read 4 KiB", "work read 4000"),
        Scenario::steps("write", "write 4 KiB", "work write 4000"),
        Scenario::steps("touch", "touch a fresh page", "work touch 16384"),
        Scenario::steps("pipe", "pipe round trip of two processes", "work pipe 1000"),
        Scenario::steps("yield", "sched_yield to another process", "work yield 2000"),
        Scenario::compute("matrix", "multiply two matrices", "work matrix 1000"),
        Scenario::compute("sha256", "SHA-256 of 64 KiB", "work sha256 3500"),
    ]
}

/// About as long as a machine with "hello" takes, without a machine.
pub(crate) fn that_computes() -> Scenario {
    Scenario::compute("compute", "a computation", "work sha256 10")
}

/// A machine that says so when it is up, and stays.
pub(crate) fn that_stays() -> Scenario {
    Scenario::work("stay", "a machine that stays", "work stay")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it lies in the folder"))
        .and_then(|()| fs::write(&path, bytes))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn put_program(folder: &Path, name: &str, program: &Path) {
    // A copy keeps the right to be executed.
    fs::create_dir_all(folder.join("out"))
        .and_then(|()| fs::copy(program, folder.join(name)))
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
}

fn with_hello(folder: &Path) {
    put_program(folder, "init", &program::path(Program::Bare("hello")));
}

fn with_work(folder: &Path) {
    put_program(folder, "init", &programs::work());
    put_program(folder, "hello", &program::path(Program::Bare("hello")));
}

fn with_sixteen_files(folder: &Path) {
    with_work(folder);
    for number in 0..16 {
        put(folder, &format!("in/{number:02}"), &text(number, 64 << 10));
    }
}

fn with_tree(folder: &Path) {
    put_program(folder, "init", &program::path(Program::Busybox));
    put(folder, "list.sh", b"ls -lR in > out/list\n");
    for number in 0..TREE_FILES {
        let name = format!("in/folder{:03}/file{number:04}.c", number / FILES_PER_FOLDER);
        put(folder, &name, &text(number, tree_file_size(number)));
    }
}

/// Between 256 bytes and 16 KiB, most of them short, as in a tree of sources.
fn tree_file_size(number: usize) -> usize {
    let spread = number * 7919 % 1000;
    256 + spread * spread * 16_000 / 1_000_000
}

fn with_compiler(folder: &Path) {
    put_program(folder, "init", &program::path(toolchain::TCC));
    for (name, place) in toolchain::files() {
        let target = folder.join(name);
        let copied = fs::create_dir_all(target.parent().expect("it lies in the folder"))
            .and_then(|()| Command::new("cp").arg("-rL").args([&place, &target]).status());
        assert!(copied.is_ok_and(|status| status.success()), "cannot copy {}", place.display());
    }
}

fn with_big_file(folder: &Path) {
    with_work(folder);
    put(folder, "in/big", &text(0, 256 << 20));
}

/// Bytes that differ from page to page and from file to file.
fn text(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 512 + number) as u8).collect()
}
