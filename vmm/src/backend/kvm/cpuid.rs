// SPDX-License-Identifier: Apache-2.0 OR MIT

//! CPUID profile "base": the processor that every guest sees on every host.
//!
//! A fixed table, not the host's answers filtered: programs then take the same paths everywhere,
//! and the call that asks the host is saved. It promises x86-64 as first defined (x86-64-v1 of the
//! psABI) and nothing more, which every host with KVM has. Numbers follow AMD's APM volume 3,
//! appendix E; the vendor is AMD because QEMU's TCG, the reference, has it too and because its
//! cache leaves are plain tables: a C library without cache sizes picks broken copy thresholds
//! (glibc bug 29953).

use kvm_bindings::{CpuId, KVM_CPUID_FLAG_SIGNIFCANT_INDEX, kvm_cpuid_entry2};

use crate::layout::PHYSICAL_ADDRESS_BITS;

const LINEAR_ADDRESS_BITS: u32 = 48;

/// "AuthenticAMD" as leaf 0 spreads it: EBX, EDX, ECX.
const VENDOR: [u32; 3] = [word(b"Auth"), word(b"enti"), word(b"cAMD")];

/// Hypervisor signature, told in leaf 0x4000_0000: EBX, ECX, EDX.
const HYPERVISOR: [u32; 3] = [word(b"seed"), word(b"vmm\0"), 0];

/// Brand string, told in leaves 0x8000_0002 to 4.
const BRAND: &[u8; 48] =
    b"seed machine 1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Family 15, model 107, stepping 1: an Athlon 64 X2, the last of the first generation.
const SIGNATURE: u32 = 0x0006_0fb1;

/// Leaf 1 EDX, and with few exceptions leaf 0x8000_0001 EDX (APM 3, E.3.2 and E.4.2).
mod edx {
    pub(super) const FPU: u32 = 1 << 0;
    pub(super) const DE: u32 = 1 << 2;
    pub(super) const PSE: u32 = 1 << 3;
    pub(super) const TSC: u32 = 1 << 4;
    pub(super) const MSR: u32 = 1 << 5;
    pub(super) const PAE: u32 = 1 << 6;
    pub(super) const CX8: u32 = 1 << 8;
    pub(super) const APIC: u32 = 1 << 9;
    pub(super) const PGE: u32 = 1 << 13;
    pub(super) const CMOV: u32 = 1 << 15;
    pub(super) const PAT: u32 = 1 << 16;
    pub(super) const PSE36: u32 = 1 << 17;
    pub(super) const MMX: u32 = 1 << 23;
    pub(super) const FXSR: u32 = 1 << 24;
    /// In leaf 1 only.
    pub(super) const CLFSH: u32 = 1 << 19;
    /// In leaf 1 only.
    pub(super) const SSE: u32 = 1 << 25;
    /// In leaf 1 only.
    pub(super) const SSE2: u32 = 1 << 26;
    /// In leaf 0x8000_0001 only.
    pub(super) const SYSCALL: u32 = 1 << 11;
    /// In leaf 0x8000_0001 only.
    pub(super) const NX: u32 = 1 << 20;
    /// In leaf 0x8000_0001 only.
    pub(super) const LM: u32 = 1 << 29;
    /// What both leaves tell.
    pub(super) const BOTH: u32 =
        FPU | DE | PSE | TSC | MSR | PAE | CX8 | APIC | PGE | CMOV | PAT | PSE36 | MMX | FXSR;
}

/// Leaf 1 ECX: the processor is virtual.
const ECX_HYPERVISOR: u32 = 1 << 31;

/// Leaf 1 EBX: CLFLUSH lines of 8 quadwords, one logical processor, APIC ID 0.
const CLFLUSH_AND_COUNT: u32 = 8 << 8 | 1 << 16;

/// Leaf 0x8000_0005, ECX and EDX: 32 KiB, 8 ways, 1 line a tag, 64 bytes a line.
const L1_CACHE: u32 = 32 << 24 | 8 << 16 | 1 << 8 | 64;

/// Leaf 0x8000_0006 ECX: 512 KiB, 8 ways (code 6), 1 line a tag, 64 bytes a line.
const L2_CACHE: u32 = 512 << 16 | 6 << 12 | 1 << 8 | 64;

/// Leaf 0x8000_0006 EDX: 32 units of 512 KiB, 16 ways (code 8), 1 line a tag, 64 bytes a line.
const L3_CACHE: u32 = 32 << 18 | 8 << 12 | 1 << 8 | 64;

/// Leaf 0x8000_0008 EAX: widths of physical and linear addresses.
const ADDRESS_WIDTHS: u32 = LINEAR_ADDRESS_BITS << 8 | PHYSICAL_ADDRESS_BITS as u32;

