// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The terminal on standard input in raw mode: every key is the guest's. The mode before comes back
//! when this process returns, panics, aborts, or is ended or stopped by a signal that somebody sends,
//! but for SIGKILL and SIGSTOP; when it goes on the terminal is raw again.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::action::{self, Calls};
use super::window_change;

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

/// What the terminal is set to.
struct Modes {
    before: libc::termios,
    raw: libc::termios,
}

/// The modes while the terminal is raw. The memory behind it is never freed: a handler may read it at
/// any time.
static MODES: AtomicPtr<Modes> = AtomicPtr::new(ptr::null_mut());

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
        if !action::is_ignored(libc::SIGTSTP)? {
            action::install(libc::SIGTSTP, Calls::Restarted, on_stop_signal)?;
        }
        action::install(libc::SIGCONT, Calls::Restarted, on_continue_signal)?;
        window_change::watch()?;
        MODES.store(Box::into_raw(Box::new(Modes { before, raw })), Ordering::SeqCst);
        if let Err(error) = set(MODES.load(Ordering::SeqCst), |modes| &modes.raw, libc::TCSADRAIN) {
            MODES.store(ptr::null_mut(), Ordering::SeqCst);
            return Err(error);
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
    !MODES.load(Ordering::SeqCst).is_null()
}

/// Ends raw mode, if it is on. May be called at any point, handlers included.
pub fn restore() {
    let modes = MODES.swap(ptr::null_mut(), Ordering::SeqCst);
    // Where it fails nobody can help.
    let _ = set(modes, |modes| &modes.before, libc::TCSANOW);
}

/// Sets one of the modes that [`MODES`] has led to, if any. May be called at any point, handlers
/// included.
#[expect(unsafe_code, reason = "the modes lie behind a pointer")]
fn set(
    modes: *const Modes,
    choose: fn(&Modes) -> &libc::termios,
    when: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer is null, or was made from a box that is never freed, nor written to.
    let Some(modes) = (unsafe { modes.as_ref() }) else { return Ok(()) };
    // SAFETY: the mode is live; tcsetattr may be called in a handler (signal-safety(7)).
    action::check(unsafe { libc::tcsetattr(libc::STDIN_FILENO, when, choose(modes)) })
}

/// Stops the process as the signal would have, with the terminal as it was, and goes on with it raw.
#[expect(unsafe_code, reason = "signals have no safe interface")]
extern "C" fn on_stop_signal(signal: libc::c_int) {
    let _ = set(MODES.load(Ordering::SeqCst), |modes| &modes.before, libc::TCSANOW);
    // SAFETY: it may be called in a handler (signal-safety(7)); the number is that of this handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // It is blocked while its handler runs, and comes when it is not.
    // SAFETY: as above.
    unsafe { libc::raise(signal) };
    let _ = action::unblock(signal);
    // Where the process was not stopped after all, or somebody made it go on.
    let _ = action::install(signal, Calls::Restarted, on_stop_signal);
    on_continue_signal(libc::SIGCONT);
}

/// Who had the terminal meanwhile may have changed its mode, and its size.
extern "C" fn on_continue_signal(_signal: libc::c_int) {
    let _ = set(MODES.load(Ordering::SeqCst), |modes| &modes.raw, libc::TCSADRAIN);
    window_change::note();
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
