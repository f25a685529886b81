// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Which processors KVM can show to a guest, and what it lacks for the others.

use std::fmt;

use seedvmm::backend::kvm;
use seedvmm::processor::CpuProfile;
use serde::ser::{Serialize, Serializer};

/// Each profile with the features that it promises and KVM lacks.
#[derive(Debug)]
pub(super) struct Profiles(Vec<(CpuProfile, Vec<&'static str>)>);

impl Profiles {
    /// What KVM says; nothing if it does not.
    pub(super) fn of_kvm() -> Option<Self> {
        kvm::missing_features().ok().map(Self)
    }
}

/// As in "base, host; v2 lacks popcnt".
impl fmt::Display for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, lacking): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(_, missing)| missing.is_empty());
        let names: Vec<_> = whole.iter().map(|(profile, _)| profile.name()).collect();
        write!(f, "--cpu can be {}", names.join(", "))?;
        for (profile, missing) in lacking {
            write!(f, "; {profile} lacks {}", missing.join(", "))?;
        }
        Ok(())
    }
}

/// A list of missing features under each profile's name.
impl Serialize for Profiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(profile, missing)| (profile.name(), missing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_stands_beside_what_is_there() {
        let profiles = Profiles(vec![
            (CpuProfile::Base, Vec::new()),
            (CpuProfile::V3, vec!["avx", "avx2"]),
            (CpuProfile::Host, Vec::new()),
        ]);
        assert_eq!(profiles.to_string(), "--cpu can be base, host; v3 lacks avx, avx2");
        let json = serde_json::to_value(&profiles).unwrap();
        assert_eq!(json, serde_json::json!({"base": [], "host": [], "v3": ["avx", "avx2"]}));
    }
}
