// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What calls on sockets refuse: names, flags, sizes, and sockets whose other side is full or gone.

#include "case.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
static const char *const kind_names[] = {"streams", "datagrams", "packets"};
#define NR_KINDS 3

// Prints the result of a call on sockets of a kind, whose name goes into the case's.
static void tell_of(const char *kind, const char *format, long result)
{
    char what[80];
    snprintf(what, sizeof what, format, kind);
    tell(what, result);
}

static void sockets_made(void)
{
    int pair[2];
    T(socketpair, "of the Internet", AF_INET, SOCK_STREAM, 0, pair);
    T(socketpair, "of no kind", AF_UNIX, 0, 0, pair);
    T(socketpair, "of a negative family", -1, SOCK_STREAM, 0, pair);
    T(socketpair, "of raw packets", AF_UNIX, SOCK_RAW, 0, pair);
    T(socketpair, "of its own protocol", AF_UNIX, SOCK_STREAM, AF_UNIX, pair);
    T(socket, "of an unknown protocol", AF_UNIX, SOCK_STREAM, 99);
    T(socket, "of an unknown kind", AF_UNIX, 9, 0);
    T(socket, "of a kind that is far too large", AF_UNIX, 15, 0);
    T(socket, "of a negative family", -1, SOCK_STREAM, 0);
    T(socket, "of a negative kind", AF_UNIX, -1, 0);
}

// A message with these parts, and room for as many bytes as `names` says.
static struct msghdr message_of(struct iovec *part, void *name, socklen_t length)
{
    return (struct msghdr){.msg_iov = part, .msg_iovlen = 1, .msg_name = name, .msg_namelen = length};
}

static void names_of_sockets(void)
{
    int pair[2];
    char bytes[16];
    socklen_t size = 16;
    struct sockaddr_un name = {AF_UNIX, "name"};
    struct iovec part = {"x", 1};
    struct msghdr message;
    long fd = make("data", "");
    for (int i = 0; i < NR_KINDS; i++) {
        CALL(socketpair, AF_UNIX, kinds[i], 0, pair);
        tell_of(kind_names[i], "sendto of %s to a name that nobody has", CALL(sendto, pair[0], "x", 1, MSG_DONTWAIT, &name, sizeof name));
        tell_of(kind_names[i], "sendto of %s to a name of no family", CALL(sendto, pair[0], "x", 1, MSG_DONTWAIT, "\0\0name", 6));
        tell_of(kind_names[i], "sendto of %s to a name of no length", CALL(sendto, pair[0], "x", 1, MSG_DONTWAIT, &name, 0));
        message = message_of(&part, &name, sizeof name);
        tell_of(kind_names[i], "sendmsg of %s to a name", CALL(sendmsg, pair[0], &message, MSG_DONTWAIT));
    }
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    T(sendto, "to a name that is too long", pair[0], "x", 1, 0, &name, 129);
    T(sendto, "to a name of negative length", pair[0], "x", 1, 0, &name, -1);
    FAULTS_BUT_NULL(sendto, "to a bad name", pair[0], "x", 1, 0, bad, 16);
    message = message_of(&part, &name, (socklen_t)-1);
    T(sendmsg, "to a name of negative length", pair[0], &message, 0);
    T(recvmsg, "from a name of negative length", pair[0], &message, MSG_DONTWAIT);
    T(getsockname, "of a bad descriptor", 99, &name, &size);
    FAULTS(getsockname, "to a bad place", pair[0], bad, &size);
    FAULTS(getsockname, "of a bad length", pair[0], &name, bad);
    FAULTS(getpeername, "to a bad place", pair[0], bad, &size);
    FAULTS(getpeername, "of a bad length", pair[0], &name, bad);
    T(getpeername, "of a file", fd, &name, &size);
    size = (socklen_t)-1;
    T(getsockname, "of a negative length", pair[0], &name, &size);
    T(getpeername, "of a negative length", pair[0], &name, &size);
    size = 1;
    T(getsockname, "with little room", pair[0], &name, &size);
    text("getsockname with little room tells", "%d", size);
    CALL(write, pair[1], "abc", 3);
    size = sizeof name;
    T(recvfrom, "and from whom", pair[0], bytes, 1, 0, &name, &size);
    text("recvfrom tells from whom", "%d", size);
    size = (socklen_t)-1;
    T(recvfrom, "and from whom, of a negative length", pair[0], bytes, 1, 0, &name, &size);
}

