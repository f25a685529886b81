// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What this process does on a signal.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

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

/// Has `handler` run on `signal`, which the calling thread takes from here on.
///
/// # Errors
/// There is no such signal.
#[expect(unsafe_code, reason = "signal handlers have no safe interface")]
pub(super) fn install(signal: libc::c_int, calls: Calls, handler: Handler) -> io::Result<()> {
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
    // The mask may be inherited with the signal blocked.
    unblock(signal)
}

/// Has `signal` do nothing, in the programs that this one starts too.
///
/// # Errors
/// There is no such signal.
#[expect(unsafe_code, reason = "signal actions have no safe interface")]
pub(super) fn ignore(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: no handler is installed.
    match unsafe { libc::signal(signal, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Lets the calling thread take `signal`.
///
/// # Errors
/// There is no such signal.
#[expect(unsafe_code, reason = "signal masks have no safe interface")]
pub(super) fn unblock(signal: libc::c_int) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is live; the call initialises it.
    check(unsafe { libc::sigemptyset(set.as_mut_ptr()) })?;
    // SAFETY: `set` was initialised above; the call checks the number.
    check(unsafe { libc::sigaddset(set.as_mut_ptr(), signal) })?;
    // SAFETY: `set` was initialised above; no old mask is asked for.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Whether `signal` is ignored, as who started this process may have wanted.
///
/// # Errors
/// There is no such signal.
#[expect(unsafe_code, reason = "signal handlers have no safe interface")]
pub(super) fn is_ignored(signal: libc::c_int) -> io::Result<bool> {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: no new action is set; the old one goes to a live value, which the call fills in.
    check(unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: the call succeeded.
    Ok(unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN)
}

/// The error of a call that failed.
///
/// # Errors
/// It did.
pub(super) fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
