// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The kernel's record: figures that it leaves in its memory for a monitor that can look there.
//!
//! A note of the kernel image ([`NOTE_NAME`], [`NOTE_RECORD`]) holds the record's 64-bit physical
//! address. Writing a word costs the kernel one store and no exit. Nothing but the report depends
//! on it: a backend that cannot read guest memory reports these figures as absent.

/// Owner name of the note, with its terminating zero.
pub const NOTE_NAME: &[u8; 8] = b"seedvmm\0";

/// Type of the note that holds the record's physical address (64 bits, little endian).
pub const NOTE_RECORD: u32 = 1;

/// The record: 64-bit little-endian words, 0 until the kernel has something to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// Time stamp counter at kernel entry.
    pub entered_tsc: u64,
    /// Time stamp counter just before the first user instruction.
    pub first_user_tsc: u64,
    /// Time stamp counter when the first program had ended.
    pub ended_tsc: u64,
    /// System calls served.
    pub system_calls: u64,
    /// System calls answered with `ENOSYS`.
    pub missing_calls: u64,
    /// Page faults served for programs.
    pub page_faults: u64,
    /// Times that a process was interrupted because it computed for long without a system call.
    pub interruptions: u64,
}

impl Record {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// Reads a record from guest memory's bytes.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::SIZE]) -> Self {
        let word =
            |index: usize| u64::from_le_bytes(core::array::from_fn(|i| bytes[index * 8 + i]));
        Self {
            entered_tsc: word(0),
            first_user_tsc: word(1),
            ended_tsc: word(2),
            system_calls: word(3),
            missing_calls: word(4),
            page_faults: word(5),
            interruptions: word(6),
        }
    }
}

const _: () = assert!(size_of::<Record>() == Record::SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_declaration_order() {
        let mut bytes = [0; Record::SIZE];
        bytes[8] = 5;
        bytes[40] = 9;
        let expected = Record { first_user_tsc: 5, page_faults: 9, ..Record::default() };
        assert_eq!(Record::parse(&bytes), expected);
    }
}
