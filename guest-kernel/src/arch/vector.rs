// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The vector registers of programs: x87, SSE, AVX and AVX-512 (Intel SDM volume 1, 13).
//!
//! The kernel does not use them, so they are only saved when another thread is to run: by `xsave`,
//! or by `fxsave` where the processor announces no more. The kernel asks as a program would, in the
//! same ring, and so gets the same answer.

use super::cpu::{self, PerCpu};
use super::features;
use super::trap;
use crate::mm::address::Frame;
use crate::mm::frames::{Fill, frames};
use core::arch::asm;
use core::cell::Cell;
use seed_protocols::processor::STATE_COMPONENTS;

/// Memory for a state ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// Offset of MXCSR in a saved state, and its value at the start of a program.
const MXCSR_OFFSET: u64 = 24;
const MXCSR_INITIAL: u64 = 0x1f80;

/// Bits of MXCSR that may be set; the upper half of the word is not looked at.
const MXCSR_ALLOWED: u64 = 0xffff;

/// The header of the form of `xsave`: which components are there, then words that must be 0.
const HEADER_OFFSET: u64 = 512;
const HEADER_END: u64 = 576;

/// x87 control word at the start of a program; it is the first word of a saved state.
const CONTROL_WORD_INITIAL: u64 = 0x37f;

/// The components that `fxsave` saves: x87 and SSE.
const LEGACY: u64 = 3;

/// Bytes that the components which are saved may take, wherever the processor has them.
const STATE_SIZE_MAX: u64 = 2688;

/// The same with the mark behind it.
pub const SIZE_MAX: u64 = STATE_SIZE_MAX + 8;

/// Where Linux notes how a state in a signal's frame is laid out: two marks, the size with the second
/// one and without, and the components (`struct _fpx_sw_bytes` in `uapi/asm/sigcontext.h`).
const NOTE_OFFSET: u64 = 464;
const MARK: u64 = 0x4650_5853;
const END_MARK: u64 = 0x4650_5845;
const END_MARK_SIZE: u64 = 4;

/// A saved state, in the standard form of `xsave` or `fxsave`, in a frame of its own.
#[derive(Debug)]
pub struct VectorState(Frame);

impl VectorState {
    /// Saves the state of the processor.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn of_processor() -> Result<Self, NoMemory> {
        let mut state = Self(frames().allocate(Fill::Zeroed).ok_or(NoMemory)?);
        state.save();
        Ok(state)
    }

    /// The state at the start of a program.
    ///
    /// # Errors
    /// Memory ran out.
    pub fn blank() -> Result<Self, NoMemory> {
        let frame = frames().allocate(Fill::Zeroed).ok_or(NoMemory)?;
        frames().write_word(frame.start(), CONTROL_WORD_INITIAL);
        frames().write_word(frame.start().add(MXCSR_OFFSET), MXCSR_INITIAL);
        Ok(Self(frame))
    }

    /// Saves the state of the processor here.
    pub fn save(&mut self) {
        let area = frames().pointer(self.0.start());
        if has_xsave() {
            // SAFETY: the area is a frame of this state's own, aligned and large enough.
            unsafe {
                asm!("xsave64 [{}]", in(reg) area, in("eax") STATE_COMPONENTS, in("edx") 0,
                    options(nostack, preserves_flags));
            }
        } else {
            // SAFETY: as above.
            unsafe { asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)) }
        }
    }

    /// The floating-point exceptions that are flagged and not masked, by the bits of the x87 status
    /// word, of which MXCSR has the same. `vector` says whose.
    #[must_use]
    pub fn exceptions(&self, vector: u8) -> u64 {
        let start = self.0.start();
        let (flags, masks) = match vector {
            trap::X87 => (frames().read_word(start) >> 16, frames().read_word(start)),
            _ => {
                let mxcsr = frames().read_word(start.add(MXCSR_OFFSET));
                (mxcsr, mxcsr >> 7)
            }
        };
        flags & !masks & 0x3f
    }

    /// Brings the saved state back.
    pub fn restore(&self) {
        restore_from(self.0);
    }

    /// Brings back a state that a program may have changed: what the processor would refuse is
    /// taken out first.
    pub fn restore_untrusted(&self) {
        let start = self.0.start();
        let mxcsr = frames().read_word(start.add(MXCSR_OFFSET)) & MXCSR_ALLOWED;
        frames().write_word(start.add(MXCSR_OFFSET), mxcsr);
        let present = frames().read_word(start.add(HEADER_OFFSET)) & u64::from(usable_components());
        frames().write_word(start.add(HEADER_OFFSET), present);
        for offset in (HEADER_OFFSET + 8..HEADER_END).step_by(8) {
            frames().write_word(start.add(offset), 0);
        }
        self.restore();
    }

    /// Makes the state what programs find in a signal's frame; tells whether it says how it is laid
    /// out. That depends on what the processor's profile announces, not on what it has.
    pub fn finish_for_program(&self) -> bool {
        let start = self.0.start();
        let put = |offset, word| frames().write_word(start.add(offset), word);
        if has_xsave() {
            // What a handler puts there counts, also if it was in its initial state.
            put(HEADER_OFFSET, frames().read_word(start.add(HEADER_OFFSET)) | LEGACY);
        }
        if !features::has_xsave() {
            return false;
        }
        let (components, size) = (usable_components(), state_size());
        put(NOTE_OFFSET, MARK | (size + END_MARK_SIZE) << 32);
        put(NOTE_OFFSET + 8, components.into());
        put(NOTE_OFFSET + 16, size);
        put(size, END_MARK);
        true
    }

    /// The frame that holds the state, for copies to and from a program's stack.
    #[must_use]
    pub fn frame(&self) -> Frame {
        self.0
    }
}

