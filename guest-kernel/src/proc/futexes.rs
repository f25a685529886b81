// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Processes that wait on a word of memory: `futex(2)`.
//!
//! A word is known by its physical address, which is the same for all who share the memory. Memory
//! of one process's own has nobody else who could wake it.

use crate::mm::address::PhysAddr;
use alloc::vec::Vec;

/// A process that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    word: PhysAddr,
    /// A wake-up reaches it if the two have a bit in common.
    bits: u32,
    pid: u32,
}

/// Who waits, in the order in which they came.
#[derive(Debug, Default)]
pub struct Futexes(Vec<Waiting>);

impl Futexes {
    /// Notes a process that waits.
    pub fn add(&mut self, word: PhysAddr, bits: u32, pid: u32) {
        self.0.push(Waiting { word, bits, pid });
    }

    /// Whether a process still waits.
    #[must_use]
    pub fn has(&self, pid: u32) -> bool {
        self.0.iter().any(|waiting| waiting.pid == pid)
    }

    /// Takes a process out.
    pub fn remove(&mut self, pid: u32) {
        self.0.retain(|waiting| waiting.pid != pid);
    }

    /// Takes out the first `count` that wait on a word.
    pub fn take(&mut self, word: PhysAddr, bits: u32, count: u32) -> Vec<u32> {
        let mut taken = Vec::new();
        self.0.retain(|waiting| {
            let is_taken =
                waiting.word == word && waiting.bits & bits != 0 && taken.len() < count as usize;
            if is_taken {
                taken.push(waiting.pid);
            }
            !is_taken
        });
        taken
    }

    /// Makes the first `count` that wait on a word wait on another one; returns how many there were.
    pub fn requeue(&mut self, from: PhysAddr, to: PhysAddr, count: u32) -> u32 {
        let mut moved = 0;
        for waiting in self.0.iter_mut().filter(|waiting| waiting.word == from) {
            if moved == count {
                break;
            }
            waiting.word = to;
            moved += 1;
        }
        moved
    }
}
