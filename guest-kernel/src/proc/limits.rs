// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Resource limits (`getrlimit(2)`): what a process may have of what can run out.
//!
//! Files, descriptors, memory, stack, queued signals and processor time are limited as on Linux. The
//! rest is what there is nothing of here, or what does not bind user 0.

use super::descriptors::NOFILE_MAX;
use crate::errno::Errno;
use alloc::boxed::Box;

/// No limit.
pub const INFINITY: u64 = u64::MAX;

/// Size that the stack may have, unless a limit says something else: Linux's default.
pub const STACK_DEFAULT: u64 = 8 << 20;

/// Number of resources.
const COUNT: usize = 16;

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource(usize);

impl Resource {
    /// Processor time, in seconds.
    pub const CPU: Self = Self(0);
    /// Size of files that are written, in bytes.
    pub const FSIZE: Self = Self(1);
    /// The heap and memory that can be written and is not shared, in bytes.
    pub const DATA: Self = Self(2);
    /// The stack, in bytes.
    pub const STACK: Self = Self(3);
    /// Core dumps. There are none, whatever the limit.
    pub const CORE: Self = Self(4);
    /// Descriptors: one more than the largest number.
    pub const NOFILE: Self = Self(7);
    /// All that is mapped, in bytes.
    pub const AS: Self = Self(9);
    /// Signals that are queued, and timers that send them.
    pub const SIGPENDING: Self = Self(11);

    /// The resource with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        usize::try_from(number).ok().filter(|&number| number < COUNT).map(Self)
    }

    const fn default_limit(self) -> Limit {
        match self {
            Self::STACK => Limit { soft: STACK_DEFAULT, hard: INFINITY },
            Self::CORE => Limit { soft: 0, hard: INFINITY },
            Self::NOFILE => Limit { soft: NOFILE_MAX as u64, hard: NOFILE_MAX as u64 },
            _ => Limit { soft: INFINITY, hard: INFINITY },
        }
    }
}

/// A limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What holds.
    pub soft: u64,
    /// How far what holds may be raised. User 0 may raise this too.
    pub hard: u64,
}

/// The limits of a process.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// None as long as they are the default ones.
    changed: Option<Box<[Limit; COUNT]>>,
}

impl Limits {
    /// Whether none was ever changed.
    #[must_use]
    #[inline]
    pub const fn are_default(&self) -> bool {
        self.changed.is_none()
    }

    /// The limit of a resource.
    #[must_use]
    pub fn of(&self, resource: Resource) -> Limit {
        match &self.changed {
            Some(limits) => limits[resource.0],
            None => resource.default_limit(),
        }
    }

    /// Changes a limit.
    ///
    /// # Errors
    /// `EINVAL`: what holds would be more than its own limit. `EPERM`: there cannot be that many
    /// descriptors.
    pub fn set(&mut self, resource: Resource, limit: Limit) -> Result<(), Errno> {
        if limit.soft > limit.hard {
            return Err(Errno::EINVAL);
        }
        if resource == Resource::NOFILE && limit.hard > NOFILE_MAX as u64 {
            return Err(Errno::EPERM);
        }
        let all = || Box::new(core::array::from_fn(|number| Resource(number).default_limit()));
        self.changed.get_or_insert_with(all)[resource.0] = limit;
        Ok(())
    }

    /// Raises what holds, which stays below its own limit.
    pub fn raise(&mut self, resource: Resource, soft: u64) {
        let hard = self.of(resource).hard;
        // Not refused: it is in order, and no limit of descriptors.
        let _ = self.set(resource, Limit { soft: soft.min(hard), hard });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_for_one_resource_and_copies_are_apart() {
        let mut limits = Limits::default();
        let limit = Limit { soft: 20, hard: 30 };
        limits.set(Resource::NOFILE, limit).unwrap();
        let mut copy = limits.clone();
        copy.set(Resource::NOFILE, Limit { soft: 10, hard: 10 }).unwrap();
        assert_eq!(limits.of(Resource::NOFILE), limit);
        assert_eq!(limits.of(Resource::AS), Limit { soft: INFINITY, hard: INFINITY });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut limits = Limits::default();
        let wrong = Limit { soft: 2, hard: 1 };
        assert_eq!(limits.set(Resource::CORE, wrong), Err(Errno::EINVAL));
        let many = Limit { soft: 10, hard: 1025 };
        assert_eq!(limits.set(Resource::NOFILE, many), Err(Errno::EPERM));
    }
}
