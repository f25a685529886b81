// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pairs of sockets, and what is sent through them.

#include "case.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static void pairs(void)
{
    int pair[2], type = 0;
    socklen_t size = 4;
    T(socketpair, "of streams", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    T(fcntl, "tells what socketpair set", pair[0], F_GETFD);
    T(getsockopt, "of the type", pair[0], SOL_SOCKET, SO_TYPE, &type, &size);
    text("getsockopt tells the type", "%d %d", type, size);
    T(getsockopt, "of the error", pair[0], SOL_SOCKET, SO_ERROR, &type, &size);
    T(getsockopt, "of the domain", pair[0], SOL_SOCKET, SO_DOMAIN, &type, &size);
    text("getsockopt tells the domain", "%d", type);
    T(getsockopt, "of an unknown option", pair[0], SOL_SOCKET, 9999, &type, &size);
    T(getsockopt, "of an unknown level", pair[0], 9999, SO_TYPE, &type, &size);
    T(getsockopt, "of a file", make("data", ""), SOL_SOCKET, SO_TYPE, &type, &size);
    T(getsockopt, "of a bad descriptor", 99, SOL_SOCKET, SO_TYPE, &type, &size);
    FAULTS(getsockopt, "to a bad pointer", pair[0], SOL_SOCKET, SO_TYPE, bad, &size);
    struct ucred credentials_ = {0, 1, 1};
    size = sizeof credentials_;
    T(getsockopt, "of who is at the other side", pair[0], SOL_SOCKET, SO_PEERCRED, &credentials_, &size);
    text("getsockopt tells who is at the other side", "%d %d %d", credentials_.pid == CALL(getpid), credentials_.uid, credentials_.gid);
    type = 1;
    T(setsockopt, "of an option that is read", pair[0], SOL_SOCKET, SO_TYPE, &type, 4);
    T(setsockopt, "of the size of a buffer", pair[0], SOL_SOCKET, SO_SNDBUF, &type, 4);
    T(setsockopt, "of too few bytes", pair[0], SOL_SOCKET, SO_SNDBUF, &type, 2);
    T(setsockopt, "of an unknown option", pair[0], SOL_SOCKET, 9999, &type, 4);
    T(setsockopt, "of a bad descriptor", 99, SOL_SOCKET, SO_SNDBUF, &type, 4);
    int other[2];
    T(socketpair, "of an unknown family", 99, SOCK_STREAM, 0, other);
    T(socketpair, "of an unknown kind", AF_UNIX, 9, 0, other);
    T(socketpair, "of an unknown protocol", AF_UNIX, SOCK_STREAM, 99, other);
    T(socketpair, "with an unknown flag", AF_UNIX, SOCK_STREAM | 1 << 25, 0, other);
    FAULTS(socketpair, "to a bad pointer", AF_UNIX, SOCK_STREAM, 0, bad);
    T(socket, "of an unknown family", 99, SOCK_STREAM, 0);
    T(socket, "with an unknown flag", AF_UNIX, SOCK_STREAM | 1 << 25, 0);
    struct sockaddr_un name = {0};
    size = sizeof name;
    T(getsockname, "of a pair", pair[0], &name, &size);
    text("getsockname tells", "%d bytes of family %d", size, name.sun_family);
    size = sizeof name;
    T(getpeername, "of a pair", pair[0], &name, &size);
    T(getsockname, "of a file", CALL(open, "data", O_RDONLY), &name, &size);
    T(getpeername, "of a bad descriptor", 99, &name, &size);
}

static void streaming(void)
{
    char bytes[32];
    int pair[2];
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    T(write, "to a socket", pair[0], "hello", 5);
    T(read, "of a socket", pair[1], bytes, 3);
    T(sendto, "of some bytes", pair[1], "back", 4, MSG_NOSIGNAL, 0, 0);
    T(recvfrom, "of what is there", pair[0], bytes, 32, 0, 0, 0);
    T(recvfrom, "without waiting", pair[0], bytes, 32, MSG_DONTWAIT, 0, 0);
    T(sendto, "to a name", pair[0], "x", 1, 0, "\1\0name", 6);
    T(recvfrom, "to look", pair[1], bytes, 32, MSG_PEEK, 0, 0);
    T(recvfrom, "of what was looked at", pair[1], bytes, 32, 0, 0, 0);
    T(recvfrom, "of urgent bytes", pair[1], bytes, 32, MSG_OOB, 0, 0);
    CALL(write, pair[0], "abc", 3), CALL(write, pair[0], "def", 3);
    T(recvfrom, "of all that was asked for", pair[1], bytes, 6, MSG_WAITALL, 0, 0);
    T(sendto, "of a file", make("data", ""), "x", 1, 0, 0, 0);
    T(sendto, "of a bad descriptor", 99, "x", 1, 0, 0, 0);
    T(recvfrom, "of a bad descriptor", 99, bytes, 1, 0, 0, 0);
    FAULTS(sendto, "of a bad pointer", pair[0], bad, 4, 0, 0, 0);
    T(pread64, "of a socket", pair[0], bytes, 1, 0);
    T(lseek, "of a socket", pair[0], 0, SEEK_SET);
    T(shutdown, "in an unknown way", pair[0], 9);
    T(shutdown, "of a bad descriptor", 99, SHUT_WR);
    T(shutdown, "of a file", CALL(open, "data", O_RDONLY), SHUT_WR);
    T(shutdown, "of writing", pair[0], SHUT_WR);
    T(read, "after the other side has written all", pair[1], bytes, 1);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    T(write, "after writing was shut down", pair[0], "x", 1);
    T(write, "to who may still read", pair[1], "x", 1);
    struct pollfd poll_ = {pair[1], POLLIN | POLLOUT | POLLRDHUP, 0};
    CALL(poll, &poll_, 1, 0);
    text("poll of a socket that is half shut down", "%#x", poll_.revents);
    CALL(close, pair[0]);
    T(read, "of a socket whose other side left bytes unread", pair[1], bytes, 1);
    T(read, "of a socket whose other side is gone", pair[1], bytes, 1);
    T(write, "to a socket whose other side is gone", pair[1], "x", 1);
    CALL(poll, &poll_, 1, 0);
    text("poll of a socket whose other side is gone", "%#x", poll_.revents);
}

static void messages(void)
{
    char bytes[32];
    int pair[2];
    T(socketpair, "of datagrams", AF_UNIX, SOCK_DGRAM, 0, pair);
    T(write, "of a datagram", pair[0], "one", 3);
    T(write, "of another datagram", pair[0], "two!", 4);
    T(read, "of some of a datagram", pair[1], bytes, 2);
    T(read, "of the next datagram", pair[1], bytes, 32);
    T(write, "of an empty datagram", pair[0], "", 0);
    T(read, "of an empty datagram", pair[1], bytes, 32);
    T(recvfrom, "of no datagram", pair[1], bytes, 32, MSG_DONTWAIT, 0, 0);
    CALL(write, pair[0], "hello", 5);
    T(recvfrom, "of a datagram that is cut", pair[1], bytes, 2, MSG_TRUNC, 0, 0);
    CALL(close, pair[0]);
    T(write, "of a datagram to nobody", pair[1], "x", 1);
    T(socketpair, "of packets", AF_UNIX, SOCK_SEQPACKET, 0, pair);
    CALL(write, pair[0], "one", 3), CALL(write, pair[0], "two!", 4);
    T(read, "of a packet", pair[1], bytes, 32);
    CALL(close, pair[0]);
    T(read, "of the last packet", pair[1], bytes, 32);
    T(read, "behind the last packet", pair[1], bytes, 32);
}

struct control {
    struct cmsghdr header;
    int fds[4];
};

// Sends descriptors with a byte.
static long send_fds(int socket_, const int *fds, int count)
{
    struct control control = {{.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}, {0}};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    memcpy(control.fds, fds, sizeof *fds * (size_t)count);
    control.header.cmsg_len = message.msg_controllen = CMSG_LEN(sizeof *fds * (size_t)count);
    return CALL(sendmsg, socket_, &message, 0);
}

static long receive_fds(const char *name, int socket_, int room, int flags, int *fds)
{
    struct control control = {.fds = {-1, -1, -1, -1}};
    char bytes[8];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    message.msg_controllen = (socklen_t)room;
    long result = CALL(recvmsg, socket_, &message, flags);
    memcpy(fds, control.fds, sizeof control.fds);
    text(name, "%ld, control %d of kind %d, flags %#x", result, (int)message.msg_controllen,
         control.header.cmsg_type, message.msg_flags);
    return result;
}

static void passing(void)
{
    int pair[2], fds[4];
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    int sent = (int)make("data", "passed on");
    T(dup, "before passing", sent);
    tell("sendmsg with a descriptor", send_fds(pair[0], &sent, 1));
    CALL(close, sent);
    receive_fds("recvmsg with a descriptor", pair[1], sizeof(struct control), MSG_CMSG_CLOEXEC, fds);
    text("recvmsg gives a descriptor", "%d, flag %ld, %d", fds[0], CALL(fcntl, fds[0], F_GETFD), has(fds[0], "passed on"));
    int two[2] = {fds[0], pair[0]};
    send_fds(pair[0], two, 2);
    receive_fds("recvmsg without room for a descriptor", pair[1], 0, 0, fds);
    send_fds(pair[0], two, 2);
    receive_fds("recvmsg with room for one of two", pair[1], CMSG_LEN(4), 0, fds);
    int bad_fd = 99;
    tell("sendmsg with a bad descriptor", send_fds(pair[0], &bad_fd, 1));
    // Bytes with descriptors are not read together with the next ones.
    send_fds(pair[0], two, 1);
    CALL(write, pair[0], "yz", 2);
    receive_fds("recvmsg stops behind descriptors", pair[1], sizeof(struct control), 0, fds);
    char bytes[8];
    T(read, "of what came after descriptors", pair[1], bytes, 8);
    send_fds(pair[0], two, 1);
    T(read, "of a byte with a descriptor", pair[1], bytes, 8);
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    T(sendmsg, "without control data", pair[0], &message, 0);
    T(sendmsg, "of a bad descriptor", 99, &message, 0);
    T(recvmsg, "of a bad descriptor", 99, &message, 0);
    T(sendmsg, "of a file", sent, &message, 0);
    FAULTS(sendmsg, "of a bad message", pair[0], bad, 0);
    FAULTS(recvmsg, "of a bad message", pair[1], bad, 0);
    struct control control = {{.cmsg_level = SOL_SOCKET, .cmsg_type = 99}, {0}};
    control.header.cmsg_len = message.msg_controllen = CMSG_LEN(4);
    message.msg_control = &control;
    T(sendmsg, "with unknown control data", pair[0], &message, 0);
    control.header.cmsg_len = 1000;
    T(sendmsg, "with control data that is too long", pair[0], &message, 0);
    message.msg_control = 0, message.msg_controllen = 0, message.msg_iovlen = 2000;
    T(sendmsg, "of too many parts", pair[0], &message, 0);
}

const struct group sockets[] = {
    GROUP(pairs), GROUP(streaming), GROUP(messages), GROUP(passing), END_OF_GROUPS,
};
