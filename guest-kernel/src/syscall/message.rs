// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Messages with control data: `sendmsg` and `recvmsg`, which pass descriptors on (`unix(7)`,
//! `cmsg(3)`).

use super::Answer;
use super::buffers::{Buffers, IOV_MAX};
use super::socket::{self, MSG_CMSG_CLOEXEC};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::Descriptor;
use crate::proc::socket::Rights;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Size of `struct msghdr`, by the words that it has, and where two of them stand.
const MSGHDR_WORDS: usize = 7;
const NAME_LEN: u64 = 8;
const CONTROL_LEN: u64 = 40;

const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;

/// Size of `struct cmsghdr`.
const CONTROL_HEADER: u64 = 16;

/// Descriptors that one message passes on, at most: `SCM_MAX_FD`.
const RIGHTS_MAX: usize = 253;

const MSG_CTRUNC: u32 = 8;
const MSG_TRUNC: u32 = 0x20;

/// `struct msghdr`, as far as it is looked at.
struct Header {
    name: u64,
    name_len: u32,
    buffers: Buffers,
    control: u64,
    control_len: u64,
}

fn read_header(kernel: &mut Kernel, address: u64) -> Result<Header, Errno> {
    let mut words = [0; MSGHDR_WORDS];
    for (at, word) in (address..).step_by(8).zip(&mut words) {
        *word = kernel.memory().read_u64(UserAddr(at))?;
    }
    let [name, name_len, address, count, control, control_len, _] = words;
    let name_len = name_len as u32;
    if name != 0 && name_len.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    if count > IOV_MAX {
        return Err(Errno::EMSGSIZE);
    }
    let buffers = Buffers::Vector { address, count };
    Ok(Header { name, name_len, buffers, control, control_len })
}

pub(super) fn sendmsg(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = socket::find(kernel, call.argument(0))?;
    let (blocking, on_broken) = socket::sending(kernel, call, call.argument(2), blocking)?;
    let header = read_header(kernel, call.argument(1))?;
    socket::check_name(kernel, &socket, header.name, header.name_len)?;
    let rights = read_rights(kernel, header.control, header.control_len)?;
    socket::send(kernel, &socket, blocking, on_broken, header.buffers, rights)
}

/// The open files whose descriptors stand in control data.
fn read_rights(kernel: &mut Kernel, control: u64, len: u64) -> Result<Rights, Errno> {
    let mut rights = Vec::new();
    let mut at = 0;
    while len - at >= CONTROL_HEADER {
        let here = control.wrapping_add(at);
        let size = kernel.memory().read_u64(UserAddr(here))?;
        if size < CONTROL_HEADER || size > len - at {
            return Err(Errno::EINVAL);
        }
        let level = kernel.memory().read_u32(UserAddr(here.wrapping_add(8)))?;
        let kind = kernel.memory().read_u32(UserAddr(here.wrapping_add(12)))?;
        match (level, kind) {
            (SOL_SOCKET, SCM_RIGHTS) => {
                for fd_at in (CONTROL_HEADER..size & !3).step_by(4) {
                    let fd = kernel.memory().read_u32(UserAddr(here.wrapping_add(fd_at)))?;
                    rights.push(Rc::clone(kernel.process.descriptors.file_or_place(fd.into())?));
                }
            }
            (SOL_SOCKET, _) => return Err(Errno::EINVAL),
            // Other levels are for other kinds of sockets.
            _ => {}
        }
        if rights.len() > RIGHTS_MAX {
            return Err(Errno::EINVAL);
        }
        at = size.next_multiple_of(8).saturating_add(at).min(len);
    }
    Ok(rights)
}

pub(super) fn recvmsg(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = socket::find(kernel, call.argument(0))?;
    let how = socket::receiving(kernel, call, call.argument(2), (&socket, blocking))?;
    let address = call.argument(1);
    let header = read_header(kernel, address)?;
    let received = socket::receive(kernel, &socket, how, header.buffers)?;
    let close_on_exec = call.argument(2) & MSG_CMSG_CLOEXEC;
    let (control_len, is_lost) = put_rights(kernel, received.rights, &header, close_on_exec != 0)?;
    let mut flags = close_on_exec as u32;
    flags |= if is_lost { MSG_CTRUNC } else { 0 };
    flags |= if received.is_cut { MSG_TRUNC } else { 0 };
    if header.name != 0 {
        // The other one has no name.
        kernel.memory().write(UserAddr(address + NAME_LEN), &[0; 4])?;
    }
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&control_len.to_le_bytes());
    bytes[8..].copy_from_slice(&flags.to_le_bytes());
    kernel.memory().write(UserAddr(address + CONTROL_LEN), &bytes)?;
    Ok(received.value)
}

/// Gives open files that came descriptors, as many as there is room to tell of; returns the length
/// of the control data, and whether some were lost.
fn put_rights(
    kernel: &mut Kernel,
    mut rights: Rights,
    header: &Header,
    close_on_exec: bool,
) -> Result<(u64, bool), Errno> {
    if rights.is_empty() {
        return Ok((0, false));
    }
    let room = usize::try_from(header.control_len.saturating_sub(CONTROL_HEADER) / 4);
    let rest = rights.split_off(room.unwrap_or(usize::MAX).min(rights.len()));
    let mut is_lost = !rest.is_empty();
    socket::drop_rights(kernel, rest);
    let mut at = CONTROL_HEADER;
    let mut result = Ok(());
    for file in rights {
        let descriptor = Descriptor { file, close_on_exec };
        let copy = descriptor.clone();
        let number = result.and_then(|()| kernel.process.descriptors.insert(descriptor, 0));
        let Ok(number) = number else {
            kernel.let_go(copy);
            is_lost = true;
            continue;
        };
        let place = UserAddr(header.control.wrapping_add(at));
        result = kernel.memory().write(place, &number.to_le_bytes()[..4]);
        at += 4;
    }
    if at == CONTROL_HEADER {
        return result.map(|()| (0, is_lost));
    }
    let mut bytes = [0; CONTROL_HEADER as usize];
    bytes[..8].copy_from_slice(&at.to_le_bytes());
    bytes[8..12].copy_from_slice(&SOL_SOCKET.to_le_bytes());
    bytes[12..].copy_from_slice(&SCM_RIGHTS.to_le_bytes());
    result?;
    kernel.memory().write(UserAddr(header.control), &bytes)?;
    Ok((at.next_multiple_of(8).min(header.control_len), is_lost))
}
