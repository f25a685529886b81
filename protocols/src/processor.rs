// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The features of a processor that a profile may promise to programs, by the levels of the x86-64
//! psABI (section 3.1.1, "Processor Architecture").
//!
//! The monitor announces them by CPUID, asks QEMU for them and says which ones a host lacks; the
//! seed kernel switches their state on and lists them in `/proc/cpuinfo`. Bits as in AMD's APM
//! volume 3, appendix E.

/// A register of a CPUID leaf whose bits are features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Leaf 1, EDX.
    Basic,
    /// Leaf 1, ECX.
    BasicMore,
    /// Leaf 7, subleaf 0, EBX.
    Structured,
    /// Leaf 0xd, subleaf 1, EAX.
    StateSaving,
    /// Leaf 0x8000_0001, EDX.
    Extended,
    /// Leaf 0x8000_0001, ECX.
    ExtendedMore,
}

/// One bit of CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The name that Linux, in `/proc/cpuinfo`, and QEMU know it by.
    pub name: &'static str,
    /// Where its bit stands.
    pub word: Word,
    /// The bit's number.
    pub bit: u32,
}

const fn feature(name: &'static str, word: Word, bit: u32) -> Feature {
    Feature { name, word, bit }
}

/// x86-64 as first defined, which is x86-64-v1, with what the machine itself has.
pub const LEVEL_1: &[Feature] = &[
    feature("fpu", Word::Basic, 0),
    feature("de", Word::Basic, 2),
    feature("pse", Word::Basic, 3),
    feature("tsc", Word::Basic, 4),
    feature("msr", Word::Basic, 5),
    feature("pae", Word::Basic, 6),
    feature("cx8", Word::Basic, 8),
    feature("apic", Word::Basic, 9),
    feature("pge", Word::Basic, 13),
    feature("cmov", Word::Basic, 15),
    feature("pat", Word::Basic, 16),
    feature("pse36", Word::Basic, 17),
    feature("clflush", Word::Basic, 19),
    feature("mmx", Word::Basic, 23),
    feature("fxsr", Word::Basic, 24),
    feature("sse", Word::Basic, 25),
    feature("sse2", Word::Basic, 26),
    feature("syscall", Word::Extended, 11),
    feature("nx", Word::Extended, 20),
    feature("lm", Word::Extended, 29),
    feature("hypervisor", Word::BasicMore, 31),
];

/// What x86-64-v2 adds.
pub const LEVEL_2: &[Feature] = &[
    feature("pni", Word::BasicMore, 0),
    feature("ssse3", Word::BasicMore, 9),
    feature("cx16", Word::BasicMore, 13),
    feature("sse4_1", Word::BasicMore, 19),
    feature("sse4_2", Word::BasicMore, 20),
    feature("popcnt", Word::BasicMore, 23),
    feature("lahf_lm", Word::ExtendedMore, 0),
];

/// What x86-64-v3 adds. `xsaveopt` is not part of it, but every such processor has it, and without
/// it QEMU 7.2's TCG lets nobody set CR4.OSXSAVE.
pub const LEVEL_3: &[Feature] = &[
    feature("fma", Word::BasicMore, 12),
    feature("movbe", Word::BasicMore, 22),
    feature("xsave", Word::BasicMore, 26),
    feature("avx", Word::BasicMore, 28),
    feature("f16c", Word::BasicMore, 29),
    feature("bmi1", Word::Structured, 3),
    feature("avx2", Word::Structured, 5),
    feature("bmi2", Word::Structured, 8),
    feature("abm", Word::ExtendedMore, 5),
    feature("xsaveopt", Word::StateSaving, 0),
];

/// The bits of `features` in `word`.
#[must_use]
pub const fn bits(word: Word, features: &[Feature]) -> u32 {
    let mut bits = 0;
    let mut index = 0;
    while index < features.len() {
        // Not `==`, which no constant can use on an enumeration.
        if features[index].word as u32 == word as u32 {
            bits |= 1 << features[index].bit;
        }
        index += 1;
    }
    bits
}

/// Components of XCR0 whose state the seed kernel keeps for each process (SDM volume 1, 13.1): x87,
/// SSE, AVX, and the three of AVX-512. A processor with others must not announce them.
pub const STATE_COMPONENTS: u32 = 0b1110_0111;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_levels() {
        assert_eq!(bits(Word::Basic, LEVEL_1), 0x078b_a37d);
        assert_eq!(bits(Word::Extended, LEVEL_1), 0x2010_0800);
        assert_eq!(bits(Word::BasicMore, LEVEL_1), 0x8000_0000);
        assert_eq!(bits(Word::BasicMore, LEVEL_2), 0x0098_2201);
        assert_eq!(bits(Word::BasicMore, LEVEL_3), 0x3440_1000);
        assert_eq!(bits(Word::Structured, LEVEL_3), 0x128);
        assert_eq!(bits(Word::ExtendedMore, LEVEL_2), 1);
        assert_eq!(bits(Word::ExtendedMore, LEVEL_3), 0x20);
        assert_eq!(bits(Word::StateSaving, LEVEL_3), 1);
    }
}
