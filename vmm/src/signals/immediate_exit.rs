// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The byte of a vCPU that makes `KVM_RUN` return at once, so that a signal that comes just before
//! that call is not lost (KVM API, 4.10 and 5).

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

// A constant without a destructor, so that a handler's access is a plain one: nothing is allocated
// or registered at first use. Signals are sent to the thread whose vCPU they are for.
thread_local! {
    static BYTE: AtomicPtr<u8> = const { AtomicPtr::new(ptr::null_mut()) };
}

/// Registration of a vCPU's `immediate_exit` for this thread; undone when dropped.
#[derive(Debug)]
pub struct ImmediateExit(PhantomData<*const ()>);

impl ImmediateExit {
    /// Has the signal handlers of this module write to `byte`.
    ///
    /// # Safety
    /// `byte` stays valid for writes until the value returned is dropped, and whoever else accesses
    /// it is the kernel or this thread.
    #[must_use]
    #[expect(unsafe_code, reason = "the handler writes through the pointer later")]
    pub unsafe fn register(byte: *mut u8) -> Self {
        BYTE.with(|registered| registered.store(byte, Ordering::SeqCst));
        Self(PhantomData)
    }

    /// Takes back what was requested: the caller is about to look at the reasons.
    pub fn acknowledge(&self) {
        write(0);
    }
}

impl Drop for ImmediateExit {
    fn drop(&mut self) {
        BYTE.with(|registered| registered.store(ptr::null_mut(), Ordering::SeqCst));
    }
}

/// Makes this thread's next `KVM_RUN` return at once. For signal handlers: it touches an atomic and
/// one byte (signal-safety(7)).
pub(super) fn request() {
    write(1);
}

#[expect(unsafe_code, reason = "the byte lies in the mapping of the vCPU")]
fn write(value: u8) {
    let byte = BYTE.with(|byte| byte.load(Ordering::SeqCst));
    if !byte.is_null() {
        // SAFETY: `register` had its caller promise that the byte is valid while it is registered,
        // and this is the thread that registered it.
        unsafe { byte.write_volatile(value) };
    }
}
