// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a host's KVM lacks for a profile.

use kvm_bindings::kvm_cpuid_entry2;
use seed_protocols::processor::{Feature, Word};

use super::leaf;
use crate::processor::CpuProfile;

/// Names of the features that `profile` promises and `supported` does not have.
pub(super) fn features(profile: CpuProfile, supported: &[kvm_cpuid_entry2]) -> Vec<&'static str> {
    let is_missing = |feature: &&Feature| word(feature.word, supported) & 1 << feature.bit == 0;
    profile.promises().filter(is_missing).map(|feature| feature.name).collect()
}

/// The fixed profile that promises most of those that `supported` can keep.
pub(super) fn best(supported: &[kvm_cpuid_entry2]) -> CpuProfile {
    let can_keep = |profile: &CpuProfile| features(*profile, supported).is_empty();
    let fixed = [CpuProfile::V3, CpuProfile::V2];
    fixed.into_iter().find(can_keep).unwrap_or(CpuProfile::Base)
}

fn word(word: Word, supported: &[kvm_cpuid_entry2]) -> u32 {
    let leaf = |function, index| {
        let is_it = |entry: &&kvm_cpuid_entry2| (entry.function, entry.index) == (function, index);
        supported.iter().find(is_it).copied().unwrap_or_default()
    };
    match word {
        Word::Basic => leaf(leaf::FEATURES, 0).edx,
        Word::BasicMore => leaf(leaf::FEATURES, 0).ecx,
        Word::Structured => leaf(leaf::STRUCTURED_FEATURES, 0).ebx,
        Word::StateSaving => leaf(leaf::STATE, 1).eax,
        Word::Extended => leaf(leaf::EXTENDED_FEATURES, 0).edx,
        Word::ExtendedMore => leaf(leaf::EXTENDED_FEATURES, 0).ecx,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::kvm::cpuid::table;

    #[test]
    fn a_host_that_is_the_profile_lacks_nothing() {
        for profile in CpuProfile::ALL {
            let host = table::entries(CpuProfile::V3);
            assert_eq!(features(profile, &host), [""; 0]);
            assert_eq!(best(&host), CpuProfile::V3);
        }
    }

    #[test]
    fn what_a_host_lacks_is_named() {
        let host = table::entries(CpuProfile::V2);
        let missing =
            ["fma", "movbe", "xsave", "avx", "f16c", "bmi1", "avx2", "bmi2", "abm", "xsaveopt"];
        assert_eq!(features(CpuProfile::V3, &host), missing);
        assert_eq!(best(&host), CpuProfile::V2);
        assert_eq!(best(&table::entries(CpuProfile::Base)), CpuProfile::Base);
    }
}
