// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What open files lead to, and when it is ready to be read or written.

use super::console_input::ConsoleInput;
use super::epoll::Epoll;
use super::event_counter::EventCounter;
use super::handle::Handle;
use super::pipe::{Pipe, Side};
use super::signal::SignalSet;
use super::signal_source::SignalSource;
use super::socket::Socket;
use super::timer::Timer;
use crate::fs::{FileSystem, InodeId};
use alloc::rc::Rc;
use alloc::vec::Vec;

/// What an open file leads to.
#[derive(Clone, Debug)]
pub enum Target {
    /// Something in the tree.
    Inode(InodeId),
    /// The console of a run without standard input, as a process is born with it.
    Console,
    /// The console of a run with standard input.
    ConsoleInput(Rc<ConsoleInput>),
    /// A side of a pipe.
    Pipe(Rc<Pipe>, Side),
    /// One of a pair of sockets.
    Socket(Rc<Socket>),
    /// A counter of events.
    EventCounter(Rc<EventCounter>),
    /// A timer.
    Timer(Rc<Timer>),
    /// A set of open files to wait for.
    Epoll(Rc<Epoll>),
    /// Signals of whoever reads.
    Signals(Rc<SignalSource>),
    /// A process.
    Process(Rc<Handle>),
}

/// What is one file, however often it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// An inode.
    Inode(InodeId),
    /// What has none, by number. All that has no number of its own is one file, as on Linux.
    Number(u64),
    /// The console.
    Console,
}

/// What readiness depends on besides the thing itself: when a process looks, and its signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The time of the run's clock.
    pub now: u64,
    /// What is pending.
    pub pending: SignalSet,
    /// Signals noted so far.
    pub nr_raised: u64,
}

/// What something is ready for: the bits of `poll(2)` and `epoll_ctl(2)`, which agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness(pub u32);

impl Readiness {
    /// Reading: `POLLIN` and `POLLRDNORM`.
    pub const READ: Self = Self(0x1 | 0x40);
    /// Writing: `POLLOUT` and `POLLWRNORM`.
    pub const WRITE: Self = Self(0x4 | 0x100);
    /// Reading a number of events: `POLLIN` alone.
    pub const READ_EVENTS: Self = Self(0x1);
    /// Adding to a counter: `POLLOUT` alone.
    pub const ADD_EVENTS: Self = Self(0x4);
    /// Writing to a socket: `POLLWRBAND` as well.
    pub const SEND: Self = Self(Self::WRITE.0 | 0x200);
    /// An error: `POLLERR`.
    pub const ERROR: Self = Self(0x8);
    /// Nobody is on the other side: `POLLHUP`.
    pub const HANG_UP: Self = Self(0x10);
    /// The descriptor names nothing: `POLLNVAL`.
    pub const INVALID: Self = Self(0x20);
    /// The other side writes no more: `POLLRDHUP`.
    pub const READ_HANG_UP: Self = Self(0x2000);
    /// What is told to everybody, asked for or not.
    pub const ALWAYS: Self = Self(Self::ERROR.0 | Self::HANG_UP.0 | Self::INVALID.0);
    /// Ready for both, as everything is that never waits.
    pub const FOREVER: Self = Self(Self::READ.0 | Self::WRITE.0);

    /// This as well, if so.
    #[must_use]
    pub const fn with(self, other: Self, is_so: bool) -> Self {
        if is_so { Self(self.0 | other.0) } else { self }
    }
}

