// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Making pipes.

use super::Answer;
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Descriptor, OpenFile, Target};
use crate::proc::pipe::Pipe;
use alloc::rc::Rc;

const O_WRONLY: u32 = 1;
const O_NONBLOCK: u64 = 0o4000;
const O_CLOEXEC: u64 = 0o2_000_000;

pub(super) fn pipe(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), 0)
}

pub(super) fn pipe2(kernel: &mut Kernel, call: &Registers) -> Answer {
    make(kernel, call.argument(0), call.argument(1))
}

fn make(kernel: &mut Kernel, address: u64, flags: u64) -> Answer {
    if flags & !(O_NONBLOCK | O_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    let pipe = Rc::new(Pipe::new());
    let status = (flags & O_NONBLOCK) as u32;
    let close_on_exec = flags & O_CLOEXEC != 0;
    let reader = OpenFile::new(Target::PipeReader(Rc::clone(&pipe)), status);
    let writer = OpenFile::new(Target::PipeWriter(pipe), status | O_WRONLY);
    let mut bytes = [0; 8];
    let mut made = 0;
    for (index, file) in [reader, writer].into_iter().enumerate() {
        let descriptor = Descriptor { file: Rc::new(file), close_on_exec };
        let fd = match kernel.process.descriptors.insert(descriptor, 0) {
            Ok(fd) => fd,
            Err(error) => {
                if index == 1 {
                    close(kernel, made);
                }
                return Err(error.into());
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "descriptors are below NOFILE_MAX")]
        bytes[index * 4..index * 4 + 4].copy_from_slice(&(fd as u32).to_le_bytes());
        made = fd;
    }
    kernel.memory().write(UserAddr(address), &bytes).inspect_err(|_| {})?;
    Ok(0)
}

fn close(kernel: &mut Kernel, fd: u64) {
    if let Ok(descriptor) = kernel.process.descriptors.remove(fd) {
        kernel.release(descriptor);
    }
}
