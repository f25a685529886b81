// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The processor: its state at entry, and its exits in the words of this machine.
//!
//! The entry state is the one that PVH demands (Xen, `docs/misc/pvh.pandoc`): 32-bit protected mode
//! without paging, flat segments, `ebx` pointing to the start info.

use std::io;
use std::marker::PhantomData;

use kvm_bindings::{
    CpuId, KVM_INTERNAL_ERROR_DELIVERY_EV, KVM_INTERNAL_ERROR_EMULATION,
    KVM_INTERNAL_ERROR_SIMUL_EX, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, KVM_MP_STATE_HALTED,
    Msrs, kvm_dtable, kvm_lapic_state, kvm_msr_entry, kvm_regs, kvm_run, kvm_segment, kvm_sregs,
};
use kvm_ioctls::{VcpuExit, VcpuFd};

use super::vm::VmWithMemory;
use super::{Call, Error};
use crate::layout::START_INFO;
use crate::signals::immediate_exit::ImmediateExit;

/// Why the processor came back.
#[derive(Debug)]
pub(super) enum Exit<'a> {
    /// One or more writes of `width` bytes each to a port.
    Out { port: u16, width: usize, data: &'a [u8] },
    /// One or more reads of `width` bytes each from a port.
    In { port: u16, width: usize, data: &'a mut [u8] },
    /// A read at a guest-physical address without RAM.
    MmioRead { address: u64, data: &'a mut [u8] },
    /// A write at a guest-physical address without RAM.
    MmioWrite { address: u64, data: &'a [u8] },
    /// A signal came.
    Interrupted,
    /// The processor does not go on; the reason.
    Stopped(String),
}

/// The processor of a machine. It leaves the machine, and with it guest memory, in place.
#[derive(Debug)]
pub(super) struct Vcpu<'m> {
    // Dropped before `fd`, whose mapping it points into.
    immediate_exit: ImmediateExit,
    fd: VcpuFd,
    run: *const kvm_run,
    _memory: PhantomData<&'m ()>,
}

impl<'m> Vcpu<'m> {
    /// A processor that `cpuid` describes, about to execute the instruction at `entry`.
    ///
    /// # Errors
    /// KVM refuses.
    pub(super) fn create(vm: &VmWithMemory<'m>, cpuid: &CpuId, entry: u32) -> Result<Self, Error> {
        let mut fd = vm.fd.create_vcpu(0).call("KVM_CREATE_VCPU")?;
        fd.set_cpuid2(cpuid).call("KVM_SET_CPUID2")?;
        let mut sregs = fd.get_sregs().call("KVM_GET_SREGS")?;
        enter_protected_mode(&mut sregs);
        fd.set_sregs(&sregs).call("KVM_SET_SREGS")?;
        fd.set_regs(&entry_registers(entry)).call("KVM_SET_REGS")?;
        let run: *mut kvm_run = fd.get_kvm_run();
        #[expect(unsafe_code, reason = "signal handlers write into the mapping of the vCPU")]
        // SAFETY: (1) `run` points to the mapping that `fd` owns, and the field order of this type
        // has the registration dropped before `fd`. (2) kvm-ioctls touches the byte only in a
        // method that is not called here, so only this thread's signal handlers and the kernel do.
        let immediate_exit = unsafe { ImmediateExit::register(&raw mut (*run).immediate_exit) };
        Ok(Self { immediate_exit, fd, run, _memory: PhantomData })
    }

    /// Runs the guest until it needs the monitor.
    ///
    /// # Errors
    /// KVM fails.
    pub(super) fn run(&mut self) -> io::Result<Exit<'_>> {
        let run = self.run;
        Ok(match self.fd.run() {
            Ok(VcpuExit::IoOut(port, data)) => Exit::Out { port, width: io_width(run), data },
            Ok(VcpuExit::IoIn(port, data)) => Exit::In { port, width: io_width(run), data },
            Ok(VcpuExit::MmioRead(address, data)) => Exit::MmioRead { address, data },
            Ok(VcpuExit::MmioWrite(address, data)) => Exit::MmioWrite { address, data },
            Ok(VcpuExit::Intr) => Exit::Interrupted,
            Ok(VcpuExit::InternalError) => Exit::Stopped(internal_error(run)),
            Ok(other) => Exit::Stopped(reason(&other)),
            Err(error) => match error.errno() {
                libc::EINTR | libc::EAGAIN => {
                    self.immediate_exit.acknowledge();
                    Exit::Interrupted
                }
                _ => return Err(error.into()),
            },
        })
    }

    /// Whether the processor has halted and nothing is left that could wake it: there is no
    /// interrupt but that of the local APIC's timer, and it is off or not listened to.
    ///
    /// # Errors
    /// KVM does not tell.
    pub(super) fn is_halted_for_good(&self) -> io::Result<bool> {
        if self.fd.get_mp_state()?.mp_state != KVM_MP_STATE_HALTED {
            return Ok(false);
        }
        let listens = self.fd.get_regs()?.rflags & RFLAGS_INTERRUPT != 0;
        Ok(!listens || !is_timer_on(&self.fd.get_lapic()?))
    }

    /// Where the processor stands: instruction pointer and the registers that tell its mode.
    pub(super) fn position(&self) -> Option<String> {
        let (regs, sregs) = (self.fd.get_regs().ok()?, self.fd.get_sregs().ok()?);
        Some(format!(
            "rip {:#x}, cs {:#x}, rsp {:#x}, cr0 {:#x}, cr2 {:#x}, cr3 {:#x}",
            regs.rip, sregs.cs.selector, regs.rsp, sregs.cr0, sregs.cr2, sregs.cr3
        ))
    }

    /// The guest's time stamp counter and its frequency in kHz.
    pub(super) fn time_stamp(&self) -> Option<(u64, u64)> {
        let entry = kvm_msr_entry { index: MSR_TSC, ..Default::default() };
        let mut msrs = Msrs::from_entries(&[entry]).ok()?;
        let khz = u64::from(self.fd.get_tsc_khz().ok()?);
        let count = self.fd.get_msrs(&mut msrs).ok()?;
        (count == 1 && khz > 0).then(|| (msrs.as_slice()[0].data, khz))
    }
}

/// IA32_TIME_STAMP_COUNTER (SDM volume 4, table 2-2).
const MSR_TSC: u32 = 0x10;

/// Whether a local APIC's timer counts and interrupts (SDM volume 3, 10.5.4).
fn is_timer_on(apic: &kvm_lapic_state) -> bool {
    const LVT_TIMER: usize = 0x320;
    const LVT_MASKED: u32 = 1 << 16;
    /// Mode: once, periodic, or at a value of the time stamp counter.
    const LVT_MODE: u32 = 0b11 << 17;
    const LVT_ONCE: u32 = 0;
    const LVT_PERIODIC: u32 = 1 << 17;
    const INITIAL_COUNT: usize = 0x380;
    const CURRENT_COUNT: usize = 0x390;
    let register = |offset: usize| {
        let bytes: [_; 4] = std::array::from_fn(|index| apic.regs[offset + index].cast_unsigned());
        u32::from_le_bytes(bytes)
    };
    let is_counting = match register(LVT_TIMER) & LVT_MODE {
        LVT_ONCE => register(CURRENT_COUNT) != 0,
        LVT_PERIODIC => register(INITIAL_COUNT) != 0,
        // It may be on, and is not ours to announce.
        _ => true,
    };
    is_counting && register(LVT_TIMER) & LVT_MASKED == 0
}

/// Bytes that one port access of the exit in `run` moves.
fn io_width(run: *const kvm_run) -> usize {
    #[expect(unsafe_code, reason = "kvm-ioctls gives the data without the width")]
    // SAFETY: `run` points to the vCPU's mapping, which `Vcpu` keeps; only KVM writes this field,
    // and not before the next `KVM_RUN`. It is a byte, for which every value is one.
    let width = unsafe { (&raw const (*run).__bindgen_anon_1.io.size).read_volatile() };
    usize::from(width).max(1)
}

/// KVM's own words on an internal error: the suberror, and its data in hexadecimal.
fn internal_error(run: *const kvm_run) -> String {
    #[expect(unsafe_code, reason = "kvm-ioctls gives the exit without its details")]
    // SAFETY: as in `io_width`; the structure is plain data for which every value is one.
    let details = unsafe { (&raw const (*run).__bindgen_anon_1.internal).read_volatile() };
    let data = details.data.iter().take(details.ndata as usize);
    let words: Vec<_> = data.map(|word| format!("{word:#x}")).collect();
    let meaning = match details.suberror {
        KVM_INTERNAL_ERROR_EMULATION => "cannot emulate an instruction",
        KVM_INTERNAL_ERROR_SIMUL_EX => "simultaneous exceptions",
        KVM_INTERNAL_ERROR_DELIVERY_EV => "exit during the delivery of an event",
        KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON => "unexpected exit reason",
        _ => "unknown suberror",
    };
    format!(
        "KVM internal error, suberror {} ({meaning}), data [{}]",
        details.suberror,
        words.join(" ")
    )
}

fn reason(exit: &VcpuExit<'_>) -> String {
    match exit {
        VcpuExit::Shutdown => "triple fault".to_owned(),
        VcpuExit::FailEntry(reason, _) => {
            format!("the processor refused the guest's state, hardware reason {reason:#x}")
        }
        VcpuExit::SystemEvent(kind, _) => format!("system event {kind}"),
        other => format!("unexpected exit from KVM: {other:?}"),
    }
}

/// Selectors that the entry state carries; nothing stands behind them before the guest loads its
/// own.
mod selector {
    pub(super) const CODE: u16 = 0x08;
    pub(super) const DATA: u16 = 0x10;
    pub(super) const TASK: u16 = 0x18;
}

/// Segment types (SDM volume 3, 3.4.5.1 and 3.5): both kinds accessed, the task state busy.
mod segment_type {
    pub(super) const CODE_READABLE_ACCESSED: u8 = 0xb;
    pub(super) const DATA_WRITABLE_ACCESSED: u8 = 0x3;
    pub(super) const TASK_STATE_32_BUSY: u8 = 0xb;
}

const CR0_PROTECTION: u64 = 1 << 0;
/// Always set on processors with a built-in FPU.
const CR0_EXTENSION_TYPE: u64 = 1 << 4;
/// Always set.
const RFLAGS_RESERVED: u64 = 1 << 1;
const RFLAGS_INTERRUPT: u64 = 1 << 9;
const TASK_STATE_32_LIMIT: u32 = 0x67;

/// PVH: "cr0: bit 0 (PE) must be set, all other writable bits clear"; "cr4: all bits clear"; cs,
/// ds, es, ss flat with a limit of 4 GiB; tr a 32-bit TSS, base 0, limit 0x67. The rest is as after
/// reset.
fn enter_protected_mode(sregs: &mut kvm_sregs) {
    let flat = |selector, type_| kvm_segment {
        base: 0,
        limit: u32::MAX,
        selector,
        type_,
        present: 1,
        db: 1,
        s: 1,
        g: 1,
        ..Default::default()
    };
    let data = flat(selector::DATA, segment_type::DATA_WRITABLE_ACCESSED);
    sregs.cs = flat(selector::CODE, segment_type::CODE_READABLE_ACCESSED);
    (sregs.ds, sregs.es, sregs.fs, sregs.gs, sregs.ss) = (data, data, data, data, data);
    sregs.tr = kvm_segment {
        limit: TASK_STATE_32_LIMIT,
        selector: selector::TASK,
        type_: segment_type::TASK_STATE_32_BUSY,
        present: 1,
        ..Default::default()
    };
    (sregs.gdt, sregs.idt) = (kvm_dtable::default(), kvm_dtable::default());
    sregs.cr0 = CR0_PROTECTION | CR0_EXTENSION_TYPE;
    (sregs.cr3, sregs.cr4, sregs.efer) = (0, 0, 0);
}

/// PVH: `ebx` points to the start info, `eflags` has VM, IF and TF clear.
fn entry_registers(entry: u32) -> kvm_regs {
    kvm_regs { rip: entry.into(), rbx: START_INFO, rflags: RFLAGS_RESERVED, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_state_is_the_one_that_pvh_demands() {
        let mut sregs = kvm_sregs { cr3: 1, cr4: 1, efer: 1, ..Default::default() };
        enter_protected_mode(&mut sregs);
        assert_eq!((sregs.cr0, sregs.cr3, sregs.cr4, sregs.efer), (0x11, 0, 0, 0));
        for segment in [sregs.cs, sregs.ds, sregs.es, sregs.ss] {
            assert_eq!(
                (segment.base, segment.limit, segment.g, segment.db),
                (0, 0xffff_ffff, 1, 1)
            );
            assert_eq!((segment.l, segment.dpl, segment.present, segment.s), (0, 0, 1, 1));
        }
        assert_eq!((sregs.cs.type_, sregs.ds.type_, sregs.tr.type_), (0xb, 0x3, 0xb));
        assert_eq!((sregs.tr.base, sregs.tr.limit, sregs.tr.s), (0, 0x67, 0));
        let regs = entry_registers(0x10_0000);
        assert_eq!((regs.rip, regs.rbx, regs.rflags), (0x10_0000, 0x1000, 2));
    }
}
