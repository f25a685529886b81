// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The virtual machine: opening KVM, and guest memory in its slots.
//!
//! Of interrupt controllers there is the processor's own, the local APIC, for its timer; nothing is
//! connected to it. The driver polls, so there are no others and no event file descriptor, each of
//! which adds milliseconds to the process's end on some hosts.

use std::marker::PhantomData;

use kvm_bindings::{
    KVM_API_VERSION, KVM_CAP_SPLIT_IRQCHIP, kvm_enable_cap, kvm_userspace_memory_region,
};
use kvm_ioctls::{Kvm, VmFd};
use vm_memory::{Address as _, GuestMemoryBackend as _, GuestMemoryRegion as _};

use super::{Call, Error, Unusable};
use crate::layout::KVM_TSS;
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

    /// Gives the machine its RAM.
    ///
    /// `memory` is borrowed for as long as the machine exists.
    ///
    /// # Errors
    /// KVM refuses.
    pub(super) fn with_memory(self, memory: &GuestMemory) -> Result<VmWithMemory<'_>, Error> {
        // Intel hosts that cannot run unpaged code natively keep a task state segment in guest
        // memory, and must be told where. Others ignore it.
        self.fd.set_tss_address(KVM_TSS as usize).call("KVM_SET_TSS_ADDR")?;
        // Local APIC only. A processor without one would also be slower to make: KVM then changes
        // its own code for it.
        let local_apic = kvm_enable_cap { cap: KVM_CAP_SPLIT_IRQCHIP, ..Default::default() };
        self.fd.enable_cap(&local_apic).call("KVM_ENABLE_CAP(KVM_CAP_SPLIT_IRQCHIP)")?;
        for (slot, region) in memory.iter().enumerate() {
            let region = kvm_userspace_memory_region {
                slot: slot as u32,
                flags: 0,
                guest_phys_addr: region.start_addr().raw_value(),
                memory_size: region.len(),
                userspace_addr: region.as_ptr() as u64,
            };
            #[expect(unsafe_code, reason = "the call gives the guest access to host memory")]
            // SAFETY: (1) the range is a whole region of `memory`, mapped for reading and writing,
            // and stays mapped while the machine exists, for `VmWithMemory` borrows `memory`.
            // (2) Slots do not overlap, for the regions of a `GuestMemoryMmap` do not. (3) What the
            // guest writes is only ever read by vm-memory's volatile copies, never by reference.
            unsafe { self.fd.set_user_memory_region(region) }.call("KVM_SET_USER_MEMORY_REGION")?;
        }
        Ok(VmWithMemory { fd: self.fd, _memory: PhantomData })
    }
}

/// A virtual machine that has its RAM.
#[derive(Debug)]
pub(super) struct VmWithMemory<'m> {
    /// KVM's handle.
    pub(super) fd: VmFd,
    /// The RAM is borrowed for as long as the guest can reach it.
    _memory: PhantomData<&'m GuestMemory>,
}
