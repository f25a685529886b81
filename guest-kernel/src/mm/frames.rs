// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Physical memory: a buddy allocator with reference counts, and copies between frames.
//!
//! RAM is zero when it is fresh, so fresh frames are handed out from the bottom up without being
//! cleared; what came back once is kept apart and cleared when somebody needs it clear. Blocks have
//! 2^order frames, up to [`MAX_ORDER`]; a block is shared by counting on its first frame.
//!
//! There is one such allocator, [`frames`], reached by shared reference from everywhere, the kernel
//! heap included; its state is in cells. Memory that programs can write is never behind a Rust
//! reference: it is read and written by copies.

use super::address::{Frame, PhysAddr};
use crate::arch::{bulk, layout::PAGE_SIZE};
use core::cell::Cell;

/// Largest block: 2^10 frames, 4 MiB.
pub const MAX_ORDER: u8 = 10;

/// Order of a large page.
pub const LARGE_ORDER: u8 = 9;

/// Frames that programs do not get: 1 MiB.
const RESERVED: u64 = 256;

/// Number of RAM ranges that the allocator can hold.
const MAX_RANGES: usize = 16;

/// Ends a list of free blocks. Frame 0 is never handed out.
const NONE: u32 = 0;

/// What the allocator knows of one frame. All zero for a frame that was never handed out.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct FrameInfo {
    /// Owners of the block that starts here; 0 for free blocks.
    refs: u32,
    /// Neighbours in the list of free blocks of one order; the note of a block that is in use.
    next: u32,
    prev: u32,
    /// Order of the block that starts here.
    order: u8,
    /// Whether a free block starts here.
    is_free: bool,
    reserved: [u8; 2],
}

const _: () = assert!(size_of::<FrameInfo>() == 16);

/// Whether frames must come zeroed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// All bytes zero.
    Zeroed,
    /// Whatever was there: the caller overwrites all of it.
    Any,
}

/// Figures of the allocator, in frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// All frames that were added.
    pub total: u64,
    /// Frames that can be handed out.
    pub free: u64,
}

/// A range of frames that was never handed out.
#[derive(Clone, Copy, Default)]
struct Fresh {
    next: u32,
    end: u32,
}

/// Whether fresh memory is known to be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanness {
    /// It is.
    Zero,
    /// Somebody may have worked there.
    Unknown,
}

/// The allocator.
pub struct Frames {
    /// Where physical address 0 is mapped, for unit tests: elsewhere it is a constant.
    #[cfg(test)]
    base: Cell<*mut u8>,
    infos: Cell<*mut FrameInfo>,
    fresh: [Cell<Fresh>; MAX_RANGES],
    /// Ranges that were never handed out and are not known to be zero: the last resort.
    unclean: [Cell<Fresh>; MAX_RANGES],
    /// The range that fresh blocks come from; earlier ones are used up.
    current: Cell<usize>,
    /// What is left of the fresh large block that smaller blocks are cut from.
    small: Cell<Fresh>,
    /// The frames of [`Frames::allocate_forever`].
    forever: Cell<Fresh>,
    free_lists: [Cell<u32>; MAX_ORDER as usize + 1],
    /// A bit for each order whose list is not empty.
    listed_orders: Cell<u32>,
    total: Cell<u64>,
    free: Cell<u64>,
    /// The first frame that must be asked for before it is used, and how; none once it was.
    later: Cell<(u32, fn())>,
}

// SAFETY: there is one CPU, and the kernel is not interrupted, so nothing runs at the same time.
unsafe impl Sync for Frames {}

impl Frames {
    const fn empty() -> Self {
        Self {
            #[cfg(test)]
            base: Cell::new(core::ptr::null_mut()),
            infos: Cell::new(core::ptr::null_mut()),
            fresh: [const { Cell::new(Fresh { next: 0, end: 0 }) }; MAX_RANGES],
            unclean: [const { Cell::new(Fresh { next: 0, end: 0 }) }; MAX_RANGES],
            current: Cell::new(0),
            small: Cell::new(Fresh { next: 0, end: 0 }),
            forever: Cell::new(Fresh { next: 0, end: 0 }),
            free_lists: [const { Cell::new(NONE) }; MAX_ORDER as usize + 1],
            listed_orders: Cell::new(0),
            total: Cell::new(0),
            free: Cell::new(0),
            later: Cell::new((u32::MAX, || {})),
        }
    }

