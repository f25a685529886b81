// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sockets: connected pairs of them. There is no network, and no name to bind or connect to.

use super::buffers::{Buffers, COUNT_MAX, collect};
use super::pipe::{OnBroken, broken, put_pair, write_pipe};
use super::{Answer, Fail};
use crate::arch::{paging::FaultAccess, trap::Registers};
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::transfer;
use crate::proc::descriptors::{Blocking, Descriptor, O_NONBLOCK, O_RDWR, OpenFile, Target};
use crate::proc::pipe::Side;
use crate::proc::process::State;
use crate::proc::socket::{Rights, Socket, SocketKind};
use alloc::rc::Rc;
use alloc::vec::Vec;

const AF_UNIX: u64 = 1;

const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
/// For a family without headers the same.
const SOCK_RAW: u64 = 3;
const SOCK_SEQPACKET: u64 = 5;
const SOCK_TYPE: u64 = 0xf;
/// The last type that has a name.
const SOCK_PACKET: u64 = 10;
const SOCK_NONBLOCK: u64 = 0o4000;
const SOCK_CLOEXEC: u64 = 0o2_000_000;

const SHUT_RD: u64 = 0;
const SHUT_WR: u64 = 1;
const SHUT_RDWR: u64 = 2;

const MSG_OOB: u64 = 1;
const MSG_PEEK: u64 = 2;
const MSG_TRUNC: u64 = 0x20;
const MSG_DONTWAIT: u64 = 0x40;
const MSG_WAITALL: u64 = 0x100;
/// Descriptors that come are closed on exec; `message.rs` sees to it.
pub(super) const MSG_CMSG_CLOEXEC: u64 = 0x4000_0000;
const MSG_NOSIGNAL: u64 = 0x4000;
/// Where a record ends: nothing that a stream has, and a message is one anyhow.
const MSG_EOR: u64 = 0x80;

const SOL_SOCKET: u64 = 1;
const SO_TYPE: u64 = 3;
const SO_ERROR: u64 = 4;
const SO_DOMAIN: u64 = 39;
const SO_PROTOCOL: u64 = 38;
const SO_SNDBUF: u64 = 7;
const SO_RCVBUF: u64 = 8;
const SO_PEERCRED: u64 = 17;
const SO_ACCEPTCONN: u64 = 30;

/// Size of `struct sockaddr_storage` and of `struct sockaddr_un`.
const NAME_MAX: usize = 128;
const UNIX_NAME_MAX: u32 = 110;

/// No family has sockets that are not born as a pair.
///
/// It is not counted: C libraries ask for a name service that way, and do without.
pub(super) fn socket(_: &mut Kernel, call: &Registers) -> Answer {
    kind_of(call)?;
    Err(Errno::EAFNOSUPPORT.into())
}

