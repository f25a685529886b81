// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The processor's local APIC, of which only the timer is used (Intel SDM volume 3, chapter 10).
//!
//! Its interrupt reaches programs, and the kernel where it has halted; else that runs with interrupts
//! off.

use super::port;
use super::trap::{SPURIOUS_VECTOR, TIMER_VECTOR};
use seed_protocols::machine::LOCAL_APIC;

const END_OF_INTERRUPT: u64 = 0xb0;
const SPURIOUS_INTERRUPT: u64 = 0xf0;
const LVT_TIMER: u64 = 0x320;
const INITIAL_COUNT: u64 = 0x380;
const CURRENT_COUNT: u64 = 0x390;
const DIVIDE_CONFIGURATION: u64 = 0x3e0;

/// Spurious-interrupt register: the APIC is on.
const SOFTWARE_ENABLE: u32 = 1 << 8;

/// Timer's vector table entry: it starts again whenever it has counted down.
const PERIODIC: u32 = 1 << 17;

/// Divide configuration: each cycle counts.
const DIVIDE_BY_1: u32 = 0b1011;

/// Nanoseconds of one count. KVM and QEMU's TCG both give the timer a clock of 1 GHz.
const NS_PER_COUNT: u64 = 1;

/// Has the timer interrupt programs each `interval_ns` nanoseconds, at most 4 seconds.
pub fn start_timer(interval_ns: u64) {
    let count = u32::try_from(interval_ns / NS_PER_COUNT).unwrap_or(u32::MAX);
    write(SPURIOUS_INTERRUPT, SOFTWARE_ENABLE | u32::from(SPURIOUS_VECTOR));
    write(LVT_TIMER, PERIODIC | u32::from(TIMER_VECTOR));
    write(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
    write(INITIAL_COUNT, count);
}

/// Stops the timer.
pub fn stop_timer() {
    write(INITIAL_COUNT, 0);
}

/// What the timer has still to count down.
#[must_use]
pub fn current_count() -> u32 {
    // SAFETY: reading the count has no effect.
    unsafe { port::read_register(LOCAL_APIC + CURRENT_COUNT) }
}

/// Says that the interrupt at hand is served, so that the next one can come.
pub fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

fn write(register: u64, value: u32) {
    // SAFETY: these registers of the APIC concern interrupts, whose gates exist; none has an
    // effect on memory.
    unsafe { port::write_register(LOCAL_APIC + register, value) }
}
