// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What CPUID tells the guest: a fixed profile's table, or what KVM can give.
//!
//! `table` has the fixed profiles, `host` what is taken out of the host's, `missing` what a host
//! lacks for a profile. KVM is only asked for other profiles than the default: that takes a third
//! of a millisecond, and every processor of 64 bits has the default's features.

mod host;
mod missing;
mod table;

use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES};
use kvm_ioctls::Kvm;

use super::{Call as _, Error};
use crate::processor::CpuProfile;

/// Leaves with a meaning of their own here.
mod leaf {
    /// Features, and which processor it is.
    pub(super) const FEATURES: u32 = 1;
    /// Caches and who shares them.
    pub(super) const CACHES: u32 = 4;
    /// MONITOR and MWAIT.
    pub(super) const MONITOR: u32 = 5;
    /// Structured extended features; its answer depends on ECX.
    pub(super) const STRUCTURED_FEATURES: u32 = 7;
    /// State that `xsave` saves; its answer depends on ECX.
    pub(super) const STATE: u32 = 0xd;
    /// Extended features.
    pub(super) const EXTENDED_FEATURES: u32 = 0x8000_0001;
    /// Widths of addresses, and some more features.
    pub(super) const ADDRESS_WIDTHS: u32 = 0x8000_0008;
}

/// The profile as KVM takes it.
///
/// # Errors
/// The host lacks what the profile promises, or KVM does not tell what it has.
pub(super) fn of_profile(profile: CpuProfile, kvm: &Kvm) -> Result<CpuId, Error> {
    let entries = match profile {
        CpuProfile::Base => table::entries(profile),
        CpuProfile::V2 | CpuProfile::V3 => {
            let supported = supported(kvm)?;
            let missing = missing::features(profile, supported.as_slice());
            if !missing.is_empty() {
                let instead = missing::best(supported.as_slice());
                return Err(Error::Processor { profile, missing: missing.join(", "), instead });
            }
            table::entries(profile)
        }
        CpuProfile::Host => host::entries(supported(kvm)?.as_slice()),
    };
    Ok(CpuId::from_entries(&entries).expect("a table has fewer entries than KVM takes"))
}

/// The features that each fixed profile promises and this host's KVM lacks.
///
/// # Errors
/// KVM does not tell what it has.
pub(super) fn all_missing(kvm: &Kvm) -> Result<Vec<(CpuProfile, Vec<&'static str>)>, Error> {
    let supported = supported(kvm)?;
    let missing = |profile| (profile, missing::features(profile, supported.as_slice()));
    Ok(CpuProfile::ALL.into_iter().map(missing).collect())
}

fn supported(kvm: &Kvm) -> Result<CpuId, Error> {
    kvm.get_supported_cpuid(KVM_MAX_CPUID_ENTRIES).call("KVM_GET_SUPPORTED_CPUID")
}
