// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The profile "host": what KVM can give, without what the seed kernel could not honour.
//!
//! A program may use each feature that it finds announced. So those are taken out that need a
//! control register or a model-specific register which the kernel leaves alone, and state that it
//! does not save when another process is to run. Bit numbers follow the SDM, volume 2, CPUID, and
//! AMD's APM volume 3, appendix E.

use kvm_bindings::kvm_cpuid_entry2;
use seed_protocols::processor::STATE_COMPONENTS;

use super::leaf;

/// Registers of an answer.
#[derive(Clone, Copy)]
enum Register {
    Eax,
    Ebx,
    Ecx,
    Edx,
}

use Register::{Eax, Ebx, Ecx, Edx};

/// Bits that are taken out: leaf, subleaf, register, bit; behind it the feature's name and why.
#[rustfmt::skip]
const TAKEN_OUT: &[(u32, u32, Register, u32)] = &[
    (leaf::FEATURES, 0, Ecx, 5),              // VMX: CR4.VMXE
    (leaf::EXTENDED_FEATURES, 0, Ecx, 2),     // SVM: EFER.SVME
    (leaf::EXTENDED_FEATURES, 0, Ecx, 15),    // LWP: its state is not saved
    (leaf::STRUCTURED_FEATURES, 0, Ebx, 0),   // FSGSBASE: CR4.FSGSBASE, and bases are not read back
    (leaf::STRUCTURED_FEATURES, 0, Ebx, 2),   // SGX: pages that only a driver of the host has
    (leaf::STRUCTURED_FEATURES, 0, Ebx, 14),  // MPX: its bounds are not saved
    (leaf::STRUCTURED_FEATURES, 0, Ebx, 25),  // Intel PT: registers of its own
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 3),   // PKU: CR4.PKE, and PKRU is not saved
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 4),   // OSPKE: with PKU
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 7),   // CET_SS: CR4.CET, and shadow stacks are not kept
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 16),  // LA57: CR4.LA57, and tables of five levels
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 23),  // Key locker: CR4.KL
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 29),  // ENQCMD: IA32_PASID
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 30),  // SGX_LC: with SGX
    (leaf::STRUCTURED_FEATURES, 0, Ecx, 31),  // PKS: CR4.PKS
    (leaf::STRUCTURED_FEATURES, 0, Edx, 5),   // UINTR: CR4.UINTR, and its state is not saved
    (leaf::STRUCTURED_FEATURES, 0, Edx, 20),  // CET_IBT: CR4.CET
    (leaf::STRUCTURED_FEATURES, 0, Edx, 22),  // AMX_BF16: the tiles are not saved
    (leaf::STRUCTURED_FEATURES, 0, Edx, 24),  // AMX_TILE: as above
    (leaf::STRUCTURED_FEATURES, 0, Edx, 25),  // AMX_INT8: as above
    (leaf::STRUCTURED_FEATURES, 1, Eax, 21),  // AMX_FP16: as above
    (leaf::STRUCTURED_FEATURES, 1, Edx, 8),   // AMX_COMPLEX: as above
    (leaf::STRUCTURED_FEATURES, 1, Eax, 26),  // LAM: bits of CR3 and CR4
    (leaf::STRUCTURED_FEATURES, 1, Edx, 21),  // APX: its registers are not saved
];

/// Leaves that go: the counters of leaf 0xa need CR4.PCE, 0x12 is SGX, 0x14 Intel PT, 0x19 key
/// locker, 0x1d and 0x1e AMX, 0x29 APX, 0x8000_000a SVM, 0x8000_001b and 0x8000_001c sampling and
/// profiling, 0x8000_0022 counters again; 0xb, 0x1f, 0x8000_001e and 0x8000_0026 tell of the
/// processors of the host, of which the machine has one.
const LEFT_OUT: &[u32] = &[
    0xa,
    0xb,
    0x12,
    0x14,
    0x19,
    0x1d,
    0x1e,
    0x1f,
    0x29,
    0x8000_000a,
    0x8000_001b,
    0x8000_001c,
    0x8000_001e,
    0x8000_0022,
    0x8000_0026,
];

