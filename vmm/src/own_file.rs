// SPDX-License-Identifier: Apache-2.0 OR MIT

//! This program's own file, for what is embedded in it: where constants of the program lie there.
//!
//! By the program headers that the system left in memory (System V ABI, chapter 5; getauxval(3)).

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use crate::layout::PAGE_SIZE;

/// Where a constant lies in this program's file.
#[derive(Debug)]
pub struct Place {
    /// The program's file.
    pub file: File,
    /// Offset of the constant's first byte, a multiple of the page size.
    pub offset: u64,
}

/// Where `bytes` lie in this program's file, if they are a constant of it that starts at a page.
#[must_use]
pub fn locate(bytes: &[u8]) -> Option<Place> {
    let offset = offset_of(bytes)?;
    if !offset.is_multiple_of(PAGE_SIZE) {
        return None;
    }
    let file = File::open("/proc/self/exe").ok()?;
    // The file is another one where a dynamic loader was started by hand. Its first page, which
    // tells an image's parts and sizes, is enough to notice.
    let mut first_page = [0; PAGE_SIZE as usize];
    file.read_exact_at(&mut first_page, offset).ok()?;
    bytes.starts_with(&first_page).then_some(Place { file, offset })
}

/// The offset by the program header that covers `bytes`.
fn offset_of(bytes: &[u8]) -> Option<u64> {
    let headers = program_headers();
    let first = headers.first()?;
    let table = headers.iter().find(|header| header.p_type == libc::PT_PHDR)?;
    // Where the program lies in memory, less where its file says.
    let bias = (std::ptr::from_ref(first).addr() as u64).wrapping_sub(table.p_vaddr);
    let start = (bytes.as_ptr().addr() as u64).wrapping_sub(bias);
    let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    loaded.filter(|header| header.p_flags & libc::PF_W == 0).find_map(|header| {
        let offset = start.checked_sub(header.p_vaddr)?;
        let end = offset.checked_add(bytes.len() as u64)?;
        (end <= header.p_filesz).then(|| header.p_offset + offset)
    })
}

/// The program headers of this program.
fn program_headers() -> &'static [libc::Elf64_Phdr] {
    #[expect(unsafe_code, reason = "the system leaves them in memory, at an address it tells")]
    // SAFETY: getauxval has no conditions. For as long as the program runs the address that it
    // tells has so many headers, which nobody changes; where there is none, both are 0.
    unsafe {
        let count = libc::getauxval(libc::AT_PHNUM) as usize;
        let first = libc::getauxval(libc::AT_PHDR) as *const libc::Elf64_Phdr;
        if first.is_null() { &[] } else { std::slice::from_raw_parts(first, count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_image::EMBEDDED;

    #[test]
    fn the_embedded_kernel_is_found_in_the_file() {
        let Place { file, offset } = locate(EMBEDDED).unwrap();
        let mut bytes = vec![0; EMBEDDED.len()];
        file.read_exact_at(&mut bytes, offset).unwrap();
        assert!(bytes == EMBEDDED);
    }

    #[test]
    fn what_is_no_constant_is_not() {
        let copy = EMBEDDED.to_vec();
        assert!(locate(&copy).is_none());
        assert!(locate(&EMBEDDED[16..]).is_none());
    }
}