    /// Gives the allocator its place for `FrameInfo` entries.
    ///
    /// # Safety
    /// Physical memory is mapped from address 0 on at the direct map; `infos` is zeroed memory,
    /// used by nothing else, with 16 bytes for each frame up to the last one that will be added.
    /// Called once, before everything else.
    pub unsafe fn init(&self, infos: PhysAddr) {
        self.infos.set(self.pointer(infos).cast());
    }

    /// Adds the frames `[start, end)`.
    ///
    /// Returns whether there was room to note the range.
    ///
    /// # Safety
    /// The frames are RAM that nothing else uses, now or later, and as clean as is said.
    pub unsafe fn add(&self, start: Frame, end: Frame, cleanness: Cleanness) -> bool {
        let ranges = match cleanness {
            Cleanness::Zero => &self.fresh,
            Cleanness::Unknown => &self.unclean,
        };
        let Some(slot) = ranges.iter().find(|slot| slot.get().end == 0) else { return false };
        slot.set(Fresh { next: start.0, end: end.0 });
        let count = u64::from(end.0 - start.0);
        self.total.set(self.total.get() + count);
        self.free.set(self.free.get() + count);
        true
    }

    /// Has `ask` called, once, before one of the frames from `first` on is used.
    pub fn ask_before(&self, first: Frame, ask: fn()) {
        self.later.set((first.0, ask));
    }

    /// How much there is.
    #[must_use]
    pub fn counts(&self) -> FrameCounts {
        FrameCounts { total: self.total.get(), free: self.free.get() }
    }

    /// Allocates a block for the memory of programs. The last frames are left to the kernel, so
    /// that it can always say and do what is due at the end.
    #[must_use]
    #[inline]
    pub fn allocate_for_program(&self, order: u8, fill: Fill) -> Option<Frame> {
        if self.free.get() < RESERVED + (1 << order) {
            return None;
        }
        self.allocate_block(order, fill)
    }

    /// Allocates a block for the data of files. Some frames are left to programs, so that one which
    /// fills the file system still has the memory to say so.
    #[must_use]
    #[inline]
    pub fn allocate_for_file(&self, order: u8, fill: Fill) -> Option<Frame> {
        if self.free.get() < 4 * RESERVED + (1 << order) {
            return None;
        }
        self.allocate_block(order, fill)
    }

