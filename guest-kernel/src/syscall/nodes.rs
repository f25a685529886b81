// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making nodes: `mknod` for regular files, named pipes and the devices that there are.

use super::Answer;
use super::path::Place;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::fs::{DeviceKind, Kind};
use crate::kernel::Kernel;
use seed_protocols::cpio::mode;

const AT_FDCWD: u64 = (-100_i64).cast_unsigned();

/// The part of a mode that is the type.
const TYPE: u64 = 0o170_000;
const REGULAR: u64 = mode::REGULAR as u64;
const CHARACTER: u64 = mode::CHARACTER as u64;
const FIFO: u64 = mode::FIFO as u64;
const BLOCK: u64 = mode::BLOCK as u64;
const DIRECTORY: u64 = mode::DIRECTORY as u64;

pub(super) fn mknod(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, AT_FDCWD, call.argument(0), call.argument(1), call.argument(2))
}

pub(super) fn mknodat(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), call.argument(1), call.argument(2), call.argument(3))
}

fn make(kernel: &mut Kernel, fd: u64, path: u64, mode: u64, device: u64) -> Answer {
    let kind = match mode & TYPE {
        0 | REGULAR => Kind::Regular,
        FIFO => Kind::Fifo,
        CHARACTER => {
            let (major, minor) = numbers(device);
            // Other devices have nothing behind them here.
            Kind::Character(DeviceKind::from_number(major, minor).ok_or(Errno::EPERM)?)
        }
        DIRECTORY | BLOCK => return Err(Errno::EPERM.into()),
        _ => return Err(Errno::EINVAL.into()),
    };
    let place = Place::read(kernel, fd, path)?;
    let (permissions, now) = (kernel.process.masked(mode), kernel.now());
    kernel.fs.make_node(place.start, &place.text, kind, permissions, now)?;
    Ok(0)
}

/// Major and minor number of a `dev_t`, as the call takes it.
const fn numbers(device: u64) -> (u32, u32) {
    let device = device as u32;
    (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00)
}
