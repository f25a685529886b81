// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The terminal on standard input in raw mode: every key is the guest's. The mode before comes back
//! when this process returns, panics, aborts, or is ended by a signal that somebody sends, but for
//! SIGKILL. SIGTSTP, which no key sends in raw mode, stops it as it is.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::action::{self, Calls};

/// Signals that end the process by default and that are sent rather than caused.
const ENDING: [libc::c_int; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGABRT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTERM,
    libc::SIGXCPU,
];

/// The mode to go back to while the terminal is raw. The memory behind it is never freed: a handler
/// may read it at any time.
static BEFORE: AtomicPtr<libc::termios> = AtomicPtr::new(ptr::null_mut());

/// Raw mode; it ends when this is dropped.
#[derive(Debug)]
pub struct RawTerminal(());

impl RawTerminal {
    /// Makes the terminal on standard input raw, as `cfmakeraw(3)` has it.
    ///
    /// # Errors
    /// It is no terminal, or cannot be changed.
    #[expect(unsafe_code, reason = "handlers need the mode as the C library has it")]
    pub fn enter() -> io::Result<Self> {
        let mut before = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the pointer is to a value of the type that the call fills in.
        if unsafe { libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded.
        let before = unsafe { before.assume_init() };
        let mut raw = before;
        // SAFETY: the pointer is to a live value.
        unsafe { libc::cfmakeraw(&raw mut raw) };
        for signal in ENDING {
            if !action::is_ignored(signal)? {
                action::install(signal, Calls::Interrupted, on_ending_signal)?;
            }
        }
        BEFORE.store(Box::into_raw(Box::new(before)), Ordering::SeqCst);
        // SAFETY: as above.
        if unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &raw const raw) } != 0 {
            BEFORE.store(ptr::null_mut(), Ordering::SeqCst);
            return Err(io::Error::last_os_error());
        }
        Ok(Self(()))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Whether the terminal is raw, so that a line needs a carriage return as well.
#[must_use]
pub fn is_raw() -> bool {
    !BEFORE.load(Ordering::SeqCst).is_null()
}

/// Ends raw mode, if it is on. May be called at any point, handlers included.
#[expect(unsafe_code, reason = "the mode lies behind a pointer")]
pub fn restore() {
    let before = BEFORE.swap(ptr::null_mut(), Ordering::SeqCst);
    if !before.is_null() {
        // SAFETY: the pointer was made from a box that is never freed; tcsetattr may be called in a
        // handler (signal-safety(7)). Where it fails nobody can help.
        unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, before) };
    }
}

/// Ends the process as the signal would have, with the terminal as it was.
#[expect(unsafe_code, reason = "signals have no safe interface")]
extern "C" fn on_ending_signal(signal: libc::c_int) {
    restore();
    // SAFETY: both may be called in a handler (signal-safety(7)); the number is one that this was
    // installed for.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
