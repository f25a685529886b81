// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The stack that a program starts on: arguments, environment and auxiliary vector.
//!
//! Follows the System V ABI, x86-64 supplement, 3.4.1 (process initialization). Words go straight
//! into the stack's frames.

use super::deliver::STACK_USE_MAX;
use super::elf::Executable;
use super::limits::STACK_DEFAULT;
use crate::arch::{layout::PAGE_SIZE, paging::FaultAccess};
use crate::errno::Errno;
use crate::mm::address::{PhysAddr, UserAddr};
use crate::mm::frames::frames;
use crate::mm::user::UserMemory;
use seed_protocols::processor::{LEVEL_1, Word, bits};

/// End of the stack, as on Linux without ASLR.
pub(super) const STACK_TOP: u64 = 0x7fff_ffff_f000;

/// What arguments and environment may take: a quarter of the usual stack, as on Linux.
const STRINGS_MAX: usize = (STACK_DEFAULT / 4) as usize;

const AT_NULL: u64 = 0;
const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;
const AT_PAGESZ: u64 = 6;
const AT_BASE: u64 = 7;
const AT_FLAGS: u64 = 8;
const AT_ENTRY: u64 = 9;
const AT_UID: u64 = 11;
const AT_EUID: u64 = 12;
const AT_GID: u64 = 13;
const AT_EGID: u64 = 14;
const AT_PLATFORM: u64 = 15;
const AT_HWCAP: u64 = 16;
const AT_CLKTCK: u64 = 17;
const AT_SECURE: u64 = 23;
const AT_RANDOM: u64 = 25;
const AT_HWCAP2: u64 = 26;
const AT_EXECFN: u64 = 31;
const AT_MINSIGSTKSZ: u64 = 51;

/// CPUID leaf 1, EDX of the fixed profiles: the same for every run, whatever the processor has
/// beyond them.
const HARDWARE_CAPABILITIES: u64 = bits(Word::Basic, LEVEL_1) as u64;

/// Words in the auxiliary vector.
const AUXILIARY_WORDS: usize = 2 * 20;

/// The strings that a program is started with.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    /// Path that was asked for: of the program, or of a script that names it.
    pub path: &'a [u8],
    /// Its arguments, the name that it was called by included.
    pub arguments: &'a [&'a [u8]],
    /// Its environment, as `KEY=VALUE`.
    pub environment: &'a [&'a [u8]],
    /// Sixteen random bytes.
    pub random: [u8; 16],
}

/// Writes the stack; returns the stack pointer.
///
/// # Errors
/// `E2BIG`: arguments and environment are too large. `ENOMEM`.
pub(super) fn build(
    memory: &mut UserMemory<'_>,
    executable: &Executable,
    strings: &Strings<'_>,
) -> Result<UserAddr, Errno> {
    let lists = [strings.arguments, strings.environment];
    // Strings lie at the top. Their addresses follow from their lengths.
    let mut length = strings.path.len() + 1 + PLATFORM.len() + 1 + strings.random.len() + 1;
    for list in lists {
        for string in list {
            length += string.len() + 1;
        }
    }
    let words = strings.arguments.len() + strings.environment.len() + 3 + AUXILIARY_WORDS;
    if length + words * 8 > STRINGS_MAX {
        return Err(Errno::E2BIG);
    }
    let strings_start = (STACK_TOP - 8 - length as u64) & !15;
    let stack = (strings_start - words as u64 * 8) & !15;

    let mut writer = Writer::new(memory, UserAddr(stack));
    writer.word(strings.arguments.len() as u64)?;
    let mut next = strings_start;
    for list in lists {
        for string in list {
            writer.word(next)?;
            next += string.len() as u64 + 1;
        }
        writer.word(0)?;
    }
    let platform = next + strings.path.len() as u64 + 1;
    let random = platform + PLATFORM.len() as u64 + 1;
    writer.words(&auxiliary_vector(executable, &Addresses { path: next, platform, random }))?;
    writer.move_to(UserAddr(strings_start));
    for list in lists {
        for string in list {
            writer.string(string)?;
        }
    }
    writer.string(strings.path)?;
    writer.string(PLATFORM)?;
    writer.string(&strings.random)?;
    Ok(UserAddr(stack))
}

