// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The value of QEMU's `-cpu` for a profile.
//!
//! A fixed profile is QEMU's empty model with each feature named, so that it announces the same
//! words as the KVM backend's table, whatever QEMU's own models come to mean. `enforce` makes
//! QEMU refuse what it, or its KVM, cannot give. TCG since 7.2 gives all of v3.

use std::fmt::Write as _;

use seed_protocols::processor::{Word, bits};

use crate::engine::BackendKind;
use crate::layout::PHYSICAL_ADDRESS_BITS;
use crate::processor::CpuProfile;
use crate::processor::identity::{
    BRAND, EXTENDED_LEAF_MAX, FAMILY, LEAF_MAX, LEAF_MAX_XSAVE, MODEL, STEPPING, VENDOR,
};

/// Taken out of what QEMU or the host has: the kernel leaves CR4.FSGSBASE, CR4.PKE and CR4.LA57
/// alone and does not save the bounds of MPX. What else it does not save needs a bit of XCR0 that
/// it does not set, and programs have to look there.
const TAKEN_OUT: &str = "-fsgsbase,-pku,-la57,-mpx";

/// The model for `profile`.
pub(super) fn model(profile: CpuProfile, kind: BackendKind) -> String {
    match (profile, kind) {
        (CpuProfile::Host, BackendKind::QemuTcg) => format!("max,{TAKEN_OUT}"),
        // `max` fails on hosts that refuse MSR 0x10a; the guest must not depend on it anyway.
        (CpuProfile::Host, BackendKind::Kvm | BackendKind::QemuKvm) => {
            format!("host,-arch-capabilities,{TAKEN_OUT}")
        }
        _ => fixed(profile),
    }
}

fn fixed(profile: CpuProfile) -> String {
    let levels = profile.levels();
    let has_xsave = levels.iter().any(|&level| bits(Word::StateSaving, level) != 0);
    let leaf_max = if has_xsave { LEAF_MAX_XSAVE } else { LEAF_MAX };
    let vendor = String::from_utf8_lossy(VENDOR);
    // QEMU's own words in the leaves of the hypervisor, and the topology that it adds, would be
    // the only things that tell it from the table of the KVM backend.
    let mut model = format!(
        "base,enforce,kvm=off,tcg-cpuid=off,cpuid-0xb=off,vendor={vendor},family={FAMILY},\
         model={MODEL},stepping={STEPPING},model-id={BRAND},level={leaf_max},\
         xlevel={EXTENDED_LEAF_MAX},phys-bits={PHYSICAL_ADDRESS_BITS}"
    );
    for feature in levels.iter().copied().flatten() {
        // A string takes everything.
        let _ = write!(model, ",{}=on", feature.name);
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_profile_names_each_feature() {
        let base = model(CpuProfile::Base, BackendKind::QemuTcg);
        assert!(base.starts_with("base,enforce,"), "{base}");
        assert!(base.contains(",family=15,model=107,stepping=1,model-id=seed machine 1,level=7,"));
        assert!(base.ends_with(",sse2=on,syscall=on,nx=on,lm=on,hypervisor=on"), "{base}");
        let v3 = model(CpuProfile::V3, BackendKind::QemuKvm);
        assert!(v3.contains(",level=13,") && v3.contains(",avx2=on,"), "{v3}");
    }

    #[test]
    fn the_hosts_profile_is_the_model_of_the_accelerator() {
        assert!(model(CpuProfile::Host, BackendKind::QemuTcg).starts_with("max,-fsgsbase"));
        assert!(model(CpuProfile::Host, BackendKind::QemuKvm).starts_with("host,-arch"));
    }
}
