// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Profiles: the processors that a guest can be shown, the same on every backend.
//!
//! Three of them are fixed, so that programs take the same paths on every host; the fourth gives
//! that up for what the host has. This is what they are; how a backend presents them is its own.

use seed_protocols::processor::{Feature, LEVEL_1, LEVEL_2, LEVEL_3};

/// A processor to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuProfile {
    /// x86-64-v1, which every host has.
    #[default]
    Base,
    /// x86-64-v2.
    V2,
    /// x86-64-v3.
    V3,
    /// What the host has, as far as the seed kernel can keep its state.
    Host,
}

impl CpuProfile {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Base, Self::V2, Self::V3, Self::Host];

    /// The name in options, messages and the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::Host => "host",
        }
    }

    /// The profile called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// The levels of a fixed profile, lists of features; nothing for that of the host.
    #[must_use]
    pub const fn levels(self) -> &'static [&'static [Feature]] {
        match self {
            Self::Base => &[LEVEL_1],
            Self::V2 => &[LEVEL_1, LEVEL_2],
            Self::V3 => &[LEVEL_1, LEVEL_2, LEVEL_3],
            Self::Host => &[],
        }
    }

    /// The features of a fixed profile that some hosts do not have.
    pub fn promises(self) -> impl Iterator<Item = &'static Feature> {
        self.levels().iter().skip(1).copied().flatten()
    }
}

impl std::fmt::Display for CpuProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What the fixed profiles say they are.
///
/// The vendor is AMD because its cache leaves are plain tables; a C library without cache sizes
/// picks broken copy thresholds (glibc bug 29953). Family and model are an Athlon 64 X2's, the last
/// of the first generation, as QEMU's own models of no processor in particular have them.
pub(crate) mod identity {
    pub(crate) const VENDOR: &[u8; 12] = b"AuthenticAMD";
    pub(crate) const FAMILY: u32 = 15;
    pub(crate) const MODEL: u32 = 107;
    pub(crate) const STEPPING: u32 = 1;
    pub(crate) const BRAND: &str = "seed machine 1";

    /// Highest leaf of a profile without `xsave`: structured features, which programs ask for
    /// without looking at leaf 0.
    pub(crate) const LEAF_MAX: u32 = 7;
    /// Highest leaf of one with it: the places of its state.
    pub(crate) const LEAF_MAX_XSAVE: u32 = 0xd;
    pub(crate) const EXTENDED_LEAF_MAX: u32 = 0x8000_0008;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_profiles_and_back() {
        for profile in CpuProfile::ALL {
            assert_eq!(CpuProfile::from_name(profile.name()), Some(profile));
        }
        assert_eq!(CpuProfile::from_name("v4"), None);
    }

    #[test]
    fn each_profile_promises_more_than_the_one_before() {
        let count = |profile: CpuProfile| profile.promises().count();
        assert_eq!(CpuProfile::ALL.map(count), [0, 7, 17, 0]);
    }
}