/// What kind of socket family, type and protocol mean.
fn kind_of(call: &Registers) -> Result<SocketKind, Errno> {
    let [family, kind, protocol] = [0, 1, 2].map(|index| call.argument(index) & 0xffff_ffff);
    if kind & !(SOCK_TYPE | SOCK_NONBLOCK | SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    match kind & SOCK_TYPE {
        _ if family != AF_UNIX => Err(Errno::EAFNOSUPPORT),
        kind if kind > SOCK_PACKET => Err(Errno::EINVAL),
        _ if !matches!(protocol, 0 | AF_UNIX) => Err(Errno::EPROTONOSUPPORT),
        SOCK_STREAM => Ok(SocketKind::Stream),
        SOCK_DGRAM | SOCK_RAW => Ok(SocketKind::Datagram),
        SOCK_SEQPACKET => Ok(SocketKind::Packet),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

pub(super) fn socketpair(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (kind, address) = (call.argument(1) & 0xffff_ffff, call.argument(3));
    let socket_kind = kind_of(call)?;
    let shared = kernel.processes.shared();
    let numbers = [shared.next_number(), shared.next_number()];
    let pair = Socket::pair(socket_kind, kernel.process.pid, numbers);
    let status = O_RDWR | if kind & SOCK_NONBLOCK != 0 { O_NONBLOCK } else { 0 };
    let files = pair.map(|socket| OpenFile::new(Target::Socket(Rc::new(socket)), status));
    put_pair(kernel, files, kind & SOCK_CLOEXEC != 0, address)
}

pub(super) fn find(kernel: &Kernel, fd: u64) -> Result<(Rc<Socket>, Blocking), Errno> {
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

/// How a call receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reception {
    blocking: Blocking,
    /// What is received stays there: `MSG_PEEK`.
    is_look: bool,
    /// It waits for all that it asks for: `MSG_WAITALL`.
    is_whole: bool,
    /// It is told the length of a message that it gets a part of: `MSG_TRUNC`.
    tells_length: bool,
}

/// What was received.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// What the call returns.
    pub value: u64,
    /// Whether the message was longer.
    pub is_cut: bool,
    /// Open files that came with it.
    pub rights: Rights,
}

/// Gives up open files that came and are not wanted.
pub(super) fn drop_rights(kernel: &mut Kernel, rights: Rights) {
    for file in rights {
        kernel.let_go(Descriptor { file, close_on_exec: false });
    }
}

/// Receives what the other socket of the pair sent.
pub(super) fn receive(
    kernel: &mut Kernel,
    socket: &Socket,
    how: Reception,
    buffers: Buffers,
) -> Result<Received, Fail> {
    let channel = &socket.incoming;
    let pipe = &channel.pipe;
    let is_stream = socket.kind == SocketKind::Stream;
    let is_any_there =
        if is_stream { pipe.nr_bytes() > 0 } else { channel.next_message().is_some() };
    let is_over = !socket.is_reading() || !pipe.is_open(Side::Writer);
    if !is_any_there {
        if channel.take_reset() {
            return Err(Errno::ECONNRESET.into());
        }
        // The end of datagrams is told only to who would wait for more though it has shut its side.
        let tells_end = match socket.kind {
            SocketKind::Datagram => !socket.is_reading() && how.blocking == Blocking::Yes,
            _ => is_over,
        };
        if tells_end || buffers.is_empty() && is_stream {
            return Ok(Received::default());
        }
        return Err(kernel.put_off(how.blocking, &pipe.read_waiters));
    }
    if is_stream {
        let together = channel.nr_bytes_together();
        let len = collect(kernel, buffers, together, FaultAccess::Write)?;
        let is_all_there = len == pipe.nr_bytes() && !is_over;
        let waits = how.is_whole && how.blocking == Blocking::Yes;
        if waits && is_all_there && len < buffers.len(kernel)?.min(pipe.capacity()) {
            return Err(kernel.put_off(how.blocking, &pipe.read_waiters));
        }
        transfer::read_pieces(&pipe.readable(len), &kernel.ranges);
        let rights = match how.is_look {
            true => channel.next_rights(len),
            false => channel.consume(len),
        };
        kernel.wake(&pipe.write_waiters);
        return Ok(Received { value: len, is_cut: false, rights });
    }
    let all = channel.next_message().expect("there is one, or the call would wait");
    let len = collect(kernel, buffers, all, FaultAccess::Write)?;
    transfer::read_pieces(&pipe.readable(len), &kernel.ranges);
    let rights = match how.is_look {
        true => channel.next_rights(all),
        false => channel.consume_message(),
    };
    kernel.wake(&pipe.write_waiters);
    let value = if how.tells_length { all } else { len };
    Ok(Received { value, is_cut: len < all, rights })
}

/// Sends something to the other socket of the pair.
pub(super) fn send(
    kernel: &mut Kernel,
    socket: &Socket,
    blocking: Blocking,
    on_broken: OnBroken,
    buffers: Buffers,
    rights: Rights,
) -> Answer {
    if !socket.is_writing() {
        return Err(broken(kernel, on_broken).into());
    }
    let channel = &socket.outgoing;
    if socket.kind != SocketKind::Stream {
        return send_message(kernel, socket, (blocking, on_broken), buffers, rights);
    }
    let is_first = kernel.process.written == 0;
    let before = channel.pipe.nr_written_ever();
    let answer = write_pipe(kernel, &channel.pipe, blocking, on_broken, buffers);
    let written = channel.pipe.nr_written_ever() - before;
    // Descriptors go with the first bytes, of which a call that waits may have sent some.
    if is_first && written > 0 && !rights.is_empty() {
        channel.mark(written, rights);
    }
    answer
}

fn send_message(
    kernel: &mut Kernel,
    socket: &Socket,
    (blocking, on_broken): (Blocking, OnBroken),
    buffers: Buffers,
    rights: Rights,
) -> Answer {
    let channel = &socket.outgoing;
    let pipe = &channel.pipe;
    if !pipe.is_open(Side::Reader) {
        return Err(match socket.kind {
            // Who was told so once is connected no longer.
            SocketKind::Datagram if socket.is_alone.get() => Errno::ENOTCONN.into(),
            SocketKind::Datagram if channel.is_left.get() => {
                socket.is_alone.set(true);
                Errno::ECONNREFUSED.into()
            }
            _ => broken(kernel, on_broken).into(),
        });
    }
    let len = collect(kernel, buffers, COUNT_MAX, FaultAccess::Read)?;
    if len > pipe.capacity() {
        return Err(Errno::EMSGSIZE.into());
    }
    if !channel.has_room_for_message(len) {
        return Err(kernel.put_off(blocking, &pipe.write_waiters));
    }
    transfer::write_pieces(&pipe.writable(len)?, &kernel.ranges);
    pipe.produce(len);
    channel.mark(len, rights);
    kernel.wake(&pipe.read_waiters);
    Ok(len)
}

/// `read` of a socket: descriptors that come are given up.
pub(super) fn read(
    kernel: &mut Kernel,
    socket: &Socket,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    if buffers.is_empty() {
        return Ok(0);
    }
    let how = Reception { blocking, is_look: false, is_whole: false, tells_length: false };
    let received = receive(kernel, socket, how, buffers)?;
    drop_rights(kernel, received.rights);
    Ok(received.value)
}

/// `write` to a socket.
pub(super) fn write(
    kernel: &mut Kernel,
    socket: &Socket,
    blocking: Blocking,
    buffers: Buffers,
) -> Answer {
    send(kernel, socket, blocking, OnBroken::Signal, buffers, Vec::new())
}

/// What the flags of a call that sends say; others are refused.
pub(super) fn sending(
    kernel: &mut Kernel,
    call: &Registers,
    flags: u64,
    blocking: Blocking,
) -> Result<(Blocking, OnBroken), Fail> {
    let flags = flags & 0xffff_ffff;
    if flags & !(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR) != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EOPNOTSUPP.into());
    }
    let blocking = if flags & MSG_DONTWAIT != 0 { Blocking::No } else { blocking };
    let on_broken = if flags & MSG_NOSIGNAL != 0 { OnBroken::Fail } else { OnBroken::Signal };
    Ok((blocking, on_broken))
}