static void receiving_refused(void)
{
    int pair[2];
    char bytes[16];
    struct iovec part = {bytes, sizeof bytes}, parts[1] = {{(void *)1, 5}};
    struct msghdr message = message_of(&part, 0, 0);
    long fd = make("data", "");
    T(recvfrom, "of a file", fd, bytes, 1, 0, 0, 0);
    T(recvmsg, "of a file", fd, &message, 0);
    for (int i = 0; i < NR_KINDS; i++) {
        CALL(socketpair, AF_UNIX, kinds[i], 0, pair);
        alarm_soon();
        tell_of(kind_names[i], "recvfrom of %s until an alarm", CALL(recvfrom, pair[0], bytes, 1, 0, 0, 0));
        alarm_soon();
        tell_of(kind_names[i], "recvmsg of %s until an alarm", CALL(recvmsg, pair[0], &message, 0));
        tell_of(kind_names[i], "recvmsg of no %s", CALL(recvmsg, pair[0], &message, MSG_DONTWAIT));
        tell_of(kind_names[i], "recvfrom of urgent %s", CALL(recvfrom, pair[0], bytes, 1, MSG_OOB | MSG_DONTWAIT, 0, 0));
        CALL(write, pair[1], "abc", 3);
        tell_of(kind_names[i], "recvfrom of %s to a bad place", CALL(recvfrom, pair[0], 1, 3, MSG_DONTWAIT, 0, 0));
        tell_of(kind_names[i], "recvfrom of %s after that", CALL(recvfrom, pair[0], bytes, 3, MSG_DONTWAIT, 0, 0));
        CALL(write, pair[1], "abc", 3);
        tell_of(kind_names[i], "recvfrom of no room for %s", CALL(recvfrom, pair[0], bytes, 0, MSG_DONTWAIT, 0, 0));
    }
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    CALL(write, pair[1], "abc", 3);
    message.msg_iov = parts;
    T(recvmsg, "to a bad part", pair[0], &message, MSG_DONTWAIT);
    message.msg_iov = (void *)1;
    T(recvmsg, "of bad parts", pair[0], &message, MSG_DONTWAIT);
    message.msg_iov = &part, message.msg_iovlen = 1025;
    T(recvmsg, "of too many parts", pair[0], &message, MSG_DONTWAIT);
    message.msg_iovlen = 1, part.iov_len = ~0ul;
    T(recvmsg, "of a part of negative length", pair[0], &message, MSG_DONTWAIT);
}

static void sending_refused(void)
{
    static char large[400000];
    int pair[2];
    struct iovec part = {"x", 1}, too_large = {large, sizeof large};
    struct msghdr message = message_of(&part, 0, 0), large_message = message_of(&too_large, 0, 0);
    for (int i = 0; i < NR_KINDS; i++) {
        CALL(socketpair, AF_UNIX, kinds[i], 0, pair);
        if (kinds[i] != SOCK_STREAM) {
            tell_of(kind_names[i], "sendto of urgent %s", CALL(sendto, pair[0], "x", 1, MSG_OOB, 0, 0));
            tell_of(kind_names[i], "sendmsg of urgent %s", CALL(sendmsg, pair[0], &message, MSG_OOB));
            tell_of(kind_names[i], "sendto of %s that are too large", CALL(sendto, pair[0], large, sizeof large, 0, 0, 0));
            tell_of(kind_names[i], "sendmsg of %s that are too large", CALL(sendmsg, pair[0], &large_message, 0));
        }
        while (CALL(sendto, pair[0], large, 1000, MSG_DONTWAIT, 0, 0) > 0)
            ;
        tell_of(kind_names[i], "sendto of %s without room", CALL(sendto, pair[0], large, 1000, MSG_DONTWAIT, 0, 0));
        part = (struct iovec){large, 1000};
        tell_of(kind_names[i], "sendmsg of %s without room", CALL(sendmsg, pair[0], &message, MSG_DONTWAIT));
        alarm_soon();
        tell_of(kind_names[i], "sendto of %s until an alarm", CALL(sendto, pair[0], large, 1000, 0, 0, 0));
        alarm_soon();
        tell_of(kind_names[i], "sendmsg of %s until an alarm", CALL(sendmsg, pair[0], &message, 0));
    }
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    part = (struct iovec){(void *)1, 5};
    T(sendmsg, "of a bad part", pair[0], &message, 0);
    part = (struct iovec){large, ~0ul};
    T(sendmsg, "of a part of negative length", pair[0], &message, 0);
    message.msg_iov = (void *)1;
    T(sendmsg, "of bad parts", pair[0], &message, 0);
}

