// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sets of open files to wait for: `epoll(7)`.
//!
//! Nothing is queued: whoever waits looks at all files of the set, as `poll` does. An edge is a
//! change of the file since it was last reported.

use super::descriptors::OpenFile;
use super::target::{Look, Readiness, Target};
use super::waiters::Waiters;
use crate::errno::Errno;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};

/// How a file is added, which cannot be changed later.
pub const EPOLLEXCLUSIVE: u32 = 1 << 28;

/// `EPOLLONESHOT`, `EPOLLET`.
const ONE_SHOT: u32 = 1 << 30;
const EDGE_TRIGGERED: u32 = 1 << 31;

/// Sets in sets in sets, at most, as on Linux.
const DEPTH_MAX: u32 = 5;

/// A file of a set.
#[derive(Debug)]
struct Member {
    /// The descriptor by which it was added.
    fd: u64,
    file: Weak<OpenFile>,
    /// Wanted readiness and how it is told.
    events: u32,
    /// What the program knows it by.
    data: u64,
    /// Changes of the file when it was last reported.
    reported: Option<u64>,
    is_disabled: bool,
}

impl Member {
    /// What is to be told of it.
    fn due(&self, look: &Look) -> Option<(u32, u64)> {
        if self.is_disabled {
            return None;
        }
        let file = self.file.upgrade()?;
        let wanted = self.events | Readiness::ALWAYS.0;
        let ready = file.target.readiness(look).0 & wanted;
        let changes = file.target.nr_changes(look);
        let is_old = self.events & EDGE_TRIGGERED != 0 && self.reported == Some(changes);
        (ready != 0 && !is_old).then_some((ready, changes))
    }
}

/// What is told of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is ready for.
    pub ready: u32,
    /// What the program knows it by.
    pub data: u64,
}

/// A set.
#[derive(Debug, Default)]
pub struct Epoll {
    members: RefCell<Vec<Member>>,
    waiters: Waiters,
}

impl Epoll {
    /// Adds a file.
    ///
    /// # Errors
    /// `EEXIST`: it is there. `ELOOP`: the sets would form a circle, or nest too deeply.
    pub fn add(
        self: &Rc<Self>,
        fd: u64,
        file: &Rc<OpenFile>,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        if let Target::Epoll(inner) = &file.target
            && inner.reaches(self, DEPTH_MAX)
        {
            return Err(Errno::ELOOP);
        }
        let mut members = self.open_members();
        if members.iter().any(|member| is_member(member, fd, file)) {
            return Err(Errno::EEXIST);
        }
        let file = Rc::downgrade(file);
        members.push(Member { fd, file, events, data, reported: None, is_disabled: false });
        Ok(())
    }

    /// The members without those whose files are closed.
    fn open_members(&self) -> RefMut<'_, Vec<Member>> {
        let mut members = self.members.borrow_mut();
        members.retain(|member| member.file.strong_count() > 0);
        members
    }

    /// Whether standard input is in it, or in a set in it.
    #[must_use]
    pub fn has_input(&self) -> bool {
        let members = self.members.borrow();
        let mut files = members.iter().filter_map(|member| member.file.upgrade());
        files.any(|file| file.target.is_input())
    }

    /// Changes what is wanted of a file.
    ///
    /// # Errors
    /// `ENOENT`: it is not there. `EINVAL`: it was added exclusively.
    pub fn modify(
        &self,
        fd: u64,
        file: &Rc<OpenFile>,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        let mut members = self.members.borrow_mut();
        let member = members.iter_mut().find(|member| is_member(member, fd, file));
        let member = member.ok_or(Errno::ENOENT)?;
        if member.events & EPOLLEXCLUSIVE != 0 {
            return Err(Errno::EINVAL);
        }
        (member.events, member.data) = (events, data);
        (member.reported, member.is_disabled) = (None, false);
        Ok(())
    }

    /// Takes a file out.
    ///
    /// # Errors
    /// `ENOENT`: it is not there.
    pub fn remove(&self, fd: u64, file: &Rc<OpenFile>) -> Result<(), Errno> {
        let mut members = self.members.borrow_mut();
        let index = members.iter().position(|member| is_member(member, fd, file));
        members.remove(index.ok_or(Errno::ENOENT)?);
        Ok(())
    }

    /// Takes at most `max` events. Those that find no room come first the next time.
    pub fn take_events(&self, max: usize, look: &Look) -> Vec<Event> {
        let mut members = self.open_members();
        let mut events = Vec::new();
        let mut nr_looked_at = 0;
        for member in members.iter_mut() {
            if events.len() == max {
                break;
            }
            nr_looked_at += 1;
            if let Some((ready, changes)) = member.due(look) {
                member.reported = Some(changes);
                member.is_disabled = member.events & ONE_SHOT != 0;
                events.push(Event { ready, data: member.data });
            }
        }
        members.rotate_left(nr_looked_at);
        events
    }

    /// Whether there is an event to take.
    #[must_use]
    pub fn is_any_ready(&self, look: &Look) -> bool {
        self.members.borrow().iter().any(|member| member.due(look).is_some())
    }

    /// Notes that a process waits for an event, or for a change of the set.
    pub fn add_waiter(&self, pid: u32) {
        self.waiters.add(pid);
        for file in self.members.borrow().iter().filter_map(|member| member.file.upgrade()) {
            file.target.add_waiter(pid);
        }
    }

    /// Those who wait and have to look at the changed set.
    pub fn take_waiters(&self) -> Vec<u32> {
        self.waiters.take()
    }

    /// Changes of all files so far.
    #[must_use]
    pub fn nr_changes(&self, look: &Look) -> u64 {
        let members = self.members.borrow();
        let files = members.iter().filter_map(|member| member.file.upgrade());
        files.map(|file| file.target.nr_changes(look)).sum()
    }

    /// Whether `other` is this set or a member of a member, or sets nest deeper than `depth_left`.
    fn reaches(self: &Rc<Self>, other: &Rc<Self>, depth_left: u32) -> bool {
        Rc::ptr_eq(self, other)
            || depth_left == 0
            || self.members.borrow().iter().any(|member| {
                member.file.upgrade().is_some_and(|file| match &file.target {
                    Target::Epoll(inner) => inner.reaches(other, depth_left - 1),
                    _ => false,
                })
            })
    }
}

fn is_member(member: &Member, fd: u64, file: &Rc<OpenFile>) -> bool {
    member.fd == fd && core::ptr::eq(member.file.as_ptr(), Rc::as_ptr(file))
}
