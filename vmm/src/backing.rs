// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What stands behind guest memory where it is not plain: pages of files, and large pages.
//!
//! A file's pages can take the place of guest memory instead of being copied into it: the guest
//! then shares the host's page cache with every other reader, until it writes to a page and gets
//! its own copy. A page that the file no longer has would be a bus error of this process, so only
//! a [`FixedFile`] is taken.

use std::fs::File;
use std::io;

use rustix::fs::SealFlags;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use vm_memory::{GuestAddress, GuestMemoryBackend as _};

use crate::layout::{PAGE_SIZE, Range};
use crate::memory::GuestMemory;
use crate::own_file;

/// A file whose bytes stay as they are for as long as it is open.
#[derive(Clone, Copy, Debug)]
pub struct FixedFile<'f> {
    file: &'f File,
    size_bytes: u64,
}

impl<'f> FixedFile<'f> {
    /// `file`, if it is one in memory that is sealed against every change.
    #[must_use]
    pub fn sealed(file: &'f File) -> Option<Self> {
        let needed = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::SEAL;
        // A file that cannot be sealed answers with an error.
        let is_fixed = rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(needed));
        let size_bytes = file.metadata().ok()?.len();
        is_fixed.then_some(Self { file, size_bytes })
    }

    /// The file of this program. Whoever changes that takes its own code away from it, too.
    #[must_use]
    pub fn own(place: &'f own_file::Place) -> Option<Self> {
        let size_bytes = place.file.metadata().ok()?.len();
        Some(Self { file: &place.file, size_bytes })
    }

    /// Length in bytes.
    #[must_use]
    pub const fn size_bytes(self) -> u64 {
        self.size_bytes
    }
}

/// Puts the pages of `file` from `offset` on in the place of `range`, which starts at a page. What
/// the last page has beyond the file is zero.
///
/// # Errors
/// The host refuses; the memory is then as it was.
///
/// # Panics
/// `range` lies outside of guest memory, or what it wants outside of the file.
pub fn map_file(
    memory: &GuestMemory,
    range: Range,
    file: FixedFile<'_>,
    offset: u64,
) -> io::Result<()> {
    assert!(range.start.is_multiple_of(PAGE_SIZE) && offset.is_multiple_of(PAGE_SIZE));
    let end = offset.checked_add(range.size);
    assert!(end.is_some_and(|end| end <= file.size_bytes), "the file has the pages");
    let size = range.size.next_multiple_of(PAGE_SIZE) as usize;
    let slice = memory.get_slice(GuestAddress(range.start), size).expect("the range is RAM");
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    #[expect(unsafe_code, reason = "the mapping takes the place of another one")]
    // SAFETY: (1) the pages replaced are whole ones inside of a region that `memory` owns, which
    // nothing refers to: guest memory is only reached by volatile copies. They keep the region's
    // protection, and go with it. (2) All pages are there for as long as the mapping is, for the
    // file does not change and has them, as was asserted.
    unsafe {
        let place = slice.ptr_guard_mut().as_ptr().cast();
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        rustix::mm::mmap(place, size, protection, flags, file.file, offset)?;
    }
    Ok(())
}

/// Asks for large pages behind `range`, which cost little more than a small one each. A wish: where
/// the host has none, memory comes in small pages.
pub fn prefer_large_pages(memory: &GuestMemory, range: Range) {
    let slice = memory.get_slice(GuestAddress(range.start), range.size as usize);
    let slice = slice.expect("the range is RAM");
    #[expect(unsafe_code, reason = "the call takes addresses")]
    // SAFETY: the advice changes what pages are made of, not what they hold, and the range belongs
    // to `memory`.
    let _ = unsafe {
        let place = slice.ptr_guard_mut().as_ptr().cast();
        rustix::mm::madvise(place, slice.len(), Advice::LinuxHugepage)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{memory_image, seal};
    use crate::layout::RamMap;
    use std::os::unix::fs::FileExt as _;
    use vm_memory::Bytes as _;

    fn sealed_file(bytes: &[u8]) -> File {
        let file = memory_image("test", 0).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        assert!(FixedFile::sealed(&file).is_none());
        seal(&file, "test").unwrap();
        file
    }

    #[test]
    fn a_mapped_file_is_read_and_not_written() {
        let memory = crate::memory::map(&RamMap::new(16).unwrap()).unwrap();
        memory.write_slice(&[1; 0x3000], GuestAddress(0x20_0000)).unwrap();
        let file = sealed_file(&[7; 0x1800]);
        let range = Range { start: 0x20_0000, size: 0x800 };
        map_file(&memory, range, FixedFile::sealed(&file).unwrap(), 0x1000).unwrap();
        let mut bytes = [0; 0x1001];
        memory.read_slice(&mut bytes, GuestAddress(0x20_0000)).unwrap();
        assert_eq!((bytes[0x7ff], bytes[0x800], bytes[0x1000]), (7, 0, 1));
        memory.write_slice(&[9], GuestAddress(0x20_0000)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 0x1000).unwrap();
        assert_eq!(byte, [7]);
    }

    #[test]
    #[should_panic(expected = "the file has the pages")]
    fn no_more_is_mapped_than_the_file_has() {
        let memory = crate::memory::map(&RamMap::new(16).unwrap()).unwrap();
        let file = sealed_file(&[7; 0x1800]);
        let range = Range { start: 0x20_0000, size: 0x801 };
        let _ = map_file(&memory, range, FixedFile::sealed(&file).unwrap(), 0x1000);
    }

    #[test]
    fn a_plain_file_may_change() {
        assert!(FixedFile::sealed(&tempfile::tempfile().unwrap()).is_none());
    }
}