/// The leaves in which a hypervisor speaks to the kernel. This kernel does not listen, and KVM
/// serves what it announces only if it is set up.
const HYPERVISOR_LEAVES: std::ops::RangeInclusive<u32> = 0x4000_0000..=0x4fff_ffff;

/// Leaf 1 EBX: the APIC ID and the number of processors, which belong to the host's processor that
/// KVM was asked on. Leaf 1 EDX: there are several (HTT).
const PROCESSOR_OF_HOST: u32 = 0xffff_0000;
const SEVERAL: u32 = 1 << 28;

/// Leaf 4 EAX: processors that share a cache, and cores. Leaf 0x8000_0008 ECX, EAX: cores, and the
/// width of linear addresses, which LA57 makes larger.
const SHARED_BY: u32 = 0xffff_c000;
const LINEAR_WIDTH: u32 = 0xff00;
const LINEAR_WIDTH_48: u32 = 48 << 8;

/// Leaf 0xd, subleaf 1, EAX: XSAVEOPT, XSAVEC, and XGETBV with ECX 1. XSAVES is the kernel's, and
/// XFD delays state that is not announced.
const SAVING: u32 = 0b111;

/// Bytes of a saved state that are there whatever its components: x87, SSE and the header.
const STATE_SIZE_MIN: u32 = 576;

/// What is left of `supported`.
pub(super) fn entries(supported: &[kvm_cpuid_entry2]) -> Vec<kvm_cpuid_entry2> {
    let stays = |entry: &&kvm_cpuid_entry2| {
        let is_component = entry.function == leaf::STATE && entry.index >= 2;
        let is_left_out =
            LEFT_OUT.contains(&entry.function) || HYPERVISOR_LEAVES.contains(&entry.function);
        !is_left_out && (!is_component || is_kept(entry.index))
    };
    let mut entries: Vec<_> = supported.iter().filter(stays).copied().collect();
    let state_size = state_size(&entries);
    for entry in &mut entries {
        mask(entry);
        make_single(entry);
        if entry.function == leaf::STATE {
            limit_state(entry, state_size);
        }
    }
    entries
}

fn mask(entry: &mut kvm_cpuid_entry2) {
    let place = (entry.function, entry.index);
    for &(_, _, register, bit) in TAKEN_OUT.iter().filter(|out| (out.0, out.1) == place) {
        let word = match register {
            Eax => &mut entry.eax,
            Ebx => &mut entry.ebx,
            Ecx => &mut entry.ecx,
            Edx => &mut entry.edx,
        };
        *word &= !(1 << bit);
    }
}

/// Makes the entry speak of one processor.
fn make_single(entry: &mut kvm_cpuid_entry2) {
    match entry.function {
        leaf::FEATURES => {
            entry.ebx &= !PROCESSOR_OF_HOST;
            entry.edx &= !SEVERAL;
        }
        leaf::CACHES => entry.eax &= !SHARED_BY,
        leaf::ADDRESS_WIDTHS => {
            entry.eax = entry.eax & !LINEAR_WIDTH | LINEAR_WIDTH_48;
            entry.ecx = 0;
        }
        _ => {}
    }
}

/// Makes an entry of the state's leaf speak of the components that are kept.
fn limit_state(entry: &mut kvm_cpuid_entry2, state_size: u32) {
    match entry.index {
        0 => {
            entry.eax &= STATE_COMPONENTS;
            (entry.ebx, entry.ecx, entry.edx) = (state_size, state_size, 0);
        }
        1 => {
            entry.eax &= SAVING;
            (entry.ebx, entry.ecx, entry.edx) = (state_size, 0, 0);
        }
        _ => {}
    }
}

/// Bytes of a saved state with all components that are kept.
fn state_size(entries: &[kvm_cpuid_entry2]) -> u32 {
    let components = entries.iter().filter(|entry| entry.function == leaf::STATE);
    let ends = components
        .filter(|entry| entry.index >= 2)
        .map(|entry| entry.ebx.saturating_add(entry.eax));
    ends.max().unwrap_or(0).max(STATE_SIZE_MIN)
}

