// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Signals that this program sends to itself while a guest runs, and what they interrupt.
//!
//! `timer` has the POSIX timers that send them, [`immediate_exit`] the vCPU that they bring back.
//! [`time_limit`] ends a run that takes too long; [`heartbeat`] has the monitor look at the
//! processor now and then.

pub mod heartbeat;
pub mod immediate_exit;
pub mod time_limit;
mod timer;