    /// Whether programs are close to the end of the memory that they may have.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.free.get() < 2 * RESERVED
    }

    /// Allocates one frame, with one owner.
    #[must_use]
    pub fn allocate(&self, fill: Fill) -> Option<Frame> {
        self.take_block(0, fill)
    }

    /// Allocates a block of 2^`order` frames, aligned to its size, with one owner.
    ///
    /// Fresh memory is preferred where it must be zero, memory that came back where not.
    #[must_use]
    pub fn allocate_block(&self, order: u8, fill: Fill) -> Option<Frame> {
        if order == 0 { self.allocate(fill) } else { self.take_block(order, fill) }
    }

    #[inline(always)]
    fn take_block(&self, order: u8, fill: Fill) -> Option<Frame> {
        let frame = match fill {
            Fill::Zeroed => self.take_fresh(order).or_else(|| self.take_cleared(order)),
            Fill::Any => self
                .take_listed(order)
                .or_else(|| self.take_fresh(order))
                .or_else(|| self.take_unclean(order)),
        }?;
        self.hand_out(frame, order);
        Some(frame)
    }

    /// Allocates a block that was never handed out, and so is zero without being cleared.
    #[must_use]
    pub fn allocate_fresh(&self, order: u8) -> Option<Frame> {
        let frame = self.take_fresh(order)?;
        self.hand_out(frame, order);
        Some(frame)
    }

    /// Allocates `count` adjacent frames, zeroed, each its own block with one owner.
    #[must_use]
    pub fn allocate_run(&self, count: u32) -> Option<Frame> {
        let start = self.take_run(count)?;
        for frame in start..start + count {
            self.set_info(frame, FrameInfo { refs: 1, ..FrameInfo::default() });
        }
        Some(Frame(start))
    }

    /// Allocates `count` adjacent frames, zeroed, that are never given back: sharing and releasing
    /// them does nothing. There can be one such range.
    ///
    /// Costs the same for any count: nothing is noted for the single frame.
    #[must_use]
    pub fn allocate_forever(&self, count: u32) -> Option<Frame> {
        assert!(self.forever.get().end == 0, "a second range is allocated for ever");
        let start = Frame(self.take_run(count)?);
        self.forever.set(Fresh { next: start.0, end: start.add(count).0 });
        Some(start)
    }

    /// Makes `[start, end)`, which was not added, the range that is never given back. It counts as
    /// memory, as if it had been allocated.
    pub fn keep_forever(&self, start: Frame, end: Frame) {
        self.forever.set(Fresh { next: start.0, end: end.0 });
        self.total.set(self.total.get() + u64::from(end.0 - start.0));
    }

    /// Adds an owner to the block that starts at `frame`.
    #[inline]
    pub fn share(&self, frame: Frame) {
        if self.is_forever(frame) {
            return;
        }
        let mut info = self.info(frame.0);
        info.refs += 1;
        self.set_info(frame.0, info);
    }

    /// Whether the block that starts at `frame` has one owner, who may change it.
    #[must_use]
    #[inline]
    pub fn is_exclusive(&self, frame: Frame) -> bool {
        self.info(frame.0).refs == 1
    }

    /// Takes an owner from the block that starts at `frame`; with the last one it comes back.
    pub fn release(&self, frame: Frame) {
        if self.is_forever(frame) {
            return;
        }
        let mut info = self.info(frame.0);
        assert!(info.refs > 0, "frame {:#x} released without an owner", frame.0);
        info.refs -= 1;
        self.set_info(frame.0, info);
        if info.refs == 0 {
            self.free.set(self.free.get() + (1 << info.order));
            self.insert_merged(frame.0, info.order);
        }
    }

    /// Turns a block with one owner into single frames with one owner each.
    pub fn split(&self, frame: Frame) {
        let order = self.info(frame.0).order;
        for index in frame.0..frame.0 + (1 << order) {
            self.set_info(index, FrameInfo { refs: 1, ..FrameInfo::default() });
        }
    }

    /// Copies `bytes` from frame memory. Small copies: [`bulk`] is for many bytes.
    pub fn read(&self, from: PhysAddr, bytes: &mut [u8]) {
        // SAFETY: the direct map covers `from`; the target is a Rust slice, which no frame that is
        // read this way overlaps.
        unsafe {
            core::ptr::copy_nonoverlapping(self.pointer(from), bytes.as_mut_ptr(), bytes.len())
        }
    }

    /// Copies `bytes` into frame memory.
    pub fn write(&self, to: PhysAddr, bytes: &[u8]) {
        // SAFETY: the direct map covers `to`; only frames that the caller allocated are written.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), self.pointer(to), bytes.len()) }
    }

    /// A word that the owner of a frame may use for notes about it: 0 at first.
    #[must_use]
    #[inline]
    pub fn note(&self, frame: Frame) -> u64 {
        let info = self.info(frame.0);
        u64::from(info.prev) << 32 | u64::from(info.next)
    }

    /// Changes the word that [`Frames::note`] reads.
    #[inline]
    pub fn set_note(&self, frame: Frame, note: u64) {
        let info = self.info(frame.0);
        let (prev, next) = ((note >> 32) as u32, (note & 0xffff_ffff) as u32);
        self.set_info(frame.0, FrameInfo { prev, next, ..info });
    }

    /// Reads an aligned 64-bit word of frame memory.
    #[must_use]
    #[inline]
    pub fn read_word(&self, from: PhysAddr) -> u64 {
        // SAFETY: the direct map covers `from`, and callers pass multiples of 8.
        unsafe { self.pointer(from).cast::<u64>().read_volatile() }
    }

    /// Writes an aligned 64-bit word of frame memory.
    #[inline]
    pub fn write_word(&self, to: PhysAddr, word: u64) {
        // SAFETY: as for `read_word`; only frames that the caller allocated are written.
        unsafe { self.pointer(to).cast::<u64>().write_volatile(word) }
    }

    /// Reads an array of bytes, of any alignment: what is not used of it costs nothing.
    #[must_use]
    #[inline]
    pub fn read_array<const N: usize>(&self, from: PhysAddr) -> [u8; N] {
        // SAFETY: the direct map covers `from`, and bytes need no alignment.
        unsafe { self.pointer(from).cast::<[u8; N]>().read() }
    }

    /// Where physical memory at `address` is mapped.
    #[must_use]
    #[inline]
    pub fn pointer(&self, address: PhysAddr) -> *mut u8 {
        #[expect(clippy::cast_possible_truncation, reason = "the kernel is 64 bits wide")]
        let offset = address.0 as usize;
        // The kernel's memory lies where it physically is. An offset to the null pointer would not
        // do: it is no pointer to anything.
        #[cfg(not(test))]
        return core::ptr::with_exposed_provenance_mut(offset);
        #[cfg(test)]
        self.base.get().wrapping_add(offset)
    }

    /// The frame that is mapped at `pointer`, which [`Frames::pointer`] made.
    #[must_use]
    #[inline]
    pub fn frame_at(&self, pointer: *const u8) -> Frame {
        #[cfg(not(test))]
        let offset = pointer.addr();
        #[cfg(test)]
        let offset = pointer.addr() - self.base.get().addr();
        PhysAddr(offset as u64).frame()
    }

    #[inline]
    fn hand_out(&self, frame: Frame, order: u8) {
        self.free.set(self.free.get() - (1 << order));
        self.set_info(frame.0, FrameInfo { refs: 1, order, ..FrameInfo::default() });
    }

    #[inline]
    fn is_forever(&self, frame: Frame) -> bool {
        let Fresh { next, end } = self.forever.get();
        (next..end).contains(&frame.0)
    }

    /// Fresh memory as a block. Small ones are cut from a piece of a range that ends at a large
    /// boundary, so that no large block is broken for them.
    #[inline(always)]
    fn take_fresh(&self, order: u8) -> Option<Frame> {
        if order >= LARGE_ORDER {
            return self.take_fresh_large(order);
        }
        let size = 1 << order;
        loop {
            let small = self.small.get();
            let start = small.next.next_multiple_of(size);
            if start + size <= small.end {
                self.small.set(Fresh { next: start + size, end: small.end });
                if small.next < start {
                    self.retire(small.next, start);
                }
                return Some(Frame(start));
            }
            self.refill_small()?;
        }
    }

    /// Takes the fresh frames up to the next large boundary for small blocks.
    #[cold]
    fn refill_small(&self) -> Option<()> {
        let small = self.small.take();
        self.retire(small.next, small.end);
        loop {
            let slot = self.fresh.get(self.current.get())?;
            let Fresh { next, end } = slot.get();
            if next < end {
                let boundary = end.min((next | ((1 << LARGE_ORDER) - 1)) + 1);
                self.reach(boundary);
                slot.set(Fresh { next: boundary, end });
                self.small.set(Fresh { next, end: boundary });
                return Some(());
            }
            self.current.set(self.current.get() + 1);
        }
    }

    /// Fresh memory as a block; what alignment skips goes to the free lists.
    fn take_fresh_large(&self, order: u8) -> Option<Frame> {
        let size = 1 << order;
        loop {
            let slot = self.fresh.get(self.current.get())?;
            let Fresh { next, end } = slot.get();
            let start = next.next_multiple_of(size);
            if start.checked_add(size).is_some_and(|block_end| block_end <= end) {
                self.reach(start + size);
                slot.set(Fresh { next: start + size, end });
                self.retire(next, start);
                return Some(Frame(start));
            }
            slot.set(Fresh { next: end, end });
            self.retire(next, end);
            self.current.set(self.current.get() + 1);
        }
    }

    /// Adjacent fresh frames of any count, few of them from where small blocks come from.
    fn take_run(&self, count: u32) -> Option<u32> {
        let mut slots = core::iter::once(&self.small).chain(&self.fresh);
        let slot = slots.find(|slot| slot.get().end - slot.get().next >= count)?;
        let Fresh { next, end } = slot.get();
        self.reach(next + count);
        slot.set(Fresh { next: next + count, end });
        self.free.set(self.free.get() - u64::from(count));
        Some(next)
    }

    /// Makes sure that the frames below `end` may be used.
    #[inline]
    fn reach(&self, end: u32) {
        if end > self.later.get().0 {
            let (_, ask) = self.later.replace((u32::MAX, || {}));
            ask();
        }
    }

    /// Moves fresh frames to the free lists.
    fn retire(&self, start: u32, end: u32) {
        if start < end {
            self.reach(end);
            self.free.set(self.free.get() - u64::from(end - start));
            self.free_range(start, end);
        }
    }

    /// A block that came back, or a part of one.
    #[inline(always)]
    fn take_listed(&self, order: u8) -> Option<Frame> {
        let large_enough = self.listed_orders.get() >> order;
        if large_enough == 0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "orders are small")]
        Some(self.cut_listed(order, order + large_enough.trailing_zeros() as u8))
    }

    /// Cuts a block from the first one in the list of order `found`.
    fn cut_listed(&self, order: u8, found: u8) -> Frame {
        let block = self.free_lists[found as usize].get();
        self.unlink(block, found);
        for half in (order..found).rev() {
            self.link(block + (1 << half), half);
        }
        Frame(block)
    }

    /// A block that is not fresh, cleared.
    #[cold]
    fn take_cleared(&self, order: u8) -> Option<Frame> {
        let frame = self.take_listed(order).or_else(|| self.take_unclean(order))?;
        bulk::zero(frame.start(), PAGE_SIZE << order);
        Some(frame)
    }

    /// Turns to memory that is not known to be zero, when there is no other.
    #[cold]
    fn take_unclean(&self, order: u8) -> Option<Frame> {
        let slot = self.unclean.iter().find(|slot| slot.get().next < slot.get().end)?;
        let Fresh { next, end } = slot.replace(Fresh { next: 0, end: 0 });
        self.retire(next, end);
        self.take_listed(order)
    }

    /// Puts frames into the free lists as the largest aligned blocks.
    fn free_range(&self, mut start: u32, end: u32) {
        self.free.set(self.free.get() + u64::from(end - start));
        while start < end {
            let aligned = start.trailing_zeros().min(u32::from(MAX_ORDER));
            let order = aligned.min((end - start).ilog2());
            #[expect(clippy::cast_possible_truncation, reason = "at most MAX_ORDER")]
            self.insert_merged(start, order as u8);
            start += 1 << order;
        }
    }

    /// Frees a block, joined with its buddy for as long as that is free too.
    fn insert_merged(&self, mut block: u32, mut order: u8) {
        while order < MAX_ORDER {
            let buddy = block ^ (1 << order);
            let info = self.info(buddy);
            if !info.is_free || info.order != order {
                break;
            }
            self.unlink(buddy, order);
            block &= buddy;
            order += 1;
        }
        self.link(block, order);
    }

    fn link(&self, block: u32, order: u8) {
        let head = self.free_lists[order as usize].replace(block);
        self.listed_orders.set(self.listed_orders.get() | 1 << order);
        let info = FrameInfo { next: head, order, is_free: true, ..FrameInfo::default() };
        self.set_info(block, info);
        if head != NONE {
            self.set_info(head, FrameInfo { prev: block, ..self.info(head) });
        }
    }

    fn unlink(&self, block: u32, order: u8) {
        let FrameInfo { next, prev, .. } = self.info(block);
        match prev {
            NONE => {
                self.free_lists[order as usize].set(next);
                if next == NONE {
                    self.listed_orders.set(self.listed_orders.get() & !(1 << order));
                }
            }
            _ => self.set_info(prev, FrameInfo { next, ..self.info(prev) }),
        }
        if next != NONE {
            self.set_info(next, FrameInfo { prev, ..self.info(next) });
        }
        self.set_info(block, FrameInfo::default());
    }

    #[inline]
    fn info(&self, frame: u32) -> FrameInfo {
        // SAFETY: `init` promised an entry for each frame, zeroed at first, and every entry of a
        // frame that was not added stays zeroed.
        unsafe { self.infos.get().add(frame as usize).read() }
    }

    #[inline]
    fn set_info(&self, frame: u32, info: FrameInfo) {
        // SAFETY: as for `info`.
        unsafe { self.infos.get().add(frame as usize).write(info) }
    }
}