impl Target {
    /// Which file it is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match self {
            Self::Inode(inode) => Identity::Inode(*inode),
            Self::Console | Self::ConsoleInput(_) => Identity::Console,
            Self::Pipe(pipe, _) => {
                pipe.inode().map_or(Identity::Number(pipe.number()), Identity::Inode)
            }
            Self::Socket(socket) => Identity::Number(socket.incoming.pipe.number()),
            _ => Identity::Number(0),
        }
    }

    /// The inode that it is or has, as a named pipe does.
    #[must_use]
    pub fn inode(&self) -> Option<InodeId> {
        match self.identity() {
            Identity::Inode(inode) => Some(inode),
            _ => None,
        }
    }

    /// What it is ready for, as a process sees it.
    #[must_use]
    pub fn readiness(&self, look: &Look) -> Readiness {
        match self {
            Self::Inode(_) | Self::Console => Readiness::FOREVER,
            Self::ConsoleInput(input) => input.readiness(),
            Self::Pipe(pipe, side) => of_pipe(pipe, *side),
            Self::Socket(socket) => socket.readiness(),
            Self::EventCounter(counter) => counter.readiness(),
            Self::Timer(timer) => {
                Readiness::default().with(Readiness::READ_EVENTS, timer.nr_expired(look.now) > 0)
            }
            Self::Epoll(epoll) => {
                Readiness::default().with(Readiness::READ, epoll.is_any_ready(look))
            }
            Self::Signals(source) => source.readiness(look),
            Self::Process(handle) => handle.readiness(),
        }
    }

    /// Whether it is standard input, or a set with that in it.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::ConsoleInput(_) => true,
            Self::Epoll(epoll) => epoll.has_input(),
            _ => false,
        }
    }

    /// Notes that a process waits for its readiness to change.
    pub fn add_waiter(&self, pid: u32) {
        match self {
            Self::Inode(_) | Self::Console => {}
            Self::ConsoleInput(input) => input.waiters.add(pid),
            Self::Pipe(pipe, side) => {
                if side.reads() {
                    pipe.read_waiters.add(pid);
                }
                if side.writes() {
                    pipe.write_waiters.add(pid);
                }
            }
            Self::Socket(socket) => {
                socket.incoming.pipe.read_waiters.add(pid);
                socket.outgoing.pipe.write_waiters.add(pid);
            }
            Self::EventCounter(counter) => counter.waiters.add(pid),
            Self::Timer(timer) => timer.waiters.add(pid),
            Self::Epoll(epoll) => epoll.add_waiter(pid),
            // Every signal that comes lets a process look again.
            Self::Signals(_) => {}
            Self::Process(handle) => handle.waiters.add(pid),
        }
    }

    /// Changes of its readiness so far.
    #[must_use]
    pub fn nr_changes(&self, look: &Look) -> u64 {
        match self {
            Self::Inode(_) | Self::Console => 0,
            Self::ConsoleInput(input) => input.waiters.nr_changes(),
            Self::Pipe(pipe, side) => {
                let reads = pipe.read_waiters.nr_changes();
                let writes = pipe.write_waiters.nr_changes();
                reads * u64::from(side.reads()) + writes * u64::from(side.writes())
            }
            Self::Socket(socket) => {
                socket.incoming.pipe.read_waiters.nr_changes()
                    + socket.outgoing.pipe.write_waiters.nr_changes()
            }
            Self::EventCounter(counter) => counter.waiters.nr_changes(),
            Self::Timer(timer) => timer.nr_expired_ever(look.now),
            Self::Epoll(epoll) => epoll.nr_changes(look),
            Self::Signals(_) => look.nr_raised,
            Self::Process(handle) => handle.waiters.nr_changes(),
        }
    }

    /// Lets go what is behind an open file that has no descriptor left; those who wait for that are
    /// returned.
    pub fn close(self, fs: &mut FileSystem) -> Vec<u32> {
        match self {
            Self::Inode(inode) => {
                fs.close(inode);
                Vec::new()
            }
            Self::Pipe(pipe, side) => {
                pipe.close(side);
                if let Some(inode) = pipe.inode() {
                    fs.close(inode);
                }
                let mut waiting = pipe.read_waiters.take();
                waiting.append(&mut pipe.write_waiters.take());
                waiting
            }
            Self::Socket(socket) => socket.close(fs),
            Self::Console
            | Self::ConsoleInput(_)
            | Self::EventCounter(_)
            | Self::Timer(_)
            | Self::Epoll(_)
            | Self::Signals(_)
            | Self::Process(_) => Vec::new(),
        }
    }
}

fn of_pipe(pipe: &Pipe, side: Side) -> Readiness {
    let mut readiness = Readiness::default();
    if side.reads() {
        // Who opened a FIFO before any writer did is not told that all writers are gone.
        let is_left = !pipe.is_open(Side::Writer) && pipe.nr_openings(Side::Writer) > 0;
        readiness =
            readiness.with(Readiness::READ, pipe.nr_bytes() > 0).with(Readiness::HANG_UP, is_left);
    }
    if side.writes() {
        readiness = readiness
            .with(Readiness::WRITE, pipe.has_free_page())
            .with(Readiness::ERROR, !pipe.is_open(Side::Reader));
    }
    readiness
}
