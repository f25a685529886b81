// SPDX-License-Identifier: Apache-2.0 OR MIT

//! SIGWINCH: the window of the terminal on standard input may have another size.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::action::{self, Calls};

/// Whether the size is to be looked at: at first, as it may have changed before the handler was there.
static IS_DUE: AtomicBool = AtomicBool::new(true);

/// Has changes noted from here on.
///
/// # Errors
/// There is no such signal.
pub(super) fn watch() -> io::Result<()> {
    action::install(libc::SIGWINCH, Calls::Restarted, on_signal)
}

/// Has the size looked at. May be called at any point, handlers included.
pub(super) fn note() {
    IS_DUE.store(true, Ordering::Relaxed);
}

/// Whether the size is to be looked at, since this was last asked.
#[must_use]
pub fn take() -> bool {
    IS_DUE.swap(false, Ordering::Relaxed)
}

extern "C" fn on_signal(_signal: libc::c_int) {
    note();
}