/// What the flags of a call that receives say; others are refused.
pub(super) fn receiving(
    kernel: &mut Kernel,
    call: &Registers,
    flags: u64,
    (socket, blocking): (&Socket, Blocking),
) -> Result<Reception, Fail> {
    let flags = flags & 0xffff_ffff;
    // There are no urgent bytes, and no urgent messages at all.
    if flags & MSG_OOB != 0 {
        return Err(match socket.kind {
            SocketKind::Stream => Errno::EINVAL.into(),
            _ => Errno::EOPNOTSUPP.into(),
        });
    }
    let known = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_EOR;
    if flags & !(known | MSG_CMSG_CLOEXEC) != 0 {
        kernel.missing.note(call.rax);
        return Err(Errno::EOPNOTSUPP.into());
    }
    Ok(Reception {
        blocking: if flags & MSG_DONTWAIT != 0 { Blocking::No } else { blocking },
        is_look: flags & MSG_PEEK != 0,
        is_whole: flags & MSG_WAITALL != 0,
        tells_length: flags & MSG_TRUNC != 0,
    })
}

pub(super) fn sendto(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let (blocking, on_broken) = sending(kernel, call, call.argument(3), blocking)?;
    check_name(kernel, &socket, call.argument(4), call.argument(5) as u32)?;
    let buffers = Buffers::one(call.argument(1), call.argument(2));
    send(kernel, &socket, blocking, on_broken, buffers, Vec::new())
}

/// Checks the name that something is sent to, which no socket has.
pub(super) fn check_name(
    kernel: &mut Kernel,
    socket: &Socket,
    address: u64,
    length: u32,
) -> Result<(), Errno> {
    if address == 0 || length == 0 {
        return Ok(());
    }
    let mut name = [0; NAME_MAX];
    let name = name.get_mut(..length as usize).ok_or(Errno::EINVAL)?;
    kernel.memory().read(UserAddr(address), name)?;
    match (socket.kind, &*name) {
        (SocketKind::Stream, _) => Err(Errno::EISCONN),
        // It goes to the other one, whatever the name.
        (SocketKind::Packet, _) => Ok(()),
        (SocketKind::Datagram, [family, 0, first, ..])
            if u64::from(*family) == AF_UNIX && length <= UNIX_NAME_MAX =>
        {
            Err(if *first == 0 { Errno::ECONNREFUSED } else { Errno::ENOENT })
        }
        (SocketKind::Datagram, _) => Err(Errno::EINVAL),
    }
}

