// SPDX-License-Identifier: Apache-2.0 OR MIT

//! POSIX timers whose signal goes to the thread that started them.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::action::{self, Calls, Handler, check};

/// A running timer; it stops when dropped.
#[derive(Debug)]
pub(super) struct Timer {
    id: libc::timer_t,
    /// The signal goes to the thread that started it.
    _not_send: PhantomData<*const ()>,
}

impl Timer {
    /// Sends `signal` to the calling thread after `first`, and again each `interval` after that.
    ///
    /// # Errors
    /// The system has no timer left.
    #[expect(unsafe_code, reason = "POSIX timers have no safe interface")]
    pub(super) fn start(
        signal: libc::c_int,
        calls: Calls,
        handler: Handler,
        first: Duration,
        interval: Duration,
    ) -> io::Result<Self> {
        action::install(signal, calls, handler)?;
        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        // SAFETY: `sigevent` is plain data for which all zeros is a value.
        let event = unsafe { event.assume_init_mut() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal;
        // SAFETY: gettid has no conditions.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut id = ptr::null_mut();
        // SAFETY: both pointers are to live values of the types that the call wants.
        check(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut id) })?;
        let running = Self { id, _not_send: PhantomData };
        let spec = libc::itimerspec {
            // A value of zero would disarm the timer.
            it_value: timespec(first.max(Duration::from_nanos(1))),
            it_interval: timespec(interval),
        };
        // SAFETY: the timer exists, `spec` is live and no old value is asked for.
        check(unsafe { libc::timer_settime(id, 0, &raw const spec, ptr::null_mut()) })?;
        Ok(running)
    }
}

impl Drop for Timer {
    #[expect(unsafe_code, reason = "POSIX timers have no safe interface")]
    fn drop(&mut self) {
        // SAFETY: the timer was created by `start` and is deleted once, here.
        unsafe { libc::timer_delete(self.id) };
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