#[cfg(not(test))]
static FRAMES: Frames = Frames::empty();

/// The allocator of this machine.
#[cfg(not(test))]
#[must_use]
#[inline]
pub fn frames() -> &'static Frames {
    &FRAMES
}

/// The allocator of this test: each thread has its own memory of [`TEST_FRAMES`] frames.
#[cfg(test)]
#[must_use]
pub fn frames() -> &'static Frames {
    use std::boxed::Box;
    std::thread_local! {
        static FRAMES: &'static Frames = {
            let frames = Box::leak(Box::new(Frames::empty()));
            let bytes = (TEST_FRAMES as usize + 1) * PAGE_SIZE as usize;
            let memory = Box::leak(std::vec![0_u8; bytes].into_boxed_slice());
            let base = memory.as_mut_ptr();
            let base = base.wrapping_add(base.align_offset(PAGE_SIZE as usize));
            let infos = TEST_FRAMES * 16 / PAGE_SIZE as u32;
            // SAFETY: the memory is zeroed, leaked and used by nothing else; the first frames hold
            // the entries, the rest is added once.
            unsafe {
                frames.base.set(base);
                frames.init(Frame(1).start());
                frames.add(Frame(1 + infos), Frame(TEST_FRAMES), Cleanness::Zero);
            }
            frames
        };
    }
    FRAMES.with(|frames| *frames)
}

