// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel heap: slabs of pieces of one power-of-two size each, and frames for what is larger.
//!
//! A slab is a frame: its header stands at its start, so a piece's address leads to it. A slab whose
//! pieces all came back is a free frame again, so what one program made the kernel keep is there for
//! the next one. Slabs are single frames, which there are for as long as there is memory at all.
//! The first pieces of all sizes come from a chunk in the image, so that a short run touches few pages.

use super::frames::{Fill, MAX_ORDER, frames};
use crate::arch::layout::PAGE_SIZE;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;

/// Smallest size: 16 bytes.
const MIN_SHIFT: u32 = 4;

/// Largest size class: 1 KiB, of which a slab has three.
const MAX_SHIFT: u32 = 10;

const NR_CLASSES: usize = (MAX_SHIFT - MIN_SHIFT + 1) as usize;

/// Largest alignment of a size class. What needs more gets frames of its own.
const CLASS_ALIGN: usize = 1 << MIN_SHIFT;

const SLAB_BYTES: usize = PAGE_SIZE as usize;

/// Bytes in the chunk of the image.
const FIRST_CHUNK_BYTES: usize = 16 << 10;

/// The first chunk: it lies in the image's data, which is zero like fresh memory.
#[repr(align(16))]
struct FirstChunk(UnsafeCell<[u8; FIRST_CHUNK_BYTES]>);

// SAFETY: the heap hands out pieces of it, each to one owner; nobody else touches it.
unsafe impl Sync for FirstChunk {}

static FIRST_CHUNK: FirstChunk = FirstChunk(UnsafeCell::new([0; FIRST_CHUNK_BYTES]));

/// The header of a slab.
struct Slab {
    /// Neighbours in the list of its class's slabs that have a piece to give.
    next: Cell<*const Slab>,
    prev: Cell<*const Slab>,
    /// The pieces that came back, each with the address of the next.
    free: Cell<*mut u8>,
    /// Pieces that are in use.
    nr_used: Cell<usize>,
    /// Bytes from the slab's start that were handed out at least once, the header included.
    nr_cut: Cell<usize>,
}

/// The header's place is a multiple of the pieces' alignment, so that they have theirs.
const HEADER_BYTES: usize = size_of::<Slab>().next_multiple_of(CLASS_ALIGN);

impl Slab {
    /// Takes a piece of `size` bytes, which there is.
    fn take(&self, size: usize) -> *mut u8 {
        self.nr_used.set(self.nr_used.get() + 1);
        let head = self.free.get();
        if head.is_null() {
            let offset = self.nr_cut.get();
            self.nr_cut.set(offset + size);
            return ptr::from_ref(self).cast_mut().cast::<u8>().wrapping_add(offset);
        }
        // SAFETY: pieces in the list hold the next one's address.
        self.free.set(unsafe { head.cast::<*mut u8>().read() });
        head
    }

    /// Whether it has no piece of `size` bytes to give.
    fn is_full(&self, size: usize) -> bool {
        self.free.get().is_null() && self.nr_cut.get() + size > SLAB_BYTES
    }
}

/// The heap of the kernel image. There is one.
pub struct Heap {
    /// The slabs that have a piece to give.
    slabs: [Cell<*const Slab>; NR_CLASSES],
    /// What is left of the first chunk: its start and its length.
    chunk: Cell<(*mut u8, usize)>,
    /// The pieces of the first chunk that came back.
    chunk_free: [Cell<*mut u8>; NR_CLASSES],
}

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Heap {}

