// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The choice of a backend: what the job asks for, and what this host has.

use super::{kvm, qemu};
use crate::engine::{BackendChoice, BackendKind, Error, Job};

/// A backend that can be used.
#[derive(Debug)]
pub enum Chosen {
    /// KVM, with a machine made already.
    Kvm(kvm::Vm),
    /// QEMU, with the accelerator that it will use.
    Qemu(BackendKind),
}

impl Chosen {
    /// Which backend it is.
    #[must_use]
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::Kvm(_) => BackendKind::Kvm,
            Self::Qemu(kind) => *kind,
        }
    }

    /// The backend that `job` asks for; where it leaves the choice and gets QEMU, standard error
    /// says so.
    ///
    /// # Errors
    /// No backend that would do can be used here.
    pub fn for_job(job: &Job) -> Result<Self, Error> {
        let qemu = || Self::Qemu(qemu::resolve(job.accel));
        if job.backend == BackendChoice::Qemu {
            return Ok(qemu());
        }
        match (kvm::Vm::create(), job.backend) {
            (Ok(vm), _) => Ok(Self::Kvm(vm)),
            (Err(error), BackendChoice::Kvm) => Err(Error::NoKvm(error)),
            (Err(kvm), _) if !qemu::is_installed() => {
                Err(Error::NoBackend { kvm, qemu: qemu::Error::Missing })
            }
            (Err(kvm), _) => {
                eprintln!("seedvmm: KVM cannot be used ({kvm}); running on QEMU, which is slower");
                Ok(qemu())
            }
        }
    }
}