/// Frames of a test's memory: 64 MiB.
#[cfg(test)]
pub const TEST_FRAMES: u32 = 16384;

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn fresh_frames_are_zero_and_distinct() {
        let (a, b) = (frames().allocate(Fill::Zeroed).unwrap(), frames().allocate(Fill::Zeroed));
        assert_ne!(Some(a), b);
        assert_eq!(frames().read_word(a.start()), 0);
        assert!(frames().is_exclusive(a));
    }

    #[test]
    fn returned_frames_are_cleared_before_they_are_zeroed_again() {
        let before = frames().counts().free;
        let mut all = Vec::new();
        while let Some(frame) = frames().allocate(Fill::Zeroed) {
            frames().write_word(frame.start(), 7);
            all.push(frame);
        }
        assert_eq!(all.len() as u64, before);
        for frame in all.drain(..) {
            frames().release(frame);
        }
        assert_eq!(frames().counts().free, before);
        let block = frames().allocate_block(LARGE_ORDER, Fill::Zeroed).unwrap();
        assert_eq!(block.0 % 512, 0);
        for index in 0..512 {
            assert_eq!(frames().read_word(block.add(index).start()), 0);
        }
    }

    #[test]
    fn shared_frames_come_back_with_their_last_owner() {
        let frame = frames().allocate(Fill::Any).unwrap();
        let free = frames().counts().free;
        frames().share(frame);
        frames().release(frame);
        assert_eq!(frames().counts().free, free);
        frames().release(frame);
        assert_eq!(frames().counts().free, free + 1);
    }

    #[test]
    fn split_blocks_come_back_one_by_one_and_merge() {
        let block = frames().allocate_block(LARGE_ORDER, Fill::Zeroed).unwrap();
        let free = frames().counts().free;
        frames().split(block);
        for index in 0..512 {
            frames().release(block.add(index));
        }
        assert_eq!(frames().counts().free, free + 512);
        assert!(frames().allocate_block(LARGE_ORDER, Fill::Any).is_some());
    }

    #[test]
    fn late_frames_are_asked_for_once() {
        std::thread_local!(static ASKED: Cell<u32> = const { Cell::new(0) });
        let ask = || ASKED.with(|asked| asked.set(asked.get() + 1));
        frames().ask_before(Frame(8192), ask);
        while frames().allocate(Fill::Zeroed).unwrap().0 < 8191 {
            assert_eq!(ASKED.get(), 0);
        }
        for _ in 0..2 {
            frames().allocate(Fill::Zeroed).unwrap();
            assert_eq!(ASKED.get(), 1);
        }
    }

    #[test]
    fn large_blocks_and_runs_ask_for_late_frames() {
        std::thread_local!(static ASKED: Cell<u32> = const { Cell::new(0) });
        let ask = || ASKED.with(|asked| asked.set(asked.get() + 1));
        frames().ask_before(Frame(4096), ask);
        while frames().allocate_block(LARGE_ORDER, Fill::Any).unwrap().0 < 4096 - 512 {
            assert_eq!(ASKED.get(), 0);
        }
        frames().allocate_block(LARGE_ORDER, Fill::Any).unwrap();
        assert_eq!(ASKED.get(), 1);
        frames().ask_before(Frame(8192), ask);
        frames().allocate_run(8192).unwrap();
        assert_eq!(ASKED.get(), 2);
    }

    #[test]
    fn runs_are_adjacent_and_bounded() {
        let run = frames().allocate_run(1000).unwrap();
        assert!(frames().is_exclusive(run.add(999)));
        assert_eq!(frames().allocate_run(TEST_FRAMES), None);
        assert_eq!(frames().allocate_forever(TEST_FRAMES), None);
    }

    #[test]
    fn frames_for_ever_are_never_exclusive_and_never_come_back() {
        let run = frames().allocate_forever(4).unwrap();
        let free = frames().counts().free;
        frames().share(run);
        frames().release(run);
        frames().release(run);
        assert!(!frames().is_exclusive(run));
        assert_eq!(frames().counts().free, free);
    }

    #[test]
    fn small_and_large_blocks_do_not_waste_each_others_fresh_memory() {
        let first = frames().allocate(Fill::Zeroed).unwrap();
        let _large = frames().allocate_block(LARGE_ORDER, Fill::Zeroed).unwrap();
        assert_eq!(frames().allocate(Fill::Zeroed), Some(first.add(1)));
    }
}
