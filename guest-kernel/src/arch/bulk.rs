// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Bulk copies of physical memory, by the fastest way that this machine has.
//!
//! On hardware a copy is one `rep movsb` in ring 0. Where supervisor mode is interpreted that costs
//! a thousand times as much, but ring 3 runs on the bare CPU: there a few lines of code in ring 3
//! work off a list of copies, under page tables that map all memory for them and nothing else. They
//! run with interrupts off and end in an invalid opcode, which leads back (traps.S). Going there
//! and back costs as much as copying some hundred bytes in ring 0, so small lists stay there.
//!
//! Which of the two it is, the first large copy measures. It changes how long things take, never
//! what they do.

use super::{cpu, layout, trap::Registers};
use crate::mm::{address::PhysAddr, frames::frames};
use core::cell::{Cell, UnsafeCell};

/// Address of physical address 0 for ring 3, under the tables of `bulk_pml4`.
const MEMORY_WINDOW: u64 = 1 << 39;

/// Address of the kernel's text for ring 3, less its physical address.
pub const TEXT_WINDOW: u64 = MEMORY_WINDOW + (510 << 30);

/// Lists of fewer bytes are copied in ring 0.
const WORTH_RING3_BYTES: u64 = 400;

/// Bytes of a copy that is measured.
const MEASURED_BYTES: u64 = 256;

/// Time stamp ticks a byte above which ring 0 is taken to be interpreted. Hardware needs less
/// than one, QEMU's translator some ten, the interpreted kind hundreds.
const INTERPRETED_TICKS_PER_BYTE: u64 = 64;

const LIST_LENGTH: usize = 128;

/// One copy, in the form in which `bulk_program` reads it: addresses in the window.
#[derive(Clone, Copy)]
#[repr(C)]
struct Segment {
    to: u64,
    /// 0 for zeros.
    from: u64,
    length: u64,
}

struct Bulk {
    list: UnsafeCell<[Segment; LIST_LENGTH]>,
    count: Cell<usize>,
    bytes: Cell<u64>,
    is_measured: Cell<bool>,
    /// Takes the frame of the trap that ends a visit to ring 3.
    frame: UnsafeCell<core::mem::MaybeUninit<Registers>>,
}

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Bulk {}

static BULK: Bulk = Bulk {
    list: UnsafeCell::new([Segment { to: 0, from: 0, length: 0 }; LIST_LENGTH]),
    count: Cell::new(0),
    bytes: Cell::new(0),
    is_measured: Cell::new(false),
    frame: UnsafeCell::new(core::mem::MaybeUninit::uninit()),
};

unsafe extern "C" {
    static bulk_pml4: u8;
    /// Runs `bulk_program` with the first two arguments.
    fn bulk_enter(list: u64, count: u64, root: u64);
    /// Runs `vector_program` with the first two arguments.
    fn bulk_enter_vectors(save: u64, restore: u64, root: u64);
}

/// Copies `len` bytes between parts of frame memory that do not overlap.
pub fn copy(to: PhysAddr, from: PhysAddr, len: u64) {
    queue_copy(to, from, len);
    flush();
}

/// Clears `len` bytes of frame memory.
pub fn zero(to: PhysAddr, len: u64) {
    queue_zero(to, len);
    flush();
}

/// Copies as [`copy`] does, at the latest when [`flush`] is called.
#[inline]
pub fn queue_copy(to: PhysAddr, from: PhysAddr, len: u64) {
    queue(Segment { to: to.0, from: from.0, length: len });
}

/// Clears as [`zero`] does, at the latest when [`flush`] is called.
#[inline]
pub fn queue_zero(to: PhysAddr, len: u64) {
    queue(Segment { to: to.0, from: 0, length: len });
}

/// Works off what was queued.
pub fn flush() {
    let count = BULK.count.replace(0);
    let bytes = BULK.bytes.replace(0);
    if bytes >= WORTH_RING3_BYTES {
        run_in_ring3(count);
        return;
    }
    for index in 0..count {
        // SAFETY: the list is only touched here and in `queue`, one after the other.
        run_here(unsafe { (*BULK.list.get())[index] });
    }
}

fn queue(segment: Segment) {
    let mut segment = segment;
    if !cpu::is_interpreted() {
        if segment.length >= WORTH_RING3_BYTES && !BULK.is_measured.get() {
            segment = measure(segment);
        }
        if !cpu::is_interpreted() {
            run_here(segment);
            return;
        }
    }
    let count = BULK.count.get();
    // SAFETY: the list is only touched here and in `flush`, one after the other.
    unsafe { (*BULK.list.get())[count] = segment };
    BULK.count.set(count + 1);
    BULK.bytes.set(BULK.bytes.get() + segment.length);
    if count + 1 == LIST_LENGTH {
        flush();
    }
}

/// Does the start of a copy here, judges by the time it takes, and returns the rest of it.
fn measure(segment: Segment) -> Segment {
    BULK.is_measured.set(true);
    let started = cpu::time_stamp();
    run_here(Segment { length: MEASURED_BYTES, ..segment });
    if cpu::time_stamp() - started > MEASURED_BYTES * INTERPRETED_TICKS_PER_BYTE {
        cpu::note_interpreted();
    }
    let from = if segment.from == 0 { 0 } else { segment.from + MEASURED_BYTES };
    Segment { to: segment.to + MEASURED_BYTES, from, length: segment.length - MEASURED_BYTES }
}

fn run_here(segment: Segment) {
    let to = frames().pointer(PhysAddr(segment.to));
    #[expect(clippy::cast_possible_truncation, reason = "the kernel is 64 bits wide")]
    let length = segment.length as usize;
    if segment.from == 0 {
        // SAFETY: callers pass ranges of frames that they allocated.
        unsafe { to.write_bytes(0, length) }
    } else {
        let from = frames().pointer(PhysAddr(segment.from));
        // SAFETY: as above, and the ranges do not overlap.
        unsafe { to.copy_from_nonoverlapping(from, length) }
    }
}

fn run_in_ring3(count: usize) {
    let list = BULK.list.get().cast::<Segment>();
    for index in 0..count {
        // SAFETY: nothing else touches the list, and `count` elements of it are filled.
        let segment = unsafe { &mut *list.add(index) };
        segment.to += MEMORY_WINDOW;
        if segment.from != 0 {
            segment.from += MEMORY_WINDOW;
        }
    }
    let list = physical(list.addr()) + MEMORY_WINDOW;
    // SAFETY: the list holds `count` segments of memory that the callers own, at addresses of the
    // window.
    visit_ring3(|root| unsafe { bulk_enter(list, count as u64, root) });
}

/// Saves the vector registers at one address and then loads them from another, in ring 3.
pub fn exchange_vectors(save: Option<PhysAddr>, restore: Option<PhysAddr>) {
    let in_window = |area: Option<PhysAddr>| area.map_or(0, |area| area.0 + MEMORY_WINDOW);
    // SAFETY: the areas are frames of the caller, large enough for every component.
    visit_ring3(|root| unsafe { bulk_enter_vectors(in_window(save), in_window(restore), root) });
}

/// Goes to ring 3 and back with the page tables of the window.
fn visit_ring3(enter: impl FnOnce(u64)) {
    let resumed = cpu::trap_stack();
    // The trap that ends the visit pushes its frame where nobody else's is.
    cpu::set_trap_stack(BULK.frame.get().wrapping_add(1).addr() as u64);
    enter(physical((&raw const bulk_pml4).addr()));
    cpu::set_trap_stack(resumed);
}

fn physical(address: usize) -> u64 {
    address as u64 - layout::KERNEL_BASE
}
