// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The virtual machine: opening KVM, and guest memory in its slots.
//!
//! Of interrupt controllers there is the processor's own, the local APIC, for its timer; nothing is
//! connected to it. The driver polls, so there are no others and no event file descriptor, each of
//! which adds milliseconds to the process's end on some hosts.

use kvm_bindings::{
    KVM_API_VERSION, KVM_CAP_SPLIT_IRQCHIP, kvm_enable_cap, kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};
use vm_memory::{Address as _, GuestAddress, GuestMemoryBackend as _, GuestMemoryRegion as _};

use super::{Call, Error, Unusable};
use crate::layout::{KVM_TSS, Range};
use crate::memory::GuestMemory;

/// A virtual machine without memory or processor.
#[derive(Debug)]
pub struct Vm {
    kvm: Kvm,
    fd: VmFd,
}

impl Vm {
    /// Opens KVM and makes a machine.
    ///
    /// # Errors
    /// This host has no KVM that the caller may use.
    pub fn create() -> Result<Self, Unusable> {
        let kvm = Kvm::new().map_err(|error| Unusable::Open(error.into()))?;
        let version = kvm.get_api_version();
        if version.cast_unsigned() != KVM_API_VERSION {
            return Err(Unusable::ApiVersion(version));
        }
        let fd = kvm.create_vm().map_err(|error| Unusable::Create(error.into()))?;
        Ok(Self { kvm, fd })
    }

    /// KVM itself.
    pub(super) const fn kvm(&self) -> &Kvm {
        &self.kvm
    }

    /// Gives the machine its RAM: what lies below `early_end` now, the rest when it is asked for. To
    /// register memory takes time that grows with it, on hosts without paging by hardware.
    ///
    /// `memory` is borrowed for as long as the machine exists.
    ///
    /// # Errors
    /// KVM refuses.
    pub(super) fn with_memory(
        self,
        memory: &GuestMemory,
        early_end: u64,
    ) -> Result<VmWithMemory<'_>, Error> {
        // Intel hosts that cannot run unpaged code natively keep a task state segment in guest
        // memory, and must be told where. Others ignore it.
        self.fd.set_tss_address(KVM_TSS as usize).call("KVM_SET_TSS_ADDR")?;
        // Local APIC only. A processor without one would also be slower to make: KVM then changes
        // its own code for it.
        let local_apic = kvm_enable_cap { cap: KVM_CAP_SPLIT_IRQCHIP, ..Default::default() };
        self.fd.enable_cap(&local_apic).call("KVM_ENABLE_CAP(KVM_CAP_SPLIT_IRQCHIP)")?;
        let mut vm = VmWithMemory { fd: self.fd, memory, nr_slots: 0, later: Vec::new() };
        for region in memory.iter() {
            let (start, size) = (region.start_addr().raw_value(), region.len());
            let early = early_end.saturating_sub(start).min(size);
            vm.register(Range { start, size: early })?;
            vm.later.push(Range { start: start + early, size: size - early });
        }
        Ok(vm)
    }
}

/// A virtual machine that has its RAM.
#[derive(Debug)]
pub(super) struct VmWithMemory<'m> {
    /// KVM's handle.
    pub(super) fd: VmFd,
    /// The RAM, borrowed for as long as the guest can reach it.
    memory: &'m GuestMemory,
    nr_slots: u32,
    /// Ranges that the guest cannot reach yet.
    later: Vec<Range>,
}

impl VmWithMemory<'_> {
    /// Gives the machine the rest of its RAM.
    ///
    /// # Errors
    /// KVM refuses.
    pub(super) fn register_rest(&mut self) -> Result<(), Error> {
        std::mem::take(&mut self.later).into_iter().try_for_each(|range| self.register(range))
    }

    /// Whether RAM lies at `address` that the guest cannot reach yet.
    pub(super) fn is_later(&self, address: u64) -> bool {
        self.later.iter().any(|range| range.contains(Range { start: address, size: 1 }))
    }

    fn register(&mut self, range: Range) -> Result<(), Error> {
        if range.size == 0 {
            return Ok(());
        }
        let slice = self.memory.get_slice(GuestAddress(range.start), range.size as usize);
        let slice = slice.expect("the range is RAM");
        let region = kvm_userspace_memory_region {
            slot: self.nr_slots,
            flags: 0,
            guest_phys_addr: range.start,
            memory_size: range.size,
            userspace_addr: slice.ptr_guard_mut().as_ptr() as u64,
        };
        #[expect(unsafe_code, reason = "the call gives the guest access to host memory")]
        // SAFETY: (1) the range lies in a region of `memory`, mapped for reading and writing, and
        // stays mapped while the machine exists, for `VmWithMemory` borrows `memory`. (2) Slots do
        // not overlap, for the regions of a `GuestMemoryMmap` do not, and each part of one is
        // registered once. (3) What the guest writes is only ever read by vm-memory's volatile
        // copies, never by reference.
        unsafe { self.fd.set_user_memory_region(region) }.call("KVM_SET_USER_MEMORY_REGION")?;
        self.nr_slots += 1;
        Ok(())
    }
}