impl Drop for VectorState {
    fn drop(&mut self) {
        frames().release(self.0);
    }
}

/// Puts the registers into their state at the start of a program.
pub fn reset() {
    // Without memory for a blank state the registers keep what they have, which a program at its
    // start must not rely on anyway.
    if let Ok(blank) = VectorState::blank() {
        blank.restore();
    }
}

fn restore_from(frame: Frame) {
    let area = frames().pointer(frame.start());
    if has_xsave() {
        // SAFETY: the frame holds a state that this processor saved, or a blank one whose header
        // says that everything is in its initial state.
        unsafe {
            asm!("xrstor64 [{}]", in(reg) area, in("eax") STATE_COMPONENTS, in("edx") 0,
                options(nostack, preserves_flags));
        }
    } else {
        // SAFETY: as above; the reserved bits of MXCSR are clear.
        unsafe { asm!("fxrstor64 [{}]", in(reg) area, options(nostack, preserves_flags)) }
    }
}

/// The components that are switched on; others may not be claimed.
fn usable_components() -> u32 {
    if !has_xsave() {
        return 0;
    }
    let components: u32;
    // SAFETY: reading XCR0 has no other effect, and the processor lets programs read it.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") components, out("edx") _,
            options(nomem, nostack, preserves_flags));
    }
    components & STATE_COMPONENTS
}

/// Size of a state of `xsave`. Where components lie differs from processor to processor. Asked once, as
/// it may cost exits.
fn state_size() -> u64 {
    const LEAF: u32 = 0xd;
    static SIZE: PerCpu<u64> = PerCpu(Cell::new(0));
    if SIZE.0.get() == 0 {
        let components = usable_components();
        let ends = (2..u32::BITS).filter(|component| components & 1 << component != 0);
        let ends = ends.map(|component| {
            let (size, offset, ..) = cpu::cpuid(LEAF, component);
            u64::from(offset) + u64::from(size)
        });
        SIZE.0.set(ends.fold(HEADER_END, u64::max).min(STATE_SIZE_MAX));
    }
    SIZE.0.get()
}

/// Whether the processor lets programs use `xsave`: CPUID leaf 1, ECX bit 27, OSXSAVE. Asked once,
/// as it may cost an exit.
fn has_xsave() -> bool {
    const OSXSAVE: u32 = 1 << 27;
    static ANSWER: Answer = Answer(Cell::new(None));
    if ANSWER.0.get().is_none() {
        ANSWER.0.set(Some(core::arch::x86_64::__cpuid(1).ecx & OSXSAVE != 0));
    }
    ANSWER.0.get() == Some(true)
}

struct Answer(Cell<Option<bool>>);

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Answer {}