impl Heap {
    /// The heap, with its first chunk.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_chunk(FIRST_CHUNK.0.get().cast(), FIRST_CHUNK_BYTES)
    }

    const fn with_chunk(start: *mut u8, length: usize) -> Self {
        Self {
            slabs: [const { Cell::new(ptr::null()) }; _],
            chunk: Cell::new((start, length)),
            chunk_free: [const { Cell::new(ptr::null_mut()) }; _],
        }
    }

    #[inline(always)]
    fn take(&self, class: usize) -> *mut u8 {
        let slab = self.slabs[class].get();
        if slab.is_null() {
            return self.take_without_slab(class);
        }
        // SAFETY: slabs in the lists live.
        self.take_from(unsafe { &*slab }, class)
    }

    /// Takes a piece from the first slab of its class.
    #[inline]
    fn take_from(&self, slab: &Slab, class: usize) -> *mut u8 {
        let piece = slab.take(size_of_class(class));
        if slab.is_full(size_of_class(class)) {
            self.unlink(slab, class);
        }
        piece
    }

    /// Takes a piece from the first chunk, or from a slab that is made for it.
    #[inline(never)]
    fn take_without_slab(&self, class: usize) -> *mut u8 {
        let head = self.chunk_free[class].get();
        if !head.is_null() {
            // SAFETY: pieces in the list hold the next one's address.
            self.chunk_free[class].set(unsafe { head.cast::<*mut u8>().read() });
            return head;
        }
        let size = size_of_class(class);
        let (start, length) = self.chunk.get();
        if length >= size {
            self.chunk.set((start.wrapping_add(size), length - size));
            return start;
        }
        match new_slab() {
            Some(slab) => {
                self.link(slab, class);
                self.take_from(slab, class)
            }
            None => ptr::null_mut(),
        }
    }

    /// # Safety
    /// `piece` was taken as one of `class`, and nothing uses it any more.
    unsafe fn give_back(&self, piece: *mut u8, class: usize) {
        if is_of_first_chunk(piece) {
            let head = self.chunk_free[class].replace(piece);
            // SAFETY: the caller gives up the piece, which has room for an address.
            return unsafe { piece.cast::<*mut u8>().write(head) };
        }
        // SAFETY: what is not of the first chunk was cut from a slab, which lives for as long as one of
        // its pieces is in use.
        let slab =
            unsafe { &*piece.map_addr(|address| address & !(SLAB_BYTES - 1)).cast::<Slab>() };
        if slab.is_full(size_of_class(class)) {
            self.link(slab, class);
        }
        let head = slab.free.replace(piece);
        // SAFETY: as above.
        unsafe { piece.cast::<*mut u8>().write(head) };
        slab.nr_used.set(slab.nr_used.get() - 1);
        // One slab is kept for the next piece.
        let is_only = slab.next.get().is_null() && slab.prev.get().is_null();
        if slab.nr_used.get() == 0 && !is_only {
            self.unlink(slab, class);
            release_frames(ptr::from_ref(slab).cast_mut().cast());
        }
    }

    fn link(&self, slab: &Slab, class: usize) {
        let head = self.slabs[class].replace(slab);
        slab.prev.set(ptr::null());
        slab.next.set(head);
        // SAFETY: slabs in the lists live.
        if let Some(head) = unsafe { head.as_ref() } {
            head.prev.set(slab);
        }
    }

    fn unlink(&self, slab: &Slab, class: usize) {
        let (next, prev) = (slab.next.get(), slab.prev.get());
        // SAFETY: slabs in the lists live.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.next.set(next),
            None => self.slabs[class].set(next),
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.prev.set(prev);
        }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

/// A slab of a frame of its own, all of it free.
fn new_slab() -> Option<&'static Slab> {
    let frame = frames().allocate(Fill::Any)?;
    let slab = frames().pointer(frame.start()).cast::<Slab>();
    // SAFETY: the frame is the heap's alone, and a page is large and aligned enough.
    unsafe {
        slab.write(Slab {
            next: Cell::new(ptr::null()),
            prev: Cell::new(ptr::null()),
            free: Cell::new(ptr::null_mut()),
            nr_used: Cell::new(0),
            nr_cut: Cell::new(HEADER_BYTES),
        });
    }
    // SAFETY: it was just written, and stays for as long as it is in a list or has pieces in use.
    Some(unsafe { &*slab })
}

fn is_of_first_chunk(piece: *mut u8) -> bool {
    piece.addr().wrapping_sub(FIRST_CHUNK.0.get().addr()) < FIRST_CHUNK_BYTES
}

const fn size_of_class(class: usize) -> usize {
    1 << (class as u32 + MIN_SHIFT)
}

/// The size class, or the order of the block for what is larger.
enum Place {
    Class(usize),
    Order(u8),
}

