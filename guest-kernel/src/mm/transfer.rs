// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Copies between files and programs, from the memory of one to that of the other.

use super::address::{Frame, PhysAddr};
use super::user::Ranges;
use crate::arch::bulk;
use crate::fs::{Segment, Segments};

/// Copies a file's bytes into a program's; as many as the shorter of both has.
pub fn read(file: Segments<'_>, program: &Ranges) {
    pair(file, program, |segment, range, len| match segment {
        Segment::Memory(from, _) => bulk::copy(range, from, len),
        Segment::Hole(_) => bulk::zero(range, len),
    });
}

/// Copies a program's bytes into a file's, which has been made ready for them.
pub fn write(file: Segments<'_>, program: &Ranges) {
    pair(file, program, |segment, range, len| match segment {
        Segment::Memory(to, _) => bulk::copy(to, range, len),
        Segment::Hole(_) => unreachable!("a range made ready for writing has no holes"),
    });
}

/// Copies pieces of memory into a program's bytes.
pub fn read_pieces(pieces: &[(PhysAddr, u64)], program: &Ranges) {
    pair(segments(pieces), program, |segment, range, len| {
        if let Segment::Memory(from, _) = segment {
            bulk::copy(range, from, len);
        }
    });
}

/// Copies a program's bytes into pieces of memory.
pub fn write_pieces(pieces: &[(PhysAddr, u64)], program: &Ranges) {
    pair(segments(pieces), program, |segment, range, len| {
        if let Segment::Memory(to, _) = segment {
            bulk::copy(to, range, len);
        }
    });
}

/// Copies bytes from one place of the kernel's to another, which has no holes; as many as the
/// shorter of both has.
pub fn between(from: impl Iterator<Item = Segment>, mut to: impl Iterator<Item = Segment>) {
    let mut target = (PhysAddr(0), 0);
    for mut segment in from {
        while segment.len() > 0 {
            if target.1 == 0 {
                match to.next() {
                    Some(Segment::Memory(start, len)) => target = (start, len),
                    Some(Segment::Hole(_)) => {
                        unreachable!("a range made ready for writing has no holes")
                    }
                    None => return,
                }
                continue;
            }
            let len = segment.len().min(target.1);
            match segment {
                Segment::Memory(start, _) => bulk::copy(target.0, start, len),
                Segment::Hole(_) => bulk::zero(target.0, len),
            }
            target = (target.0.add(len), target.1 - len);
            segment = segment.behind(len);
        }
    }
}

fn segments(pieces: &[(PhysAddr, u64)]) -> impl Iterator<Item = Segment> {
    pieces.iter().map(|&(start, len)| Segment::Memory(start, len))
}

/// Clears a program's bytes.
pub fn zero(program: &Ranges) {
    for &(start, len) in program.as_slice() {
        bulk::zero(start, len);
    }
}

/// Copies the start of a frame into a program's bytes.
pub fn from_frame(frame: Frame, program: &Ranges) {
    let mut from = frame.start();
    for &(start, len) in program.as_slice() {
        bulk::copy(start, from, len);
        from = from.add(len);
    }
}

/// Copies a program's bytes to the start of a frame.
pub fn to_frame(program: &Ranges, frame: Frame) {
    let mut to = frame.start();
    for &(start, len) in program.as_slice() {
        bulk::copy(to, start, len);
        to = to.add(len);
    }
}

/// Calls `copy` for each run of bytes that is in one piece on both sides.
#[inline]
fn pair(
    file: impl Iterator<Item = Segment>,
    program: &Ranges,
    mut copy: impl FnMut(Segment, PhysAddr, u64),
) {
    let mut ranges = program.as_slice().iter().copied();
    let mut range = (PhysAddr(0), 0);
    for segment in file {
        let mut rest = segment;
        while rest.len() > 0 {
            if range.1 == 0 {
                match ranges.next() {
                    Some(next) => range = next,
                    None => return,
                }
            }
            let len = rest.len().min(range.1);
            copy(rest, range.0, len);
            range = (range.0.add(len), range.1 - len);
            rest = rest.behind(len);
        }
    }
}
