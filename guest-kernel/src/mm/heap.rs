// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel heap: free lists of power-of-two sizes, cut from frames.
//!
//! Up to half a page comes from a list of its size class, or is cut from the current chunk when the
//! list is empty; anything larger comes from the frame allocator. Taking and giving back is a
//! handful of instructions. What a size class has once it keeps.

use super::{
    address::PhysAddr,
    frames::{Fill, MAX_ORDER, frames},
};
use crate::arch::layout::{DIRECT_MAP, PAGE_SIZE};
use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr;

/// Smallest size: 16 bytes.
const MIN_SHIFT: u32 = 4;

/// Largest size class: 2 KiB.
const MAX_SHIFT: u32 = 11;

/// Largest alignment of a size class. What needs more gets frames of its own.
const CLASS_ALIGN: usize = 1 << MIN_SHIFT;

/// Order of the chunks that pieces are cut from: 16 KiB.
const CHUNK_ORDER: u8 = 2;
const CHUNK_BYTES: usize = (PAGE_SIZE as usize) << CHUNK_ORDER;

/// The first chunk: it lies in the image's data, which is zero like fresh memory.
#[repr(align(16))]
struct FirstChunk(UnsafeCell<[u8; CHUNK_BYTES]>);

// SAFETY: the heap hands out pieces of it, each to one owner; nobody else touches it.
unsafe impl Sync for FirstChunk {}

static FIRST_CHUNK: FirstChunk = FirstChunk(UnsafeCell::new([0; CHUNK_BYTES]));

/// The heap of the kernel image. There is one.
pub struct Heap {
    free: [Cell<*mut u8>; (MAX_SHIFT - MIN_SHIFT + 1) as usize],
    /// What is left of the current chunk: its start and its length.
    chunk: Cell<(*mut u8, usize)>,
}

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Heap {}

impl Heap {
    /// The heap, with its first chunk.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; _],
            chunk: Cell::new((FIRST_CHUNK.0.get().cast(), CHUNK_BYTES)),
        }
    }

    /// Cuts a piece from the current chunk.
    #[inline]
    fn cut(&self, class: usize) -> *mut u8 {
        let size = 1 << (class as u32 + MIN_SHIFT);
        let (start, length) = self.chunk.get();
        if length < size {
            return self.cut_from_new_chunk(size);
        }
        self.chunk.set((start.wrapping_add(size), length - size));
        start
    }

    /// Cuts a piece from a chunk of its own; what is left of the one before is lost.
    #[inline(never)]
    fn cut_from_new_chunk(&self, size: usize) -> *mut u8 {
        let Some(frame) = frames().allocate_block(CHUNK_ORDER, Fill::Any) else {
            return ptr::null_mut();
        };
        let start = frames().pointer(frame.start());
        self.chunk.set((start.wrapping_add(size), CHUNK_BYTES - size));
        start
    }

    /// # Safety
    /// `piece` is memory of `class`'s size that nothing else uses.
    unsafe fn push(&self, class: usize, piece: *mut u8) {
        let head = self.free[class].replace(piece);
        // SAFETY: the caller gives up the piece.
        unsafe { piece.cast::<*mut u8>().write(head) }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
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
    frames().release(PhysAddr(piece.addr() as u64 - DIRECT_MAP).frame());
}

// SAFETY: pieces come from frames that belong to the heap alone, are as large and as aligned as
// their size class or block order, which covers size and alignment, and are in one place at a time.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match place(layout) {
            Place::Class(class) => {
                let head = self.free[class].get();
                if head.is_null() {
                    return self.cut(class);
                }
                // SAFETY: pieces in the list hold the next one's address.
                self.free[class].set(unsafe { head.cast::<*mut u8>().read() });
                head
            }
            Place::Order(order) => allocate_frames(order),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match place(layout) {
            // SAFETY: the caller gives up the piece, which came from this class.
            Place::Class(class) => unsafe { self.push(class, piece) },
            Place::Order(_) => release_frames(piece),
        }
    }
}
