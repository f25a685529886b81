// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Where mappings lie, and keeping them in memory: `mremap`, `msync`, `mincore`, `mlock`.

use super::Answer;
use super::limits::{self, Purpose};
use super::memory::range;
use crate::arch::{
    layout::{PAGE_SIZE, USER_END},
    trap::Registers,
};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::{UserAddr, page_up};
use crate::mm::space::{Area, Backing, Sharing};
use crate::mm::wishes::Wishes;

const MREMAP_MAYMOVE: u64 = 1;
const MREMAP_FIXED: u64 = 2;
const MREMAP_DONTUNMAP: u64 = 4;

const MS_ASYNC: u64 = 1;
const MS_INVALIDATE: u64 = 2;
const MS_SYNC: u64 = 4;
const MS_ALL: u64 = 7;

const MLOCK_ONFAULT: u64 = 1;
const MCL_ALL: u64 = 7;
const MCL_CURRENT: u64 = 1;
const MCL_FUTURE: u64 = 2;
const MCL_ONFAULT: u64 = 4;

pub(super) fn mremap(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (old, old_len, new_len) = (call.argument(0), call.argument(1), call.argument(2));
    let (flags, target) = (call.argument(3), call.argument(4));
    let is_fixed = flags & MREMAP_FIXED != 0;
    let is_kept = flags & MREMAP_DONTUNMAP != 0;
    if flags & !(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) != 0
        || (is_fixed || is_kept) && flags & MREMAP_MAYMOVE == 0
        || !old.is_multiple_of(PAGE_SIZE)
        || new_len == 0
    {
        return Err(Errno::EINVAL.into());
    }
    let old_len = page_up(old_len).ok_or(Errno::EINVAL)?;
    let new_len = page_up(new_len).ok_or(Errno::EINVAL)?;
    if is_kept && old_len != new_len {
        return Err(Errno::EINVAL.into());
    }
    if is_fixed {
        let target_end = target.checked_add(new_len).filter(|&end| end <= USER_END);
        let target_end = target_end.ok_or(Errno::EINVAL)?;
        let overlaps = target < old.saturating_add(old_len) && old < target_end;
        if overlaps || !target.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL.into());
        }
    }
    let area = *kernel.process.space.area_at(old).ok_or(Errno::EFAULT)?;
    let end = old.checked_add(old_len).filter(|&end| end <= USER_END).ok_or(Errno::EINVAL)?;
    if !is_fixed && !is_kept && new_len <= old_len {
        // Whatever lies behind, and whether anything does.
        if new_len < old_len {
            kernel.process.space.unmap(&mut kernel.fs, old + new_len, end)?;
        }
        return Ok(old);
    }
    if end > area.end && !is_fixed {
        return Err(Errno::EFAULT.into());
    }
    if old_len == 0 {
        return map_again(kernel, &area, old, new_len, is_fixed.then_some(target));
    }
    let purpose = if area.is_data() { Purpose::Data } else { Purpose::Other };
    if new_len > old_len {
        limits::check_memory(kernel, new_len - old_len, purpose)?;
    }
    let new_end = old.checked_add(new_len).filter(|&end| end <= USER_END);
    if is_fixed {
        let target = move_to(kernel, &area, (old, end), (target, new_len))?;
        return if is_kept { keep(kernel, &area, (old, end), target) } else { Ok(target) };
    }
    if is_kept {
        let target = kernel.process.space.find_free(0, new_len).ok_or(Errno::ENOMEM)?;
        kernel.process.space.move_pages(&mut kernel.fs, (old, end), (target, target + new_len))?;
        return keep(kernel, &area, (old, end), target);
    }
    if let Some(new_end) = new_end
        && kernel.process.space.grow(&area, end, new_end)
    {
        return Ok(old);
    }
    if flags & MREMAP_MAYMOVE == 0 {
        return Err(Errno::ENOMEM.into());
    }
    let target = kernel.process.space.find_free(0, new_len).ok_or(Errno::ENOMEM)?;
    kernel.process.space.move_pages(&mut kernel.fs, (old, end), (target, target + new_len))?;
    Ok(target)
}

/// The part of an area that begins at `start`, at another place.
fn part(area: &Area, start: u64, (new_start, new_end): (u64, u64)) -> Area {
    let backing = area.backing.advanced(start - area.start);
    Area { start: new_start, end: new_end, backing, ..*area }
}

/// Adds an area, holding its file open for it.
fn add(kernel: &mut Kernel, area: Area) -> Result<(), Errno> {
    if let Backing::File { inode, .. } = area.backing {
        kernel.fs.open(inode);
    }
    let result = kernel.process.space.map(&mut kernel.fs, area);
    if let (Err(_), Backing::File { inode, .. }) = (&result, area.backing) {
        kernel.fs.close(inode);
    }
    result
}