pub(super) fn recvfrom(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, blocking) = find(kernel, call.argument(0))?;
    let how = receiving(kernel, call, call.argument(3), (&socket, blocking))?;
    let buffers = Buffers::one(call.argument(1), call.argument(2));
    let received = receive(kernel, &socket, how, buffers)?;
    drop_rights(kernel, received.rights);
    // The other one has no name.
    if call.argument(4) != 0 {
        put_name(kernel, &[], call.argument(4), call.argument(5))?;
    }
    Ok(received.value)
}

/// The name of a socket that has none: its family.
pub(super) fn getsockname(kernel: &mut Kernel, call: &Registers) -> Answer {
    find(kernel, call.argument(0))?;
    put_name(kernel, &(AF_UNIX as u16).to_le_bytes(), call.argument(1), call.argument(2))
}

pub(super) fn getpeername(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, _) = find(kernel, call.argument(0))?;
    if socket.is_alone.get() {
        return Err(Errno::ENOTCONN.into());
    }
    getsockname(kernel, call)
}

/// The options that say what a socket is, and how much it holds, cannot be set to anything else.
pub(super) fn setsockopt(kernel: &mut Kernel, call: &Registers) -> Answer {
    find(kernel, call.argument(0))?;
    let (value, length) = (call.argument(3), call.argument(4) & 0xffff_ffff);
    match (call.argument(1) & 0xffff_ffff, call.argument(2) & 0xffff_ffff) {
        (SOL_SOCKET, _) if !(4..1 << 31).contains(&length) => Err(Errno::EINVAL.into()),
        // What is asked for is what the kernel tries to come near to.
        (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF) => {
            kernel.memory().read_u32(UserAddr(value))?;
            Ok(0)
        }
        (
            SOL_SOCKET,
            SO_TYPE | SO_ERROR | SO_DOMAIN | SO_PROTOCOL | SO_PEERCRED | SO_ACCEPTCONN,
        ) => Err(Errno::ENOPROTOOPT.into()),
        (SOL_SOCKET, _) => {
            kernel.missing.note(call.rax);
            Err(Errno::ENOPROTOOPT.into())
        }
        _ => Err(Errno::EOPNOTSUPP.into()),
    }
}

/// The options that tell what a socket is.
pub(super) fn getsockopt(kernel: &mut Kernel, call: &Registers) -> Answer {
    let (socket, _) = find(kernel, call.argument(0))?;
    let (value, length) = (call.argument(3), call.argument(4));
    let answer = match (call.argument(1) & 0xffff_ffff, call.argument(2) & 0xffff_ffff) {
        (SOL_SOCKET, SO_TYPE) => match socket.kind {
            SocketKind::Stream => SOCK_STREAM,
            SocketKind::Datagram => SOCK_DGRAM,
            SocketKind::Packet => SOCK_SEQPACKET,
        },
        (SOL_SOCKET, SO_DOMAIN) => AF_UNIX,
        (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF) => socket.outgoing.pipe.capacity(),
        (SOL_SOCKET, SO_ERROR) if socket.incoming.take_reset() => Errno::ECONNRESET as u64,
        (SOL_SOCKET, SO_ERROR | SO_PROTOCOL | SO_ACCEPTCONN) => 0,
        (SOL_SOCKET, SO_PEERCRED) => {
            // User 0 and group 0.
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&socket.maker.to_le_bytes());
            return put_option(kernel, &bytes, value, length);
        }
        (SOL_SOCKET, _) => {
            kernel.missing.note(call.rax);
            return Err(Errno::ENOPROTOOPT.into());
        }
        _ => return Err(Errno::EOPNOTSUPP.into()),
    };
    put_option(kernel, &answer.to_le_bytes()[..4], value, length)
}

/// Gives the program as much of an option as it has room for, and the length of that.
fn put_option(kernel: &mut Kernel, bytes: &[u8], value: u64, length: u64) -> Answer {
    let count = put(kernel, bytes, value, length)?;
    kernel.memory().write(UserAddr(length), &(count as u32).to_le_bytes())?;
    Ok(0)
}

/// Gives the program as much of a name as it has room for, and its whole length.
fn put_name(kernel: &mut Kernel, name: &[u8], address: u64, length: u64) -> Answer {
    put(kernel, name, address, length)?;
    kernel.memory().write(UserAddr(length), &(name.len() as u32).to_le_bytes())?;
    Ok(0)
}

/// Gives the program as many bytes as the number at `length` says, or all; returns how many.
fn put(kernel: &mut Kernel, bytes: &[u8], value: u64, length: u64) -> Result<usize, Errno> {
    let room = kernel.memory().read_u32(UserAddr(length))?;
    if room.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    let count = bytes.len().min(room as usize);
    kernel.memory().write(UserAddr(value), &bytes[..count])?;
    Ok(count)
}
