// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The CPUID tables of the fixed profiles (AMD's APM volume 3, appendix E).
//!
//! Every word is what QEMU answers for the processor that `qemu/cpu_model.rs` asks it for, cache
//! sizes included, so that a program which prints them prints the same on both.

use kvm_bindings::{KVM_CPUID_FLAG_SIGNIFCANT_INDEX, kvm_cpuid_entry2};
use seed_protocols::processor::{Word, bits};

use super::leaf;
use crate::layout::PHYSICAL_ADDRESS_BITS;
use crate::processor::CpuProfile;
use crate::processor::identity::{
    BRAND, EXTENDED_LEAF_MAX, FAMILY, LEAF_MAX, LEAF_MAX_XSAVE, MODEL, STEPPING, VENDOR,
};

const LINEAR_ADDRESS_BITS: u32 = 48;

/// The vendor as leaf 0 spreads it: EBX, EDX, ECX.
const VENDOR_WORDS: [u32; 3] = [word(VENDOR, 0), word(VENDOR, 4), word(VENDOR, 8)];

/// Stepping, model and family: of a model the high half stands apart, and a family of 15 or more
/// is 15 and the rest.
const SIGNATURE: u32 =
    (FAMILY - 15) << 20 | MODEL >> 4 << 16 | 15 << 8 | (MODEL & 15) << 4 | STEPPING;

/// Leaf 1 EBX: CLFLUSH lines of 8 quadwords, APIC ID 0.
const CLFLUSH_SIZE: u32 = 8 << 8;

/// Bits of leaf 1 EDX that leaf 0x8000_0001 EDX repeats.
const REPEATED: u32 = 0x0183_f3ff;

/// Leaf 5 ECX: MONITOR's answers are extensible. There is no MONITOR; QEMU says this of any
/// processor.
const MONITOR_EXTENSIONS: u32 = 3;

/// Leaf 0x8000_0005, EAX and EBX: for pages of 2 MiB and of 4 KiB alike, 255 entries of data and
/// one of code, fully associative.
const L1_TLB: u32 = 0x01ff_01ff;

/// Leaf 0x8000_0005, ECX and EDX: 64 KiB, 2 ways, 1 line a tag, 64 bytes a line.
const L1_CACHE: u32 = 64 << 24 | 2 << 16 | 1 << 8 | 64;

/// Leaf 0x8000_0006 EBX, pages of 4 KiB: 512 entries each of data and code, 4 ways.
const L2_TLB: u32 = 0x4200_4200;

/// Leaf 0x8000_0006 ECX: 512 KiB, 16 ways (code 8), 1 line a tag, 64 bytes a line.
const L2_CACHE: u32 = 512 << 16 | 8 << 12 | 1 << 8 | 64;

/// Leaf 0x8000_0006 EDX: 32 units of 512 KiB, 16 ways (code 8), 1 line a tag, 64 bytes a line.
const L3_CACHE: u32 = 32 << 18 | 8 << 12 | 1 << 8 | 64;

/// Leaf 0x8000_0008 EAX: widths of physical and linear addresses.
const ADDRESS_WIDTHS: u32 = LINEAR_ADDRESS_BITS << 8 | PHYSICAL_ADDRESS_BITS as u32;

/// XCR0's component of AVX, and its size and offset in a saved state (SDM volume 1, 13.5.3).
const AVX_COMPONENT: u32 = 2;
const AVX_SIZE: u32 = 256;
const AVX_OFFSET: u32 = 576;

/// XCR0 of a profile with AVX: x87, SSE and AVX.
const COMPONENTS: u32 = 0b111;

/// The table of a fixed profile.
pub(super) fn entries(profile: CpuProfile) -> Vec<kvm_cpuid_entry2> {
    let levels = profile.levels();
    let features =
        |word| levels.iter().map(|&level| bits(word, level)).fold(0, std::ops::BitOr::bitor);
    let has_xsave = features(Word::StateSaving) != 0;
    let leaf_max = if has_xsave { LEAF_MAX_XSAVE } else { LEAF_MAX };
    let [ebx, edx, ecx] = VENDOR_WORDS;
    let basic = features(Word::Basic);
    let extended = features(Word::Extended) | basic & REPEATED;
    let more = [features(Word::BasicMore), features(Word::ExtendedMore)];

    let mut entries = vec![
        entry(0, [leaf_max, ebx, ecx, edx]),
        entry(leaf::FEATURES, [SIGNATURE, CLFLUSH_SIZE, more[0], basic]),
        entry(leaf::MONITOR, [0, 0, MONITOR_EXTENSIONS, 0]),
        subleaf(leaf::STRUCTURED_FEATURES, 0, [0, features(Word::Structured), 0, 0]),
        entry(0x8000_0000, [EXTENDED_LEAF_MAX, ebx, ecx, edx]),
        entry(leaf::EXTENDED_FEATURES, [SIGNATURE, 0, more[1], extended]),
        entry(0x8000_0002, brand(0)),
        entry(0x8000_0003, brand(1)),
        entry(0x8000_0004, brand(2)),
        entry(0x8000_0005, [L1_TLB, L1_TLB, L1_CACHE, L1_CACHE]),
        entry(0x8000_0006, [0, L2_TLB, L2_CACHE, L3_CACHE]),
        entry(leaf::ADDRESS_WIDTHS, [ADDRESS_WIDTHS, 0, 0, 0]),
    ];
    if has_xsave {
        let saving = features(Word::StateSaving);
        let size = AVX_OFFSET + AVX_SIZE;
        entries.extend([
            // KVM keeps EBX at the size of what XCR0 has at the time.
            subleaf(leaf::STATE, 0, [COMPONENTS, size, size, 0]),
            subleaf(leaf::STATE, 1, [saving, size, 0, 0]),
            subleaf(leaf::STATE, AVX_COMPONENT, [AVX_SIZE, AVX_OFFSET, 0, 0]),
        ]);
    }
    entries
}

