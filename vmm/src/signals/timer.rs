// SPDX-License-Identifier: Apache-2.0 OR MIT

//! POSIX timers whose signal goes to the thread that started them.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// What a signal does. It runs at any point of this thread, so it may only do what
/// signal-safety(7) allows.
pub(super) type Handler = extern "C" fn(libc::c_int);

/// Whether a blocking call that the signal meets is interrupted or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calls {
    /// It fails with `EINTR`.
    Interrupted,
    /// It goes on where Linux can make it (`SA_RESTART`). `KVM_RUN` is interrupted all the same.
    Restarted,
}

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
        install(signal, calls, handler)?;
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

#[expect(unsafe_code, reason = "signal handlers have no safe interface")]
fn install(signal: libc::c_int, calls: Calls, handler: Handler) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `sigaction` is plain data for which all zeros is a value: no flags and an empty mask.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = match calls {
        Calls::Interrupted => 0,
        Calls::Restarted => libc::SA_RESTART,
    };
    // SAFETY: `action` is live, its handler has the signature that goes with no SA_SIGINFO and is
    // safe to run at any point; no old action is asked for.
    check(unsafe { libc::sigaction(signal, action, ptr::null_mut()) })?;
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is live; the call initialises it.
    check(unsafe { libc::sigemptyset(set.as_mut_ptr()) })?;
    // SAFETY: `set` was initialised above; the call checks the number.
    check(unsafe { libc::sigaddset(set.as_mut_ptr(), signal) })?;
    // The mask may be inherited with the signal blocked.
    // SAFETY: `set` was initialised above; no old mask is asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
