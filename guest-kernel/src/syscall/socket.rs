// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sockets: connected pairs of them. There is no network, and no name to bind or connect to.

use super::buffers::Buffers;
use super::pipe::{OnBroken, broken, put_pair, read_pipe, write_pipe};
use super::{Answer, Fail};
use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::proc::descriptors::{Blocking, O_NONBLOCK, O_RDWR, OpenFile, Target};
use crate::proc::pipe::Side;
use crate::proc::process::State;
use crate::proc::socket::Socket;
use alloc::rc::Rc;

const AF_UNIX: u64 = 1;

const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
const SOCK_SEQPACKET: u64 = 5;
const SOCK_TYPE: u64 = 0xf;
const SOCK_NONBLOCK: u64 = 0o4000;
const SOCK_CLOEXEC: u64 = 0o2_000_000;

const SHUT_RD: u64 = 0;
const SHUT_WR: u64 = 1;
const SHUT_RDWR: u64 = 2;

const MSG_DONTWAIT: u64 = 0x40;
const MSG_NOSIGNAL: u64 = 0x4000;
/// Where a record ends and where descriptors are closed on exec: nothing that a stream has.
const MSG_MEANINGLESS: u64 = 0x80 | 0x4000_0000;

/// Size of `struct msghdr`, by the words that it has.
const MSGHDR_WORDS: usize = 7;

const SOL_SOCKET: u64 = 1;
const SO_TYPE: u64 = 3;
const SO_ERROR: u64 = 4;
const SO_DOMAIN: u64 = 39;
const SO_PROTOCOL: u64 = 38;

/// No family has sockets that are not born as a pair.
///
/// It is not counted: C libraries ask for a name service that way, and do without.
pub(super) fn socket(_: &mut Kernel, call: &Registers) -> Answer {
    let kind = call.argument(1) & 0xffff_ffff;
    if kind & !(SOCK_TYPE | SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    Err(Errno::EAFNOSUPPORT.into())
}

pub(super) fn socketpair(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (family, kind) = (call.argument(0) & 0xffff_ffff, call.argument(1) & 0xffff_ffff);
    let (protocol, address) = (call.argument(2) & 0xffff_ffff, call.argument(3));
    if kind & !(SOCK_TYPE | SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL.into());
    }
    match family {
        AF_UNIX => {}
        _ => return Err(Errno::EAFNOSUPPORT.into()),
    }
    if !matches!(protocol, 0 | AF_UNIX) {
        return Err(Errno::EPROTONOSUPPORT.into());
    }
    match kind & SOCK_TYPE {
        SOCK_STREAM => {}
        SOCK_DGRAM | SOCK_SEQPACKET => {
            kernel.missing.note(call.rax);
            return Err(Errno::ESOCKTNOSUPPORT.into());
        }
        _ => return Err(Errno::ESOCKTNOSUPPORT.into()),
    }
    let shared = kernel.processes.shared();
    let pair = Socket::pair([shared.next_number(), shared.next_number()]);
    let status = O_RDWR | if kind & SOCK_NONBLOCK != 0 { O_NONBLOCK } else { 0 };
    let files = pair.map(|socket| OpenFile::new(Target::Socket(Rc::new(socket)), status));
    put_pair(kernel, files, kind & SOCK_CLOEXEC != 0, address)
}

fn find(kernel: &Kernel, fd: u64) -> Result<(Rc<Socket>, Blocking), Errno> {
    let file = kernel.process.descriptors.file(fd)?;
    match &file.target {
        Target::Socket(socket) => Ok((Rc::clone(socket), file.blocking())),
        _ => Err(Errno::ENOTSOCK),
    }
}

pub(super) fn shutdown(kernel: &mut Kernel, call: &Registers) -> Answer {
    let side = match call.argument(1) & 0xffff_ffff {
        SHUT_RD => Side::Reader,
        SHUT_WR => Side::Writer,
        SHUT_RDWR => Side::Both,
        _ => {
            kernel.process.descriptors.file(call.argument(0))?;
            return Err(Errno::EINVAL.into());
        }
    };
    let (socket, _) = find(kernel, call.argument(0))?;
    for pid in socket.shut_down(side) {
        kernel.processes.set_ready(pid, State::Waiting);
    }
    Ok(0)
}

/// Reads what the other socket of the pair wrote.
pub(super) fn receive(
    kernel: &mut Kernel,
    socket: &Socket,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    if !socket.is_reading() && socket.incoming.nr_bytes() == 0 {
        return Ok(0);
    }
    read_pipe(kernel, &socket.incoming, blocking, buffers)
}