/// Writes upwards and looks a page up only when it begins.
struct Writer<'m, 'k> {
    memory: &'m mut UserMemory<'k>,
    at: UserAddr,
    /// Where the rest of the page lies, and how many bytes it has; none before it is looked up.
    physical: PhysAddr,
    room: u64,
}

impl<'m, 'k> Writer<'m, 'k> {
    fn new(memory: &'m mut UserMemory<'k>, at: UserAddr) -> Self {
        Self { memory, at, physical: PhysAddr(0), room: 0 }
    }

    /// Goes on at a higher address.
    fn move_to(&mut self, at: UserAddr) {
        let distance = at.0 - self.at.0;
        self.at = at;
        self.room = self.room.saturating_sub(distance);
        self.physical = self.physical.add(distance);
    }

    #[inline(always)]
    fn word(&mut self, word: u64) -> Result<(), Errno> {
        if self.room == 0 {
            self.look_up()?;
        }
        frames().write_word(self.physical, word);
        self.advance(8);
        Ok(())
    }

    /// Writes words; looks up no page for each of them.
    fn words(&mut self, words: &[u64]) -> Result<(), Errno> {
        let mut rest = words;
        while !rest.is_empty() {
            if self.room == 0 {
                self.look_up()?;
            }
            let (now, later) = rest.split_at(rest.len().min(self.room as usize / 8));
            for (place, &word) in (0..).step_by(8).zip(now) {
                frames().write_word(self.physical.add(place), word);
            }
            self.advance(now.len() as u64 * 8);
            rest = later;
        }
        Ok(())
    }

    /// Writes a string; the zero that ends it is there already, as the stack is fresh.
    #[inline]
    fn string(&mut self, string: &[u8]) -> Result<(), Errno> {
        let size = string.len() as u64 + 1;
        if size > self.room {
            return self.string_across_pages(string);
        }
        frames().write(self.physical, string);
        self.advance(size);
        Ok(())
    }

    #[inline(never)]
    fn string_across_pages(&mut self, string: &[u8]) -> Result<(), Errno> {
        let mut rest = string;
        while !rest.is_empty() {
            if self.room == 0 {
                self.look_up()?;
            }
            let room = usize::try_from(self.room).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(rest.len().min(room));
            frames().write(self.physical, now);
            self.advance(now.len() as u64);
            rest = later;
        }
        self.move_to(UserAddr(self.at.0 + 1));
        Ok(())
    }

    #[inline]
    fn advance(&mut self, bytes: u64) {
        self.at.0 += bytes;
        self.physical = self.physical.add(bytes);
        self.room -= bytes;
    }

    #[inline(never)]
    fn look_up(&mut self) -> Result<(), Errno> {
        let page = self.memory.page(self.at, FaultAccess::Write)?;
        self.physical = page.physical(self.at);
        self.room = PAGE_SIZE - self.at.page_offset();
        Ok(())
    }
}

/// Where the strings lie that the auxiliary vector names.
struct Addresses {
    path: u64,
    platform: u64,
    random: u64,
}

/// The auxiliary vector: types, and a value behind each.
#[rustfmt::skip]
fn auxiliary_vector(executable: &Executable, addresses: &Addresses) -> [u64; AUXILIARY_WORDS] {
    [
        AT_PHDR, executable.headers_address,
        AT_PHENT, Executable::HEADER_ENTRY_SIZE,
        AT_PHNUM, executable.nr_headers.into(),
        AT_PAGESZ, PAGE_SIZE,
        AT_BASE, 0,
        AT_FLAGS, 0,
        AT_ENTRY, executable.entry,
        AT_UID, 0,
        AT_EUID, 0,
        AT_GID, 0,
        AT_EGID, 0,
        AT_PLATFORM, addresses.platform,
        AT_HWCAP, HARDWARE_CAPABILITIES,
        AT_CLKTCK, 100,
        AT_SECURE, 0,
        AT_RANDOM, addresses.random,
        AT_HWCAP2, 0,
        AT_EXECFN, addresses.path,
        AT_MINSIGSTKSZ, STACK_USE_MAX,
        AT_NULL, 0,
    ]
}

/// Name of the processor family.
const PLATFORM: &[u8] = b"x86_64";
