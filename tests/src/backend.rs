// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Backends: which of them this host has, and how seedvmm is told to take one.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// A way of running the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// seedvmm itself on KVM.
    Kvm,
    /// QEMU's emulation.
    QemuTcg,
    /// QEMU on KVM.
    QemuKvm,
}

impl Backend {
    /// All of them, the one that needs least first.
    pub const ALL: [Self; 3] = [Self::Kvm, Self::QemuTcg, Self::QemuKvm];

    /// The options that choose it.
    #[must_use]
    pub const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["--backend", "kvm"],
            Self::QemuTcg => &["--backend", "qemu", "--accel", "tcg"],
            Self::QemuKvm => &["--backend", "qemu", "--accel", "kvm"],
        }
    }

    /// Its name in messages and in `SEEDVMM_TEST_BACKENDS`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::QemuTcg => "qemu-tcg",
            Self::QemuKvm => "qemu-kvm",
        }
    }

    /// What the host lacks for it.
    fn missing(self) -> Option<&'static str> {
        let kvm = || (!has_kvm()).then_some("/dev/kvm that this user may use");
        let qemu = || (!has_qemu()).then_some("qemu-system-x86_64 (package qemu-system-x86)");
        match self {
            Self::Kvm => kvm(),
            Self::QemuTcg => qemu(),
            Self::QemuKvm => qemu().or_else(kvm),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The backends of this host, at least one; `SEEDVMM_TEST_BACKENDS`, names with commas, narrows them.
///
/// A backend that is missing is a failure where everything is required, else a "skipped" line.
///
/// # Panics
/// None is left, or one is missing where everything is required.
#[must_use]
pub fn available() -> &'static [Backend] {
    static AVAILABLE: LazyLock<Vec<Backend>> = LazyLock::new(|| {
        let chosen = env::var("SEEDVMM_TEST_BACKENDS").ok();
        let is_chosen = |backend: &Backend| {
            chosen.as_ref().is_none_or(|names| names.split(',').any(|name| name == backend.name()))
        };
        let mut found = Vec::new();
        for backend in Backend::ALL.into_iter().filter(is_chosen) {
            match backend.missing() {
                None => found.push(backend),
                Some(what) => skip(&format!("backend {backend}"), what),
            }
        }
        found
    });
    assert!(!AVAILABLE.is_empty(), "no backend is left: there is neither KVM nor QEMU");
    &AVAILABLE
}

/// Whether `backend` is there and chosen; see [`available`].
#[must_use]
pub fn has(backend: Backend) -> bool {
    available().contains(&backend)
}

/// Says that `what` is not tested for want of `missing`; fails instead where everything is required.
///
/// # Panics
/// `CI` or `SEEDVMM_REQUIRE_ALL` is set.
pub fn skip(what: &str, missing: &str) {
    assert!(!requires_all(), "{what} cannot be tested: this host has no {missing}");
    // Not through a macro, whose output the test harness would keep to itself.
    let line = format!("skipped: {what}: this host has no {missing}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error can be written");
}

/// Ends a test that cannot go on without `missing`.
///
/// # Panics
/// Always.
pub fn fail_missing(missing: &str) -> ! {
    panic!("this host has no {missing}; run tests/install-deps")
}

fn requires_all() -> bool {
    env::var_os("CI").is_some() || env::var_os("SEEDVMM_REQUIRE_ALL").is_some()
}

fn has_kvm() -> bool {
    File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

fn has_qemu() -> bool {
    let mut command = Command::new("qemu-system-x86_64");
    command.arg("--version").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
