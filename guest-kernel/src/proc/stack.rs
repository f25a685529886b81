// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The stack that a program starts on: arguments, environment and auxiliary vector.
//!
//! Follows the System V ABI, x86-64 supplement, 3.4.1 (process initialization). Words go straight
//! into the stack's frames.

use super::elf::Executable;
use crate::arch::{layout::PAGE_SIZE, paging::FaultAccess};
use crate::errno::Errno;
use crate::mm::address::{PhysAddr, UserAddr};
use crate::mm::frames::frames;
use crate::mm::user::UserMemory;

/// End of the stack, as on Linux without ASLR.
pub(super) const STACK_TOP: u64 = 0x7fff_ffff_f000;

/// Size of the stack: Linux's default `RLIMIT_STACK`.
pub(super) const STACK_SIZE: u64 = 8 << 20;

/// What arguments and environment may take: a quarter of the stack, as on Linux.
const STRINGS_MAX: usize = (STACK_SIZE / 4) as usize;

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

/// CPUID leaf 1, EDX of an x86-64 processor's basic features: the same for every run, whatever the
/// processor has beyond them.
const HARDWARE_CAPABILITIES: u64 = 0x0789_fbff;

/// Words in the auxiliary vector.
const AUXILIARY_WORDS: usize = 2 * 20;

/// Size in bytes of the frame that a signal may need: the x87 and SSE state and the context.
const SIGNAL_STACK_MIN: u64 = 2048;

/// The strings that a program is started with.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    /// Path of the program.
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
    // Strings lie at the top. Their addresses follow from their lengths.
    let all = || strings.arguments.iter().chain(strings.environment);
    let length: usize = all().map(|string| string.len() + 1).sum::<usize>()
        + strings.path.len()
        + PLATFORM.len()
        + strings.random.len()
        + 3;
    let words = strings.arguments.len() + strings.environment.len() + 3 + AUXILIARY_WORDS;
    if length + words * 8 > STRINGS_MAX {
        return Err(Errno::E2BIG);
    }
    let strings_start = (STACK_TOP - 8 - length as u64) & !15;
    let stack = (strings_start - words as u64 * 8) & !15;

    let mut writer = Writer { memory, at: UserAddr(stack), physical: PhysAddr(0) };
    writer.word(strings.arguments.len() as u64)?;
    let mut next = strings_start;
    for list in [strings.arguments, strings.environment] {
        for string in list {
            writer.word(next)?;
            next += string.len() as u64 + 1;
        }
        writer.word(0)?;
    }
    let (path, platform) = (next, next + strings.path.len() as u64 + 1);
    let random = platform + PLATFORM.len() as u64 + 1;
    writer.auxiliary(executable, path, platform, random)?;
    // The zeros that end the strings are there already: the stack is fresh.
    let mut at = UserAddr(strings_start);
    for string in all().copied().chain([strings.path, PLATFORM, &strings.random]) {
        memory.write(at, string)?;
        at.0 += string.len() as u64 + 1;
    }
    Ok(UserAddr(stack))
}

/// Writes words upwards and looks the page up only when one begins.
struct Writer<'m, 'k> {
    memory: &'m mut UserMemory<'k>,
    at: UserAddr,
    physical: PhysAddr,
}

impl Writer<'_, '_> {
    #[inline]
    fn word(&mut self, word: u64) -> Result<(), Errno> {
        if self.physical.0.is_multiple_of(PAGE_SIZE) {
            let memory = &mut *self.memory;
            let page = memory.space.page(memory.fs, self.at, FaultAccess::Write)?;
            self.physical = page.physical(self.at);
        }
        frames().write_word(self.physical, word);
        self.at.0 += 8;
        self.physical = self.physical.add(8);
        Ok(())
    }

    fn auxiliary(
        &mut self,
        executable: &Executable,
        path: u64,
        platform: u64,
        random: u64,
    ) -> Result<(), Errno> {
        let vector: [u64; AUXILIARY_WORDS] = [
            AT_PHDR,
            executable.headers_address,
            AT_PHENT,
            Executable::HEADER_ENTRY_SIZE,
            AT_PHNUM,
            executable.nr_headers.into(),
            AT_PAGESZ,
            PAGE_SIZE,
            AT_BASE,
            0,
            AT_FLAGS,
            0,
            AT_ENTRY,
            executable.entry,
            AT_UID,
            0,
            AT_EUID,
            0,
            AT_GID,
            0,
            AT_EGID,
            0,
            AT_PLATFORM,
            platform,
            AT_HWCAP,
            HARDWARE_CAPABILITIES,
            AT_CLKTCK,
            100,
            AT_SECURE,
            0,
            AT_RANDOM,
            random,
            AT_HWCAP2,
            0,
            AT_EXECFN,
            path,
            AT_MINSIGSTKSZ,
            SIGNAL_STACK_MIN,
            AT_NULL,
            0,
        ];
        vector.into_iter().try_for_each(|word| self.word(word))
    }
}

/// Name of the processor family.
const PLATFORM: &[u8] = b"x86_64";
