// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The time limit: a POSIX timer whose signal interrupts whatever this thread waits for.
//!
//! The signal makes a blocking call return; it also sets `immediate_exit` of the vCPU that is
//! registered, so that a signal that comes just before `KVM_RUN` is not lost (KVM API, 4.10). It
//! repeats, so that one that comes just before another call only delays it. One limit at a time in
//! a thread.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::time::Duration;

/// Repetition of the signal after the limit.
const REPEAT: Duration = Duration::from_millis(20);

// Constants without destructors, so that the handler's access is a plain one: nothing is allocated
// or registered at first use. The signal is sent to the thread that the limit is for.
thread_local! {
    static PASSED: AtomicBool = const { AtomicBool::new(false) };
    static IMMEDIATE_EXIT: AtomicPtr<u8> = const { AtomicPtr::new(ptr::null_mut()) };
}

/// Whether the limit that this thread started last has passed.
#[must_use]
pub fn has_passed() -> bool {
    PASSED.with(|passed| passed.load(Ordering::Relaxed))
}

/// A running limit; it stops when dropped.
#[derive(Debug)]
pub struct TimeLimit {
    timer: libc::timer_t,
    /// The signal goes to the thread that started it.
    _not_send: PhantomData<*const ()>,
}

impl TimeLimit {
    /// Starts a limit of `limit` from now, for the calling thread.
    ///
    /// # Errors
    /// The system has no timer left.
    #[expect(unsafe_code, reason = "POSIX timers have no safe interface")]
    pub fn start(limit: Duration) -> io::Result<Self> {
        PASSED.with(|passed| passed.store(false, Ordering::Relaxed));
        install_handler()?;
        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        // SAFETY: `sigevent` is plain data for which all zeros is a value.
        let event = unsafe { event.assume_init_mut() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGALRM;
        // SAFETY: gettid has no conditions.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = ptr::null_mut();
        // SAFETY: both pointers are to live values of the types that the call wants.
        check(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer) })?;
        let running = Self { timer, _not_send: PhantomData };
        let spec = libc::itimerspec {
            // A value of zero would disarm the timer.
            it_value: timespec(limit.max(Duration::from_nanos(1))),
            it_interval: timespec(REPEAT),
        };
        // SAFETY: the timer exists, `spec` is live and no old value is asked for.
        check(unsafe { libc::timer_settime(timer, 0, &raw const spec, ptr::null_mut()) })?;
        Ok(running)
    }
}

impl Drop for TimeLimit {
    #[expect(unsafe_code, reason = "POSIX timers have no safe interface")]
    fn drop(&mut self) {
        // SAFETY: the timer was created by `start` and is deleted once, here.
        unsafe { libc::timer_delete(self.timer) };
    }
}

/// Registration of a vCPU's `immediate_exit`; undone when dropped.
#[derive(Debug)]
pub struct ImmediateExit(PhantomData<*const ()>);

impl ImmediateExit {
    /// Has the signal write 1 to `byte`.
    ///
    /// # Safety
    /// `byte` stays valid for writes until the value returned is dropped, and whoever else accesses
    /// it is the kernel or this thread.
    #[must_use]
    #[expect(unsafe_code, reason = "the handler writes through the pointer later")]
    pub unsafe fn register(byte: *mut u8) -> Self {
        IMMEDIATE_EXIT.with(|registered| registered.store(byte, Ordering::SeqCst));
        Self(PhantomData)
    }
}

impl Drop for ImmediateExit {
    fn drop(&mut self) {
        IMMEDIATE_EXIT.with(|registered| registered.store(ptr::null_mut(), Ordering::SeqCst));
    }
}

/// Only touches atomics and one byte, so that it may run at any point (signal-safety(7)).
#[expect(unsafe_code, reason = "the handler writes to the registered byte")]
extern "C" fn on_signal(_signal: libc::c_int) {
    PASSED.with(|passed| passed.store(true, Ordering::Relaxed));
    let byte = IMMEDIATE_EXIT.with(|byte| byte.load(Ordering::SeqCst));
    if !byte.is_null() {
        // SAFETY: `register` had its caller promise that the byte is valid while it is registered,
        // and the signal is sent to the thread that registered it.
        unsafe { byte.write_volatile(1) };
    }
}

#[expect(unsafe_code, reason = "signal handlers have no safe interface")]
fn install_handler() -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `sigaction` is plain data for which all zeros is a value: no flags (so that calls are
    // interrupted rather than restarted) and an empty mask.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: `action` is live, its handler has the signature that goes with no SA_SIGINFO and is
    // safe to run at any point; no old action is asked for.
    check(unsafe { libc::sigaction(libc::SIGALRM, action, ptr::null_mut()) })?;
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is live; the call initialises it.
    check(unsafe { libc::sigemptyset(set.as_mut_ptr()) })?;
    // SAFETY: `set` was initialised above and SIGALRM is a signal.
    check(unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGALRM) })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_blocking_call_is_interrupted() {
        let (reader, _writer) = io::pipe().unwrap();
        let start = Instant::now();
        let _limit = TimeLimit::start(Duration::from_millis(30)).unwrap();
        assert!(!has_passed());
        let result = rustix::io::read(&reader, &mut [0_u8; 1]);
        assert_eq!(result, Err(rustix::io::Errno::INTR));
        assert!(has_passed());
        assert!(start.elapsed() >= Duration::from_millis(30));
    }
}