/// A leaf that does not look at ECX: EAX, EBX, ECX, EDX.
fn entry(function: u32, [eax, ebx, ecx, edx]: [u32; 4]) -> kvm_cpuid_entry2 {
    kvm_cpuid_entry2 { function, eax, ebx, ecx, edx, ..Default::default() }
}

/// A leaf's answer for one value of ECX.
fn subleaf(function: u32, index: u32, words: [u32; 4]) -> kvm_cpuid_entry2 {
    let flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    kvm_cpuid_entry2 { index, flags, ..entry(function, words) }
}

/// A third of the brand string, padded with zeros.
fn brand(part: usize) -> [u32; 4] {
    let mut text = [0; 48];
    text[..BRAND.len()].copy_from_slice(BRAND.as_bytes());
    [0, 4, 8, 12].map(|at| word(&text, part * 16 + at))
}

const fn word(text: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program gets for a leaf and subleaf: EAX, EBX, ECX, EDX.
    fn answer(profile: CpuProfile, function: u32, index: u32) -> [u32; 4] {
        let table = entries(profile);
        let found = table.iter().find(|entry| (entry.function, entry.index) == (function, index));
        found.map_or([0; 4], |entry| [entry.eax, entry.ebx, entry.ecx, entry.edx])
    }

    const FIXED: [CpuProfile; 3] = [CpuProfile::Base, CpuProfile::V2, CpuProfile::V3];

    #[test]
    fn the_names_read_as_they_should() {
        let text = |words: &[u32]| {
            let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            String::from_utf8(bytes).unwrap()
        };
        for function in [0, 0x8000_0000] {
            let [_, ebx, ecx, edx] = answer(CpuProfile::Base, function, 0);
            assert_eq!(text(&[ebx, edx, ecx]), "AuthenticAMD");
        }
        let parts = [0x8000_0002, 0x8000_0003, 0x8000_0004];
        let brand = parts.map(|function| text(&answer(CpuProfile::V3, function, 0))).concat();
        assert_eq!(brand.trim_end_matches('\0'), "seed machine 1");
    }

    #[test]
    fn each_profile_is_its_level_of_the_abi() {
        let words = |profile| {
            let (basic, extended) = (answer(profile, 1, 0), answer(profile, 0x8000_0001, 0));
            let structured = answer(profile, 7, 0)[1];
            [basic[2], basic[3], structured, extended[2], extended[3]]
        };
        let base = [0x8000_0000, 0x078b_a37d, 0, 0, 0x2193_ab7d];
        assert_eq!(words(CpuProfile::Base), base);
        assert_eq!(words(CpuProfile::V2), [0x8098_2201, base[1], 0, 1, base[4]]);
        assert_eq!(words(CpuProfile::V3), [0xb4d8_3201, base[1], 0x128, 0x21, base[4]]);
    }

    #[test]
    fn the_state_of_avx_lies_behind_the_header() {
        let state = |index| answer(CpuProfile::V3, 0xd, index);
        assert_eq!(state(0), [7, 832, 832, 0]);
        assert_eq!(state(1), [1, 832, 0, 0]);
        assert_eq!(state(2), [256, 576, 0, 0]);
        assert_eq!(answer(CpuProfile::V2, 0xd, 0), [0; 4]);
    }

    #[test]
    fn leaves_stay_below_their_maximum() {
        for profile in FIXED {
            for base in [0, 0x8000_0000] {
                let max = answer(profile, base, 0)[0];
                let inside = |entry: &&kvm_cpuid_entry2| entry.function >> 28 == base >> 28;
                let table = entries(profile);
                assert!(table.iter().filter(inside).all(|entry| entry.function <= max));
            }
        }
    }

    #[test]
    fn the_processor_and_its_caches_are_the_same_in_every_profile() {
        for profile in FIXED {
            assert_eq!(answer(profile, 1, 0)[..2], [0x0006_0fb1, 0x800]);
            assert_eq!(answer(profile, 0x8000_0005, 0)[2], 0x4002_0140);
            assert_eq!(answer(profile, 0x8000_0006, 0)[2..], [0x0200_8140, 0x0080_8140]);
            assert_eq!(answer(profile, 0x8000_0008, 0), [0x3024, 0, 0, 0]);
        }
    }
}
