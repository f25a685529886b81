// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What is known of a file: `stat` and its forms, `access`.

use super::{Answer, path};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{DeviceKind, Follow, InodeId, Kind, Owner, Stat};
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Target;

/// Device number of the one file system.
const DEVICE: u64 = 1;

/// Mode of a socket without a name.
const SOCKET_MODE: u32 = 0o140_777;

/// Device number of what has no name.
const UNNAMED_DEVICE: u64 = 2;

/// Best size of a transfer.
pub(super) const BLOCK_SIZE: u64 = 4096;

const NS_PER_S: i64 = 1_000_000_000;

/// Modes that `access` may ask for: `R_OK`, `W_OK` and `X_OK`.
const ACCESS_MODES: u64 = 7;
const X_OK: u64 = 1;
const EXECUTE_BITS: u16 = 0o111;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();
const AT_EACCESS: u64 = 0x200;
const AT_NO_AUTOMOUNT: u64 = 0x800;

pub(super) fn stat(kernel: &mut Kernel, call: &Registers) -> Answer {
    stat_path(kernel, AT_FDCWD, call.argument(0), call.argument(1), 0)
}

pub(super) fn lstat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = path::AT_SYMLINK_NOFOLLOW;
    stat_path(kernel, AT_FDCWD, call.argument(0), call.argument(1), flags)
}

pub(super) fn fstat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let target = kernel.process.descriptors.file_or_place(call.argument(0))?.target.clone();
    put(kernel, target, call.argument(1))
}

pub(super) fn newfstatat(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(3);
    if flags & !(path::AT_EMPTY_PATH | path::AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 {
        return Err(Errno::EINVAL.into());
    }
    stat_path(kernel, call.argument(0), call.argument(1), call.argument(2), flags)
}

pub(super) fn access(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_access(kernel, AT_FDCWD, call.argument(0), call.argument(1), 0)
}

pub(super) fn faccessat(kernel: &mut Kernel, call: &Registers) -> Answer {
    check_access(kernel, call.argument(0), call.argument(1), call.argument(2), 0)
}

pub(super) fn faccessat2(kernel: &mut Kernel, call: &Registers) -> Answer {
    let flags = call.argument(3);
    if flags & !(path::AT_EMPTY_PATH | path::AT_SYMLINK_NOFOLLOW | AT_EACCESS) != 0 {
        return Err(Errno::EINVAL.into());
    }
    check_access(kernel, call.argument(0), call.argument(1), call.argument(2), flags)
}

/// User 0 may read and write everything, and execute what anybody may.
fn check_access(kernel: &mut Kernel, fd: u64, path: u64, mode: u64, flags: u64) -> Answer {
    if mode & !ACCESS_MODES != 0 {
        return Err(Errno::EINVAL.into());
    }
    let Target::Inode(inode) = path::target(kernel, fd, path, flags)? else { return Ok(0) };
    let stat = kernel.fs.stat(inode);
    let is_refused =
        mode & X_OK != 0 && stat.kind != Kind::Directory && stat.permissions & EXECUTE_BITS == 0;
    if is_refused { Err(Errno::EACCES.into()) } else { Ok(0) }
}

fn stat_path(kernel: &mut Kernel, fd: u64, path: u64, buffer: u64, flags: u64) -> Answer {
    let target = path::target(kernel, fd, path, flags)?;
    put(kernel, target, buffer)
}

/// What is known of anything that a descriptor leads to.
pub(super) struct Known {
    /// The device that it is said to be on.
    pub device: u64,
    /// Type and permissions.
    pub mode: u32,
    /// The rest.
    pub stat: Stat,
}

impl Known {
    fn of_inode(kernel: &mut Kernel, inode: InodeId) -> Self {
        let stat = kernel.fs.stat(inode);
        Self { device: DEVICE, mode: stat.mode(), stat }
    }

    /// All about a target.
    pub(super) fn of(kernel: &mut Kernel, target: &Target) -> Self {
        let epoch = kernel.settings.epoch_ns;
        let stat = match target {
            Target::Inode(inode) => return Self::of_inode(kernel, *inode),
            Target::Console => unnamed(Kind::Character(DeviceKind::Console), 0, epoch),
            // `ttyname(3)` compares it with what has its name.
            Target::ConsoleInput(_) => {
                match kernel.fs.resolve(InodeId::ROOT, b"/dev/console", Follow::Last) {
                    Ok(inode) => return Self::of_inode(kernel, inode),
                    Err(_) => unnamed(Kind::Character(DeviceKind::Console), 0, epoch),
                }
            }
            Target::Pipe(pipe, _) => match pipe.inode() {
                Some(inode) => return Self::of_inode(kernel, inode),
                None => unnamed(Kind::Fifo, pipe.number(), epoch),
            },
            Target::Socket(socket) => unnamed(Kind::Fifo, socket.incoming.pipe.number(), epoch),
            _ => unnamed(Kind::Regular, 0, epoch),
        };
        let mode = match target {
            Target::Socket(_) => SOCKET_MODE,
            // Counters, timers and sets have no type, as on Linux.
            Target::EventCounter(_)
            | Target::Timer(_)
            | Target::Epoll(_)
            | Target::Signals(_)
            | Target::Process(_) => stat.permissions.into(),
            _ => stat.mode(),
        };
        Self { device: UNNAMED_DEVICE, mode, stat }
    }
}

fn put(kernel: &mut Kernel, target: Target, buffer: u64) -> Answer {
    let known = Known::of(kernel, &target);
    let mut bytes = [0; 18 * 8];
    for (index, word) in encode(&known).into_iter().enumerate() {
        bytes[index * 8..index * 8 + 8].copy_from_slice(&word.to_le_bytes());
    }
    kernel.memory().write(UserAddr(buffer), &bytes)?;
    Ok(0)
}

/// A time as its seconds and nanoseconds, which count upwards before 1970 as well.
pub(super) fn seconds_and_rest(time_ns: i64) -> [u64; 2] {
    [time_ns.div_euclid(NS_PER_S), time_ns.rem_euclid(NS_PER_S)].map(i64::cast_unsigned)
}

/// What has no name has no inode: pipes, and the console that a process is born with.
fn unnamed(kind: Kind, number: u64, epoch_ns: u64) -> Stat {
    Stat {
        number,
        kind,
        permissions: 0o600,
        owner: Owner::default(),
        nlink: 1,
        size: 0,
        nr_blocks: 0,
        atime: epoch_ns.cast_signed(),
        mtime: epoch_ns.cast_signed(),
        ctime: epoch_ns.cast_signed(),
    }
}

/// `struct stat` of x86-64 as words (`asm/stat.h`).
fn encode(known: &Known) -> [u64; 18] {
    let stat = &known.stat;
    let device = match stat.kind {
        Kind::Character(device) => {
            let (major, minor) = device.number();
            u64::from(major) << 8 | u64::from(minor)
        }
        _ => 0,
    };
    let [atime, mtime, ctime] = [stat.atime, stat.mtime, stat.ctime].map(seconds_and_rest);
    [
        known.device,
        stat.number,
        stat.nlink.into(),
        // Mode, and the user in the upper half.
        u64::from(known.mode) | u64::from(stat.owner.user) << 32,
        // The group and padding.
        stat.owner.group.into(),
        device,
        stat.size,
        BLOCK_SIZE,
        stat.nr_blocks,
        atime[0],
        atime[1],
        mtime[0],
        mtime[1],
        ctime[0],
        ctime[1],
        0,
        0,
        0,
    ]
}
