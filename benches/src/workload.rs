// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The commands that are measured: the same "hello" on every way to run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seed_tests::archive::Writer;
use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::program::{self, Program};

/// One way to run the workload.
pub(crate) struct Case {
    /// Its name in tables and JSON.
    pub(crate) name: &'static str,
    /// Exit status that says it worked.
    pub(crate) status: i32,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Case {
    /// The command, with nothing to read and its output dropped.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// The disks that every case shares.
pub(crate) struct Disks {
    scratch: Scratch,
}

impl Disks {
    /// An input disk with `hello` as `/init`, and an empty output disk of 1 MiB.
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let folders = Writer::default().entry("in", 0o40_755, b"").entry("out", 0o40_755, b"");
        let hello = program::bytes(Program::Bare("hello"));
        scratch.write("in.img", &folders.program("init", &hello).finish());
        scratch.disk("out.img", 1 << 20);
        Self { scratch }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.join(name).to_string_lossy().into_owned()
    }

    /// A file beside the disks.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }
}

/// Every case that this host can run, the floor first.
pub(crate) fn cases(disks: &Disks) -> Vec<Case> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let hello = program::path(Program::Bare("hello"));
    let (input, output) = (disks.path("in.img"), disks.path("out.img"));
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut cases = vec![Case {
        name: "exec of hello on the host",
        status: 0,
        program: hello.clone(),
        arguments: Vec::new(),
    }];
    if backend::has(Backend::Kvm) {
        cases.insert(
            0,
            Case {
                name: "floor (minimal C program)",
                status: 0,
                program: floor(),
                arguments: Vec::new(),
            },
        );
        cases.push(Case {
            name: "seedvmm run -- hello",
            status: 0,
            program: paths::seedvmm(),
            arguments: own(&["run", "--backend", "kvm", "--", &text(&hello)]),
        });
        cases.push(Case {
            name: "seedvmm main job",
            status: 0,
            program: paths::seedvmm(),
            arguments: own(&["--backend", "kvm", "--in", &input, "--out", &output]),
        });
    }
    for (backend, name, accelerator, cpu) in [
        (Backend::QemuKvm, "QEMU reference, kvm", "kvm", "host,-arch-capabilities"),
        (Backend::QemuTcg, "QEMU reference, tcg", "tcg", "max"),
    ] {
        if backend::has(backend) {
            cases.push(Case {
                name,
                status: 1,
                program: "qemu-system-x86_64".into(),
                arguments: reference(accelerator, cpu, disks),
            });
        }
    }
    cases
}

/// The reference command line.
pub(crate) fn reference(accelerator: &str, cpu: &str, disks: &Disks) -> Vec<String> {
    let drive = |name: &str, id: &str, more: &str| {
        format!("file={},if=none,format=raw,id={id}{more}", disks.path(name))
    };
    let kernel = paths::kernel().to_string_lossy().into_owned();
    let words = [
        "-machine",
        "microvm,acpi=off,pic=off,pit=off,rtc=off,isa-serial=on,auto-kernel-cmdline=off",
        "-accel",
        accelerator,
        "-cpu",
        cpu,
        "-m",
        "2048M",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-serial",
        "stdio",
        "-no-reboot",
        "-global",
        "virtio-mmio.force-legacy=false",
        "-device",
        "isa-debug-exit,iobase=0x501,iosize=2",
        "-kernel",
        &kernel,
        "-drive",
        &drive("in.img", "hd0", ",readonly=on"),
        "-device",
        "virtio-blk-device,drive=hd0",
        "-drive",
        &drive("out.img", "hd1", ""),
        "-device",
        "virtio-blk-device,drive=hd1",
    ];
    words.iter().map(|&word| word.to_owned()).collect()
}

fn floor() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("floor");
    let flags = ["-O2", "-static", "-Wall", "-Wextra"];
    program::build("gcc", &paths::built().join("floor"), &folder, &["floor.c"], &flags, &[])
}
