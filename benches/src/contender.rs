// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The ways to run a job, and the commands for it.

use std::path::Path;
use std::process::{Command, Stdio};

use seed_tests::backend::{self, Backend};
use seed_tests::paths;

use crate::programs;
use crate::qemu::{self, Accelerator};
use crate::scenario::{OnHost, Scenario};

/// A way to run a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// The least C program that runs a guest, whatever the job.
    Floor,
    /// The host, without a guest.
    Host,
    /// `seedvmm run`, which packs and unpacks by itself.
    Run,
    /// `seedvmm` with images as files, on KVM.
    Seedvmm,
    /// QEMU's reference command line on KVM.
    QemuKvm,
    /// QEMU's reference command line, emulating.
    QemuTcg,
}

impl Contender {
    /// The name in tables and JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Host => "host",
            Self::Run => "seedvmm run",
            Self::Seedvmm => "seedvmm",
            Self::QemuKvm => "QEMU kvm",
            Self::QemuTcg => "QEMU tcg",
        }
    }

    /// Whether this host can run it; says so where it cannot.
    pub(crate) fn is_available(self) -> bool {
        match self {
            Self::Host => true,
            Self::Floor | Self::Run | Self::Seedvmm => backend::has(Backend::Kvm),
            Self::QemuKvm => backend::has(Backend::QemuKvm),
            Self::QemuTcg => backend::has(Backend::QemuTcg),
        }
    }

    /// Whether it runs the scenario's disks.
    pub(crate) const fn has_disks(self) -> bool {
        matches!(self, Self::Seedvmm | Self::QemuKvm | Self::QemuTcg)
    }

    /// Exit status of a job that went well.
    pub(crate) const fn success(self) -> i32 {
        match self {
            Self::QemuKvm | Self::QemuTcg => qemu::SUCCESS,
            _ => 0,
        }
    }

    /// The command for a scenario whose files lie in `folder`, with `in.img` and `out.img` beside
    /// them in `place`. It has nothing to read, and what it prints is dropped.
    pub(crate) fn command(self, scenario: &Scenario, folder: &Path, place: &Path) -> Command {
        let qemu = |accelerator| {
            let mut command = Command::new(qemu::PROGRAM);
            command.args(qemu::arguments(accelerator, place, scenario.words));
            command
        };
        let mut command = match self {
            Self::Floor => Command::new(programs::floor()),
            Self::Host => on_host(scenario, folder, place),
            Self::Run => {
                let mut command = Command::new(paths::seedvmm());
                command.args(["run", "--backend", "kvm", "--"]).arg(folder.join("init"));
                command
            }
            Self::Seedvmm => {
                let mut command = Command::new(paths::seedvmm());
                command.args(["--backend", "kvm", "--append", scenario.words, "--in"]);
                command.arg(place.join("in.img")).arg("--out").arg(place.join("out.img"));
                command
            }
            Self::QemuKvm => qemu(Accelerator::Kvm),
            Self::QemuTcg => qemu(Accelerator::Tcg),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

fn on_host(scenario: &Scenario, folder: &Path, place: &Path) -> Command {
    let disk = |action, name| {
        let mut command = Command::new(programs::disk());
        command.arg(action).arg(place.join(name));
        command
    };
    match scenario.on_host {
        OnHost::Same => {
            use std::os::unix::process::CommandExt as _;
            let mut words = scenario.words.split(' ');
            let mut command = Command::new(folder.join("init"));
            command.arg0(words.next().unwrap_or_default()).args(words).current_dir(folder);
            command
        }
        OnHost::ReadDisk => disk("read", "in.img"),
        OnHost::WriteDisk => disk("write", "host.img"),
    }
}
