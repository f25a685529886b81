// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The time limit: a POSIX timer whose signal interrupts whatever this thread waits for.
//!
//! The signal makes a blocking call return. It repeats, so that one that comes just before such a
//! call only delays it. One limit at a time in a thread.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::action::Calls;
use super::immediate_exit;
use super::timer::Timer;

/// Repetition of the signal after the limit.
const REPEAT: Duration = Duration::from_millis(20);

// A constant without a destructor, so that the handler's access is a plain one. The signal is sent
// to the thread that the limit is for.
thread_local! {
    static PASSED: AtomicBool = const { AtomicBool::new(false) };
}

/// Whether the limit that this thread started last has passed.
#[must_use]
pub fn has_passed() -> bool {
    PASSED.with(|passed| passed.load(Ordering::Relaxed))
}

/// A running limit; it stops when dropped.
#[derive(Debug)]
pub struct TimeLimit {
    _timer: Timer,
}

impl TimeLimit {
    /// Starts a limit of `limit` from now, for the calling thread.
    ///
    /// # Errors
    /// The system has no timer left.
    pub fn start(limit: Duration) -> io::Result<Self> {
        PASSED.with(|passed| passed.store(false, Ordering::Relaxed));
        let timer = Timer::start(libc::SIGALRM, Calls::Interrupted, on_signal, limit, REPEAT)?;
        Ok(Self { _timer: timer })
    }
}

extern "C" fn on_signal(_signal: libc::c_int) {
    PASSED.with(|passed| passed.store(true, Ordering::Relaxed));
    immediate_exit::request();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_blocking_call_is_interrupted() {
        let (reader, _writer) = io::pipe().unwrap();
        let start = Instant::now();
        let limit = TimeLimit::start(Duration::from_millis(30)).unwrap();
        let result = rustix::io::read(&reader, &mut [0_u8; 1]);
        assert_eq!(result, Err(rustix::io::Errno::INTR));
        assert!(has_passed());
        assert!(start.elapsed() >= Duration::from_millis(30));
        drop(limit);
        let _later = TimeLimit::start(Duration::from_secs(3600)).unwrap();
        assert!(!has_passed());
    }
}