const fn is_kept(component: u32) -> bool {
    component < u32::BITS && STATE_COMPONENTS & 1 << component != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(function: u32, index: u32, [eax, ebx, ecx, edx]: [u32; 4]) -> kvm_cpuid_entry2 {
        kvm_cpuid_entry2 { function, index, eax, ebx, ecx, edx, ..Default::default() }
    }

    fn words(entry: &kvm_cpuid_entry2) -> [u32; 4] {
        [entry.eax, entry.ebx, entry.ecx, entry.edx]
    }

    #[test]
    fn features_that_the_kernel_cannot_honour_are_taken_out() {
        let all = [u32::MAX; 4];
        let left = entries(&[entry(1, 0, all), entry(7, 0, all), entry(0x8000_0001, 0, all)]);
        // VMX goes; one processor is left.
        assert_eq!(words(&left[0]), [u32::MAX, 0x0000_ffff, !0x20, !0x1000_0000]);
        let [_, ebx, ecx, edx] = words(&left[1]);
        // FSGSBASE and MPX go; BMI1, AVX2, BMI2 and AVX-512 stay.
        assert_eq!(ebx & (1 | 1 << 14), 0);
        assert_eq!(ebx & (1 << 3 | 1 << 5 | 1 << 8 | 1 << 16), 1 << 3 | 1 << 5 | 1 << 8 | 1 << 16);
        // UMIP stays; PKU, OSPKE, CET_SS and LA57 go.
        assert_eq!(ecx & (1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 16), 1 << 2);
        // FSRM stays; UINTR, CET_IBT and AMX go.
        assert_eq!(edx & (1 << 4 | 1 << 5 | 1 << 20 | 1 << 22 | 1 << 24 | 1 << 25), 1 << 4);
        // LAHF and ABM stay, SVM goes.
        assert_eq!(left[2].ecx & (1 | 1 << 2 | 1 << 5), 1 | 1 << 5);
    }

    #[test]
    fn only_state_that_is_kept_is_announced() {
        // An Intel processor's: MPX (3, 4), AVX-512 (5 to 7), PKRU (9), AMX (17, 18).
        let host = [
            entry(0xd, 0, [0x602ff, 0x2b00, 0x2b00, 0]),
            entry(0xd, 1, [0x1f, 0x2b00, 0x1900, 0]),
            entry(0xd, 2, [256, 576, 0, 0]),
            entry(0xd, 3, [64, 960, 0, 0]),
            entry(0xd, 5, [64, 1088, 0, 0]),
            entry(0xd, 6, [512, 1152, 0, 0]),
            entry(0xd, 7, [1024, 1664, 0, 0]),
            entry(0xd, 9, [8, 2688, 0, 0]),
            entry(0xd, 18, [8192, 2816, 0, 6]),
        ];
        let left = entries(&host);
        let indices: Vec<_> = left.iter().map(|entry| entry.index).collect();
        assert_eq!(indices, [0, 1, 2, 5, 6, 7]);
        assert_eq!(words(&left[0]), [0xe7, 2688, 2688, 0]);
        assert_eq!(words(&left[1]), [7, 2688, 0, 0]);
    }

    #[test]
    fn a_host_without_avx_has_the_least_state() {
        let left = entries(&[entry(0xd, 0, [3, 576, 576, 0])]);
        assert_eq!(words(&left[0]), [3, 576, 576, 0]);
    }

    #[test]
    fn what_speaks_of_the_hosts_processors_or_hypervisor_goes() {
        let host = [
            entry(4, 0, [0xfc00_4121, 1, 2, 3]),
            entry(0xb, 0, [1; 4]),
            entry(0x4000_0000, 0, [1; 4]),
            entry(0x8000_0008, 0, [0x0039_3934, 0x1000, 0x7007, 0]),
        ];
        let left = entries(&host);
        assert_eq!(left.len(), 2);
        assert_eq!(words(&left[0]), [0x121, 1, 2, 3]);
        assert_eq!(words(&left[1]), [0x0039_3034, 0x1000, 0, 0]);
    }
}
