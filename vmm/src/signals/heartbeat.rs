// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The heartbeat: has the monitor look at the processor now and then, while the guest does not exit
//! by itself.
//!
//! A processor with an interrupt controller inside KVM halts there and does not come back, so
//! somebody has to ask whether anything can wake it still.

use std::io;
use std::time::Duration;

use super::action::Calls;
use super::immediate_exit;
use super::timer::Timer;

/// Time between two looks. Short runs never see one.
const INTERVAL: Duration = Duration::from_millis(200);

/// A running heartbeat; it stops when dropped.
#[derive(Debug)]
pub struct Heartbeat {
    _timer: Timer,
}

impl Heartbeat {
    /// Starts one for the calling thread. It interrupts `KVM_RUN` and no other call.
    ///
    /// # Errors
    /// The system has no timer left.
    pub fn start() -> io::Result<Self> {
        let signal = libc::SIGRTMIN();
        let timer = Timer::start(signal, Calls::Restarted, on_signal, INTERVAL, INTERVAL)?;
        Ok(Self { _timer: timer })
    }
}

extern "C" fn on_signal(_signal: libc::c_int) {
    immediate_exit::request();
}