/// Leaf, then EAX, EBX, ECX, EDX. A leaf between these that is not here reads zeros.
const TABLE: [(u32, [u32; 4]); 12] = [
    (0, [7, VENDOR[0], VENDOR[2], VENDOR[1]]),
    (
        1,
        [
            SIGNATURE,
            CLFLUSH_AND_COUNT,
            ECX_HYPERVISOR,
            edx::BOTH | edx::CLFSH | edx::SSE | edx::SSE2,
        ],
    ),
    // Structured extended features: none. Present because programs ask without looking at leaf 0.
    (7, [0; 4]),
    (0x4000_0000, [0x4000_0000, HYPERVISOR[0], HYPERVISOR[1], HYPERVISOR[2]]),
    (0x8000_0000, [0x8000_0008, VENDOR[0], VENDOR[2], VENDOR[1]]),
    (0x8000_0001, [SIGNATURE, 0, 0, edx::BOTH | edx::SYSCALL | edx::NX | edx::LM]),
    (0x8000_0002, brand(0)),
    (0x8000_0003, brand(1)),
    (0x8000_0004, brand(2)),
    (0x8000_0005, [0, 0, L1_CACHE, L1_CACHE]),
    (0x8000_0006, [0, 0, L2_CACHE, L3_CACHE]),
    (0x8000_0008, [ADDRESS_WIDTHS, 0, 0, 0]),
];

/// Leaf whose answer depends on ECX.
const STRUCTURED_FEATURES: u32 = 7;

/// The profile as KVM takes it.
pub(super) fn profile() -> CpuId {
    let entries = TABLE.map(|(function, [eax, ebx, ecx, edx])| kvm_cpuid_entry2 {
        function,
        flags: match function {
            STRUCTURED_FEATURES => KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            _ => 0,
        },
        eax,
        ebx,
        ecx,
        edx,
        ..Default::default()
    });
    CpuId::from_entries(&entries).expect("the table has fewer entries than KVM takes")
}

const fn word(text: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*text)
}

const fn brand(part: usize) -> [u32; 4] {
    let mut words = [0; 4];
    let mut index = 0;
    while index < 4 {
        let at = part * 16 + index * 4;
        words[index] = word(&[BRAND[at], BRAND[at + 1], BRAND[at + 2], BRAND[at + 3]]);
        index += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(function: u32) -> kvm_cpuid_entry2 {
        let profile = profile();
        let found = profile.as_slice().iter().find(|entry| entry.function == function);
        *found.unwrap()
    }

    fn text(words: &[u32]) -> String {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        String::from_utf8(bytes).unwrap().trim_end_matches('\0').to_owned()
    }

    #[test]
    fn the_names_read_as_they_should() {
        for function in [0, 0x8000_0000] {
            let entry = leaf(function);
            assert_eq!(text(&[entry.ebx, entry.edx, entry.ecx]), "AuthenticAMD");
        }
        let entry = leaf(0x4000_0000);
        assert_eq!(text(&[entry.ebx, entry.ecx, entry.edx]), "seedvmm");
        let brand = [0x8000_0002, 0x8000_0003, 0x8000_0004]
            .map(leaf)
            .map(|entry| text(&[entry.eax, entry.ebx, entry.ecx, entry.edx]));
        assert_eq!(brand.concat(), "seed machine 1");
    }

    #[test]
    fn the_processor_is_x86_64_of_the_first_level() {
        // CMOV, CX8, FPU, FXSR, MMX, SSE, SSE2 of leaf 1.
        let level_1 = 1 << 15 | 1 << 8 | 1 | 1 << 24 | 1 << 23 | 1 << 25 | 1 << 26;
        assert_eq!(leaf(1).edx & level_1, level_1);
        // No SSE3 and no XSAVE, hypervisor.
        assert_eq!(leaf(1).ecx, 0x8000_0000);
        // SYSCALL, NX and LM, but no 1 GiB pages and no RDTSCP.
        let extended = leaf(0x8000_0001).edx;
        assert_eq!(extended & (1 << 11 | 1 << 20 | 1 << 29), 1 << 11 | 1 << 20 | 1 << 29);
        assert_eq!(extended & (1 << 26 | 1 << 27), 0);
        assert_eq!(leaf(0x8000_0008).eax, 0x3024);
    }

    #[test]
    fn leaves_ascend_and_stay_below_their_maximum() {
        let profile = profile();
        let functions: Vec<_> = profile.as_slice().iter().map(|entry| entry.function).collect();
        assert!(functions.is_sorted());
        for base in [0, 0x4000_0000, 0x8000_0000] {
            let inside = |function: &&u32| **function >= base && **function - base < 0x1000_0000;
            assert!(functions.iter().filter(inside).all(|function| *function <= leaf(base).eax));
        }
    }

    #[test]
    fn cache_sizes_are_not_zero() {
        assert_eq!(leaf(0x8000_0005).ecx >> 24, 32);
        assert_eq!(leaf(0x8000_0006).ecx >> 16, 512);
        assert_eq!(leaf(0x8000_0006).edx >> 18, 32);
    }
}
