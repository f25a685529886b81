// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The features that the processor announced to ring 0 at boot.
//!
//! Kept, because the kernel runs in ring 3: where the host does not trap `cpuid`, ring 3 gets the
//! bare processor's answer. Some such hosts also mix single features of the bare processor into
//! the answer to ring 0; so what is told of them is whole levels, which are then the profile's.

use super::cpu::{PerCpu, cpuid};
use core::cell::Cell;
use seed_protocols::processor::{Feature, LEVEL_1, LEVEL_2, LEVEL_3, Word, bits};

/// Leaf 1 ECX: what a processor of the second level has.
const SECOND_LEVEL: u32 = bits(Word::BasicMore, LEVEL_2);

/// Leaf 1 ECX: the processor has `xsave`, and with it leaf 0xd.
const XSAVE: u32 = 1 << 26;

/// The vendor, and registers of the leaves that tell of more than the first level.
#[derive(Clone, Copy)]
struct Announced {
    vendor: [u32; 3],
    leaf1_ecx: u32,
    leaf7_ebx: u32,
    leaf_d_eax: u32,
    extended_ecx: u32,
}

impl Announced {
    const fn first(vendor: [u32; 3], leaf1_ecx: u32, leaf7_ebx: u32) -> Self {
        Self { vendor, leaf1_ecx, leaf7_ebx, leaf_d_eax: 0, extended_ecx: 0 }
    }
}

static ANNOUNCED: PerCpu<Announced> = PerCpu(Cell::new(Announced::first([0; 3], 0, 0)));

/// Notes what leaves 0, 1 and 7 told, and asks for the rest if there can be more than the first level.
/// Runs in ring 0.
pub fn note(vendor: [u32; 3], leaf1_ecx: u32, leaf7_ebx: u32) {
    let mut announced = Announced::first(vendor, leaf1_ecx, leaf7_ebx);
    if leaf1_ecx & SECOND_LEVEL == SECOND_LEVEL {
        announced.extended_ecx = cpuid(0x8000_0001, 0).2;
        if leaf1_ecx & XSAVE != 0 {
            announced.leaf_d_eax = cpuid(0xd, 1).0;
        }
    }
    ANNOUNCED.0.set(announced);
}

/// The vendor's twelve letters.
pub fn vendor() -> [[u8; 4]; 3] {
    ANNOUNCED.0.get().vendor.map(u32::to_le_bytes)
}

/// Whether the profile has `xsave`, which comes with the third level.
pub fn has_xsave() -> bool {
    levels().count() == 3
}

/// The levels of x86-64 that the processor has, each a list of features. The first goes without
/// saying.
pub fn levels() -> impl Iterator<Item = &'static [Feature]> {
    let is_whole = |level: &&[Feature]| level.iter().all(is_announced);
    [LEVEL_1].into_iter().chain([LEVEL_2, LEVEL_3].into_iter().take_while(is_whole))
}

fn is_announced(feature: &Feature) -> bool {
    let announced = ANNOUNCED.0.get();
    let word = match feature.word {
        Word::Basic | Word::Extended => return true,
        Word::BasicMore => announced.leaf1_ecx,
        Word::Structured => announced.leaf7_ebx,
        Word::StateSaving => announced.leaf_d_eax,
        Word::ExtendedMore => announced.extended_ecx,
    };
    word & 1 << feature.bit != 0
}
