// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Advice about memory: `madvise`.

use super::Answer;
use super::memory::range;
use crate::arch::{layout::PAGE_SIZE, paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::space::{Area, Backing, Sharing};
use crate::mm::wishes::Wishes;

const MADV_DONTNEED: u64 = 4;
const MADV_FREE: u64 = 8;
const MADV_REMOVE: u64 = 9;
const MADV_DONTFORK: u64 = 10;
const MADV_DOFORK: u64 = 11;
const MADV_WIPEONFORK: u64 = 18;
const MADV_KEEPONFORK: u64 = 19;
const MADV_COLD: u64 = 20;
const MADV_PAGEOUT: u64 = 21;
const MADV_POPULATE_READ: u64 = 22;
const MADV_POPULATE_WRITE: u64 = 23;
const MADV_DONTNEED_LOCKED: u64 = 24;

/// Advice that says how memory will be used and changes nothing that a program could see.
const HINTS: [u64; 12] = [0, 1, 2, 3, 12, 13, 14, 15, 16, 17, MADV_COLD, MADV_PAGEOUT];

/// Advice that is for memory which is not locked.
const NOT_FOR_LOCKED: [u64; 5] = [MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT];

/// Advice that is for memory of no file which nobody shares.
const FOR_OWN: [u64; 2] = [MADV_FREE, MADV_WIPEONFORK];

pub(super) fn madvise(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (start, end) = range(call.argument(0), call.argument(1), Errno::EINVAL)?;
    let advice = call.argument(2);
    let is_unfit = |area: &Area| {
        NOT_FOR_LOCKED.contains(&advice) && area.wishes.has(Wishes::LOCKED)
            || FOR_OWN.contains(&advice) && area.is_of_file()
    };
    let space = &mut kernel.process.space;
    if space.areas().iter().any(|area| area.start < end && start < area.end && is_unfit(area)) {
        return Err(Errno::EINVAL.into());
    }
    let none = Wishes::NONE;
    let (added, removed) = match advice {
        MADV_DONTNEED | MADV_DONTNEED_LOCKED | MADV_FREE => {
            space.discard(start, end)?;
            return Ok(0);
        }
        MADV_REMOVE => {
            remove(kernel, start, end)?;
            return Ok(0);
        }
        MADV_POPULATE_READ | MADV_POPULATE_WRITE => {
            populate(kernel, start, end, advice == MADV_POPULATE_WRITE)?;
            return Ok(0);
        }
        MADV_DONTFORK => (Wishes::NOT_FOR_CHILDREN, none),
        MADV_DOFORK => (none, Wishes::NOT_FOR_CHILDREN),
        MADV_WIPEONFORK => (Wishes::EMPTY_FOR_CHILDREN, none),
        MADV_KEEPONFORK => (none, Wishes::EMPTY_FOR_CHILDREN),
        _ if HINTS.contains(&advice) => (none, none),
        _ => return Err(Errno::EINVAL.into()),
    };
    space.wish(&mut kernel.fs, (start, end), added, removed)?;
    Ok(0)
}

/// Brings pages in, as if each were touched.
fn populate(kernel: &mut Kernel, start: u64, end: u64, writes: bool) -> Result<(), Errno> {
    let access = if writes { FaultAccess::Write } else { FaultAccess::Read };
    for at in (start..end).step_by(PAGE_SIZE as usize) {
        let allowed = kernel.process.space.area_at(at).ok_or(Errno::ENOMEM)?.access;
        // Processors cannot write without reading; rights can say so.
        if !(if writes { allowed.write } else { allowed.read }) {
            return Err(Errno::EINVAL);
        }
        kernel.memory().page(UserAddr(at), access)?;
    }
    Ok(())
}

/// Cuts a hole into the files behind what is shared.
fn remove(kernel: &mut Kernel, start: u64, end: u64) -> Result<(), Errno> {
    let mut at = start;
    while at < end {
        let area = *kernel.process.space.area_at(at).ok_or(Errno::ENOMEM)?;
        let Backing::File { inode, offset } = area.backing else { return Err(Errno::EINVAL) };
        if area.sharing == Sharing::Private || !area.may_write {
            return Err(Errno::EACCES);
        }
        let (from, until) = (offset + (at - area.start), area.end.min(end));
        let now = kernel.now();
        kernel.fs.clear(inode, from, from + (until - at), now)?;
        at = until;
    }
    Ok(())
}