#[expect(clippy::cast_possible_truncation, reason = "shifts are below 64")]
#[inline]
fn place(layout: Layout) -> Place {
    // The highest bit of what is one less than a size is that of the power of two it fits into.
    let below = (layout.size() - 1) | (layout.align() - 1) | ((1 << MIN_SHIFT) - 1);
    let shift = usize::BITS - below.leading_zeros();
    if shift <= MAX_SHIFT && layout.align() <= CLASS_ALIGN {
        Place::Class((shift - MIN_SHIFT) as usize)
    } else {
        Place::Order((shift - PAGE_SIZE.trailing_zeros().min(shift)) as u8)
    }
}

// What is rarely needed stays out of the way of what often is, which then saves no registers.
#[inline(never)]
fn allocate_frames(order: u8) -> *mut u8 {
    if order > MAX_ORDER {
        return ptr::null_mut();
    }
    let block = frames().allocate_block(order, Fill::Any);
    block.map_or(ptr::null_mut(), |frame| frames().pointer(frame.start()))
}

#[inline(never)]
fn release_frames(piece: *mut u8) {
    frames().release(frames().frame_at(piece));
}

// SAFETY: pieces come from frames that belong to the heap alone, are as large and as aligned as
// their size class or block order, which covers size and alignment, and are in one place at a time.
unsafe impl GlobalAlloc for Heap {
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match place(layout) {
            Place::Class(class) => self.take(class),
            Place::Order(order) => allocate_frames(order),
        }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match place(layout) {
            // SAFETY: the caller gives up the piece, which came from this class.
            Place::Class(class) => unsafe { self.give_back(piece, class) },
            Place::Order(_) => release_frames(piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn heap() -> Heap {
        Heap::with_chunk(ptr::null_mut(), 0)
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn pieces_are_apart_and_hold_their_bytes() {
        let heap = heap();
        let sizes = [1, 16, 17, 100, 512, 700, 1024, 1025, 5000];
        let mut pieces = Vec::new();
        for round in 0..50_u8 {
            for size in sizes {
                // SAFETY: the size is not zero.
                let piece = unsafe { heap.alloc(layout(size)) };
                assert!(!piece.is_null() && piece.addr() % 16 == 0);
                // SAFETY: the piece has so many bytes.
                unsafe { piece.write_bytes(round, size) };
                pieces.push((piece, size, round));
            }
        }
        for (piece, size, round) in pieces {
            // SAFETY: the piece has so many bytes, all of which were written.
            let bytes = unsafe { core::slice::from_raw_parts(piece, size) };
            assert!(bytes.iter().all(|&byte| byte == round), "{size} bytes of round {round}");
            // SAFETY: it came from this heap with this layout.
            unsafe { heap.dealloc(piece, layout(size)) };
        }
    }

    #[test]
    fn what_comes_back_whole_is_free_memory_again() {
        let heap = heap();
        let free = frames().counts().free;
        for size in [16, 64, 1024] {
            // SAFETY: the size is not zero.
            let pieces: Vec<_> = (0..3000).map(|_| unsafe { heap.alloc(layout(size)) }).collect();
            assert!(frames().counts().free < free - 10);
            // Every second one first, so that slabs become full and empty in turn.
            for index in (0..3000).step_by(2).chain((1..3000).step_by(2)) {
                // SAFETY: it came from this heap with this layout, and is given back once.
                unsafe { heap.dealloc(pieces[index], layout(size)) };
            }
        }
        assert_eq!(frames().counts().free, free - 3, "one slab of each size is kept");
    }

    #[test]
    fn memory_in_single_frames_is_enough() {
        let heap = heap();
        let mut taken = Vec::new();
        while let Some(frame) = frames().allocate(Fill::Any) {
            taken.push(frame);
        }
        taken.iter().step_by(2).for_each(|&frame| frames().release(frame));
        assert!(frames().allocate_block(1, Fill::Any).is_none());
        // SAFETY: the size is not zero.
        assert!((0..100).all(|_| !unsafe { heap.alloc(layout(1000)) }.is_null()));
    }
}