/// Writes for the other socket of the pair.
pub(super) fn send(
    kernel: &mut Kernel,
    socket: &Socket,
    blocking: Blocking,
    on_broken: OnBroken,
    buffers: Buffers,
) -> Answer {
    if !socket.is_writing() {
        return Err(broken(kernel, on_broken).into());
    }
    write_pipe(kernel, &socket.outgoing, blocking, on_broken, buffers)
}

/// Splits the flags of a message into what they say; others are refused.
fn behaviour(
    kernel: &mut Kernel,
    call: &Registers,
    flags: u64,
    blocking: Blocking,
) -> Result<(Blocking, OnBroken), Fail> {
    let flags = flags & 0xffff_ffff;
    if flags & !(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MEANINGLESS) != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EOPNOTSUPP.into());
    }
    let blocking = if flags & MSG_DONTWAIT != 0 { Blocking::No } else { blocking };
    let on_broken = if flags & MSG_NOSIGNAL != 0 { OnBroken::Fail } else { OnBroken::Signal };
    Ok((blocking, on_broken))
}

pub(super) fn sendto(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let (blocking, on_broken) = behaviour(kernel, call, call.argument(3), blocking)?;
    if call.argument(4) != 0 {
        return Err(Errno::EISCONN.into());
    }
    let buffers = Buffers::one(call.argument(1), call.argument(2));
    send(kernel, &socket, blocking, on_broken, buffers)
}

pub(super) fn recvfrom(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let (blocking, _) = behaviour(kernel, call, call.argument(3), blocking)?;
    let received =
        receive(kernel, &socket, blocking, Buffers::one(call.argument(1), call.argument(2)))?;
    // The other one has no name.
    if call.argument(5) != 0 {
        kernel.memory().write(UserAddr(call.argument(5)), &[0; 4])?;
    }
    Ok(received)
}

fn read_header(kernel: &mut Kernel, address: u64) -> Result<[u64; MSGHDR_WORDS], Errno> {
    let mut words = [0; MSGHDR_WORDS];
    for (at, word) in (address..).step_by(8).zip(&mut words) {
        *word = kernel.memory().read_u64(UserAddr(at))?;
    }
    Ok(words)
}

pub(super) fn sendmsg(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let (blocking, on_broken) = behaviour(kernel, call, call.argument(2), blocking)?;
    let [name, _, address, count, _, control_len, _] = read_header(kernel, call.argument(1))?;
    if name != 0 {
        return Err(Errno::EISCONN.into());
    }
    if control_len != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EOPNOTSUPP.into());
    }
    send(kernel, &socket, blocking, on_broken, Buffers::Vector { address, count })
}

/// Fills the buffers of a message. It has no name, no control data and no flags.
pub(super) fn recvmsg(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let (blocking, _) = behaviour(kernel, call, call.argument(2), blocking)?;
    let header = call.argument(1);
    let [_, _, address, count, ..] = read_header(kernel, header)?;
    let received = receive(kernel, &socket, blocking, Buffers::Vector { address, count })?;
    kernel.memory().write(UserAddr(header + 8), &[0; 4])?;
    kernel.memory().write(UserAddr(header + 40), &[0; 12])?;
    Ok(received)
}

/// The options that tell what a socket is.
pub(super) fn getsockopt(kernel: &mut Kernel, call: &Registers) -> Answer {
    find(kernel, call.argument(0))?;
    let (value, length) = (call.argument(3), call.argument(4));
    let answer = match (call.argument(1) & 0xffff_ffff, call.argument(2) & 0xffff_ffff) {
        (SOL_SOCKET, SO_TYPE) => SOCK_STREAM,
        (SOL_SOCKET, SO_DOMAIN) => AF_UNIX,
        (SOL_SOCKET, SO_ERROR | SO_PROTOCOL) => 0,
        _ => {
            kernel.missing.note(call.rax);
            return Err(Errno::EOPNOTSUPP.into());
        }
    };
    let room = kernel.memory().read_u32(UserAddr(length))?;
    if room.cast_signed() < 0 {
        return Err(Errno::EINVAL.into());
    }
    let bytes = answer.to_le_bytes();
    let count = room.min(4);
    kernel.memory().write(UserAddr(value), &bytes[..count as usize])?;
    kernel.memory().write(UserAddr(length), &count.to_le_bytes())?;
    Ok(0)
}