/// Maps afresh what has moved to `target`: the old place is as if it had never been touched.
fn keep(kernel: &mut Kernel, area: &Area, (start, end): (u64, u64), target: u64) -> Answer {
    add(kernel, part(area, start, (start, end)))?;
    Ok(target)
}

/// Maps what is shared a second time.
fn map_again(
    kernel: &mut Kernel,
    area: &Area,
    start: u64,
    len: u64,
    target: Option<u64>,
) -> Answer {
    if area.sharing == Sharing::Private {
        return Err(Errno::EINVAL.into());
    }
    let target = match target {
        Some(target) if !target.is_multiple_of(PAGE_SIZE) => return Err(Errno::EINVAL.into()),
        Some(target) => target,
        None => kernel.process.space.find_free(0, len).ok_or(Errno::ENOMEM)?,
    };
    let end = target.checked_add(len).ok_or(Errno::EINVAL)?;
    add(kernel, part(area, start, (target, end)))?;
    Ok(target)
}

/// Moves a mapping to the place that the program wants, whatever is there. The place is a possible one.
fn move_to(
    kernel: &mut Kernel,
    area: &Area,
    (old, end): (u64, u64),
    (target, new_len): (u64, u64),
) -> Answer {
    if target < PAGE_SIZE {
        return Err(Errno::EPERM.into());
    }
    let kept_end = end.min(old + new_len);
    if kept_end > area.end {
        return Err(Errno::EFAULT.into());
    }
    let space = &mut kernel.process.space;
    space.unmap(&mut kernel.fs, target, target + new_len)?;
    if kept_end < end {
        space.unmap(&mut kernel.fs, kept_end, end)?;
    }
    space.move_pages(&mut kernel.fs, (old, kept_end), (target, target + new_len))?;
    Ok(target)
}

/// Shared mappings are the file's own pages, so there is nothing to write back.
pub(super) fn msync(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(2) & 0xffff_ffff;
    let is_both = flags & (MS_ASYNC | MS_SYNC) == MS_ASYNC | MS_SYNC;
    if flags & !MS_ALL != 0 || is_both {
        return Err(Errno::EINVAL.into());
    }
    let (start, end) = mapped_range(kernel, call)?;
    let is_locked =
        |area: &Area| area.wishes.has(Wishes::LOCKED) && area.start < end && start < area.end;
    if flags & MS_INVALIDATE != 0 && kernel.process.space.areas().iter().any(is_locked) {
        return Err(Errno::EBUSY.into());
    }
    Ok(0)
}

pub(super) fn mlock(kernel: &mut Kernel, call: &Registers) -> Answer {
    wish(kernel, call, Wishes::LOCKED, Wishes::NONE)
}

pub(super) fn munlock(kernel: &mut Kernel, call: &Registers) -> Answer {
    wish(kernel, call, Wishes::NONE, Wishes::LOCKED)
}

/// Adds and takes back a wish for the pages that bytes lie in.
fn wish(kernel: &mut Kernel, call: &Registers, added: Wishes, removed: Wishes) -> Answer {
    let start = call.argument(0) & !(PAGE_SIZE - 1);
    let len = call.argument(1).checked_add(call.argument(0) - start);
    let end = len.and_then(page_up).and_then(|len| start.checked_add(len)).ok_or(Errno::EINVAL)?;
    kernel.process.space.wish(&mut kernel.fs, (start, end), added, removed)?;
    Ok(0)
}

pub(super) fn mlock2(kernel: &mut Kernel, call: &Registers) -> Answer {
    if call.argument(2) & 0xffff_ffff & !MLOCK_ONFAULT != 0 {
        return Err(Errno::EINVAL.into());
    }
    mlock(kernel, call)
}

pub(super) fn mlockall(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(0) & 0xffff_ffff;
    if matches!(flags, 0 | MCL_ONFAULT) || flags & !MCL_ALL != 0 {
        return Err(Errno::EINVAL.into());
    }
    let [now, future] = [MCL_CURRENT, MCL_FUTURE]
        .map(|flag| if flags & flag != 0 { Wishes::LOCKED } else { Wishes::NONE });
    kernel.process.space.wish_for_all(now, Wishes::NONE, future);
    Ok(0)
}

pub(super) fn munlockall(kernel: &mut Kernel, _: &Registers) -> Answer {
    kernel.process.space.wish_for_all(Wishes::NONE, Wishes::LOCKED, Wishes::NONE);
    Ok(0)
}

/// The range that a call is about, all of which must be mapped.
fn mapped_range(kernel: &Kernel, call: &Registers) -> Result<(u64, u64), Errno> {
    let (start, end) = range(call.argument(0), call.argument(1), Errno::ENOMEM)?;
    if kernel.process.space.covers(start, end) { Ok((start, end)) } else { Err(Errno::ENOMEM) }
}

pub(super) fn mincore(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (start, end) = mapped_range(kernel, call)?;
    let resident = kernel.process.space.residency(start, end)?;
    kernel.memory().write(UserAddr(call.argument(2)), &resident)?;
    Ok(0)
}