// What those find out whose other side is gone, once and again.
static void lonely_sockets(void)
{
    int pair[2], number = 1;
    char what[80], bytes[8];
    socklen_t size = 4;
    struct sockaddr_un name;
    struct iovec part = {"x", 1};
    struct msghdr message = message_of(&part, 0, 0);
    for (int i = 0; i < NR_KINDS; i++) {
        CALL(socketpair, AF_UNIX, kinds[i], 0, pair);
        CALL(write, pair[0], "unread", 6);
        CALL(close, pair[1]);
        struct pollfd poll_ = {pair[0], POLLIN | POLLOUT | POLLRDHUP, 0};
        CALL(poll, &poll_, 1, 0);
        snprintf(what, sizeof what, "poll of lonely %s", kind_names[i]);
        text(what, "%#x", poll_.revents);
        for (int again = 0; again < 2; again++) {
            const char *suffix = again ? " again" : "";
            snprintf(what, sizeof what, "recvmsg of lonely %s%s", kind_names[i], suffix);
            part = (struct iovec){bytes, sizeof bytes};
            tell(what, CALL(recvmsg, pair[0], &message, MSG_DONTWAIT));
            snprintf(what, sizeof what, "sendto of lonely %s%s", kind_names[i], suffix);
            tell(what, CALL(sendto, pair[0], "x", 1, MSG_NOSIGNAL, 0, 0));
            snprintf(what, sizeof what, "sendmsg of lonely %s%s", kind_names[i], suffix);
            part = (struct iovec){"x", 1};
            tell(what, CALL(sendmsg, pair[0], &message, MSG_NOSIGNAL));
            snprintf(what, sizeof what, "getpeername of lonely %s%s", kind_names[i], suffix);
            size = sizeof name;
            tell(what, CALL(getpeername, pair[0], &name, &size));
        }
        snprintf(what, sizeof what, "shutdown of lonely %s", kind_names[i]);
        tell(what, CALL(shutdown, pair[0], SHUT_RDWR));
        snprintf(what, sizeof what, "getsockopt of the error of lonely %s", kind_names[i]);
        size = 4;
        CALL(getsockopt, pair[0], SOL_SOCKET, SO_ERROR, &number, &size);
        text(what, "%d", number);
    }
}

static void options_of_sockets(void)
{
    int pair[2], value = 1;
    socklen_t size = 4;
    long fd = make("data", "");
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    T(setsockopt, "of a file", fd, SOL_SOCKET, SO_SNDBUF, &value, 4);
    FAULTS(setsockopt, "of a bad pointer", pair[0], SOL_SOCKET, SO_SNDBUF, bad, 4);
    T(setsockopt, "of a negative size", pair[0], SOL_SOCKET, SO_SNDBUF, &value, -1);
    T(setsockopt, "of more bytes than it takes", pair[0], SOL_SOCKET, SO_SNDBUF, &value, 8);
    FAULTS(getsockopt, "of a bad size", pair[0], SOL_SOCKET, SO_TYPE, &value, bad);
    size = (socklen_t)-1;
    T(getsockopt, "of a negative size", pair[0], SOL_SOCKET, SO_TYPE, &value, &size);
    size = 1;
    T(getsockopt, "with little room", pair[0], SOL_SOCKET, SO_TYPE, &value, &size);
    text("getsockopt with little room tells", "%d", size);
    size = 4;
    T(getsockopt, "of the protocol", pair[0], SOL_SOCKET, SO_PROTOCOL, &value, &size);
    text("getsockopt tells the protocol", "%d", value);
    T(getsockopt, "whether it listens", pair[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &size);
    text("getsockopt tells whether it listens", "%d", value);
    T(shutdown, "of a negative descriptor", -1, SHUT_RD);
}

const struct group messages_[] = {
    GROUP(sockets_made), GROUP(names_of_sockets), GROUP(receiving_refused), GROUP(sending_refused),
    GROUP(lonely_sockets), GROUP(options_of_sockets), END_OF_GROUPS,
};
