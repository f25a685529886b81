// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Edges: records and bytes of sockets at their borders, what each kind of descriptor is ready for,
// timers that are late, and flags of handlers.

#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void records(void)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"streams", SOCK_STREAM}, {"datagrams", SOCK_DGRAM}, {"packets", SOCK_SEQPACKET}};
    char name[90], one[4], two[4], bytes[16];
    struct iovec parts[2] = {{one, 3}, {two, 3}}, sent[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2}, out = {.msg_iov = sent, .msg_iovlen = 3};
    int pair[2], count;
#define OF_KIND(what, result)                                       \
    snprintf(name, sizeof name, what, kinds[i].name);               \
    tell(name, result);
    for (int i = 0; i < 3; i++) {
        CALL(socketpair, AF_UNIX, kinds[i].kind | SOCK_NONBLOCK, 0, pair);
        OF_KIND("sendmsg of %s in parts", CALL(sendmsg, pair[0], &out, 0))
        OF_KIND("recvmsg of %s in parts", CALL(recvmsg, pair[1], &message, 0))
        snprintf(name, sizeof name, "recvmsg of %s in parts tells", kinds[i].name);
        text(name, "%.3s %.2s, flags %#x", one, two, message.msg_flags);
        OF_KIND("sendmsg of no parts of %s", CALL(sendmsg, pair[0], &(struct msghdr){.msg_iovlen = 0}, 0))
        CALL(recvfrom, pair[1], bytes, 16, 0, 0, 0);
        CALL(write, pair[0], "abcdef", 6), CALL(write, pair[0], "gh", 2);
        CALL(ioctl, pair[1], FIONREAD, &count);
        snprintf(name, sizeof name, "ioctl tells what is there of %s", kinds[i].name);
        text(name, "%d", count);
        OF_KIND("recvfrom of %s looks", CALL(recvfrom, pair[1], bytes, 4, MSG_PEEK, 0, 0))
        OF_KIND("recvfrom of %s looks at all", CALL(recvfrom, pair[1], bytes, 4, MSG_PEEK | MSG_TRUNC, 0, 0))
        parts[0].iov_len = 1, parts[1].iov_len = 1;
        OF_KIND("recvmsg of a part of %s", CALL(recvmsg, pair[1], &message, 0))
        snprintf(name, sizeof name, "recvmsg of a part of %s tells", kinds[i].name);
        text(name, "%.1s%.1s, flags %#x", one, two, message.msg_flags);
        parts[0].iov_len = 3, parts[1].iov_len = 3;
        OF_KIND("recvfrom of all that is left of %s", CALL(recvfrom, pair[1], bytes, 16, MSG_WAITALL, 0, 0))
        OF_KIND("recvfrom of all that is left of %s, again", CALL(recvfrom, pair[1], bytes, 16, MSG_WAITALL, 0, 0))
        CALL(write, pair[0], "xy", 2);
        CALL(shutdown, pair[0], SHUT_WR);
        OF_KIND("recvfrom of %s behind the last", CALL(recvfrom, pair[1], bytes, 16, MSG_WAITALL, 0, 0))
        OF_KIND("recvfrom of %s behind the end", CALL(recvfrom, pair[1], bytes, 16, 0, 0, 0))
        CALL(shutdown, pair[1], SHUT_RD);
        OF_KIND("recvfrom of %s that are not read", CALL(recvfrom, pair[1], bytes, 16, 0, 0, 0))
        OF_KIND("sendto of %s the other way", CALL(sendto, pair[1], "z", 1, MSG_NOSIGNAL, 0, 0))
        OF_KIND("read of %s the other way", CALL(read, pair[0], bytes, 16))
        CALL(shutdown, pair[0], SHUT_RD);
        OF_KIND("sendto of %s to who reads no more", CALL(sendto, pair[1], "z", 1, MSG_NOSIGNAL, 0, 0))
        CALL(close, pair[0]), CALL(close, pair[1]);
    }
}

static void ready(const char *what, long fd)
{
    char name[80];
    struct pollfd poll_ = {(int)fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0};
    snprintf(name, sizeof name, "poll for everything of %s", what);
    long result = CALL(poll, &poll_, 1, 0);
    text(name, "%ld %#x", result, poll_.revents);
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP, {0}}, got = {0, {0}};
    long set = CALL(epoll_create1, 0);
    snprintf(name, sizeof name, "epoll_ctl for everything of %s", what);
    if (tell(name, CALL(epoll_ctl, set, EPOLL_CTL_ADD, fd, &event)) == 0) {
        result = CALL(epoll_wait, set, &got, 1, 0);
        snprintf(name, sizeof name, "epoll_wait for everything of %s", what);
        text(name, "%ld %#x", result, got.events);
    }
    word in = 1ul << fd, out = in, rest = in;
    struct timeval none = {0, 0};
    snprintf(name, sizeof name, "select for everything of %s", what);
    result = CALL(select, fd + 1, &in, &out, &rest, &none);
    text(name, "%ld %d %d %d", result, in != 0, out != 0, rest != 0);
    CALL(close, set);
}

static void ends_at_once(void) {}

static void readiness(void)
{
    int pair[2];
    word set = 1ul << (SIGUSR1 - 1);
    uint64_t value = ~0ul - 1;
    struct itimerspec past = {{0, 0}, {0, 1}};
    for (int i = 0; i < 3; i++) {
        static const char *const names_[] = {"an empty stream", "an empty datagram", "an empty packet"};
        static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
        char name[60];
        CALL(socketpair, AF_UNIX, kinds[i], 0, pair);
        ready(names_[i], pair[0]);
        CALL(write, pair[1], "x", 1);
        snprintf(name, sizeof name, "%s that is not", names_[i]);
        ready(name, pair[0]);
        CALL(shutdown, pair[1], SHUT_WR);
        snprintf(name, sizeof name, "%s whose end was written", names_[i]);
        ready(name, pair[0]);
        CALL(shutdown, pair[0], SHUT_RDWR);
        snprintf(name, sizeof name, "%s that is shut down", names_[i]);
        ready(name, pair[0]);
        CALL(close, pair[0]), CALL(close, pair[1]);
    }
    long fd = CALL(eventfd2, 0, 0);
    ready("a counter of 0", fd);
    CALL(write, fd, &value, 8);
    ready("a counter that is full", fd);
    fd = CALL(timerfd_create, CLOCK_MONOTONIC, 0);
    ready("a timer that is not set", fd);
    CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &past, 0);
    ready("a timer that is due", fd);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    fd = CALL(signalfd4, -1, &set, 8, 0);
    ready("signals that are not there", fd);
    CALL(kill, CALL(getpid), SIGUSR1);
    ready("signals that are there", fd);
    long pid = start(ends_at_once);
    fd = CALL(pidfd_open, pid, 0);
    siginfo_t info;
    CALL(waitid, P_PID, pid, &info, WEXITED | WNOWAIT, 0);
    ready("a process that ended", fd);
    finish(pid);
    fd = CALL(pidfd_open, CALL(getpid), 0);
    ready("a process that lives", fd);
    ready("an empty set", CALL(epoll_create1, 0));
    ready("a file", make("data", ""));
    ready("a file in memory", CALL(memfd_create, "name", 0));
    ready("a directory", CALL(open, ".", O_RDONLY));
    ready("/dev/zero", CALL(open, "/dev/zero", O_RDONLY));
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    ready("a named pipe without writers", CALL(open, "fifo", O_RDONLY | O_NONBLOCK));
    ready("a named pipe of one", CALL(open, "fifo", O_RDWR));
}

static void late_timers(void)
{
    struct itimerspec past = {{0, 10000000}, {0, 1}}, left;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct timespec now;
    siginfo_t info;
    word set = 1ul << (SIGUSR1 - 1);
    int timer;
    uint64_t count;
    CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    CALL(timer_create, CLOCK_MONOTONIC, &event, &timer);
    // The clock may have started just now.
    rest_ms(60);
    CALL(clock_gettime, CLOCK_MONOTONIC, &now);
    // Due 35 ms ago, and every 10 ms from then on.
    past.it_value = (struct timespec){now.tv_sec, now.tv_nsec - 35000000};
    if (past.it_value.tv_nsec < 0)
        past.it_value = (struct timespec){now.tv_sec - 1, now.tv_nsec + 965000000};
    CALL(timer_settime, timer, TIMER_ABSTIME, &past, 0);
    T(rt_sigtimedwait, "of a timer that is late", &set, &info, 0, 8);
    fact("rt_sigtimedwait tells how late a timer is", info.si_overrun >= 3 && info.si_overrun < 100);
    fact("timer_getoverrun tells it too", CALL(timer_getoverrun, timer) == info.si_overrun);
    CALL(timer_gettime, timer, &left);
    fact("timer_gettime of a timer that is late tells the next time", left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 10000000);
    long fd = CALL(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
    CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &past, 0);
    T(read, "of a timer that is late", fd, &count, 8);
    fact("read of a timer that is late counts", count >= 4 && count < 100);
    T(read, "of a timer that was late, again", fd, &count, 8);
    CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &past, 0);
    past.it_interval.tv_nsec = 0, past.it_value = (struct timespec){0, 0};
    T(timerfd_settime, "that stops a timer that is due", fd, 0, &past, &left);
    text("timerfd_settime that stops a timer tells the interval", "%ld", left.it_interval.tv_nsec);
    T(read, "of a timer that was stopped", fd, &count, 8);
    past.it_value.tv_nsec = 1;
    CALL(timerfd_settime, fd, TFD_TIMER_ABSTIME, &past, 0);
    T(read, "of a timer that is due once", fd, &count, 8);
    text("read of a timer that is due once counts", "%ld", (long)count);
    CALL(timerfd_gettime, fd, &left);
    text("timerfd_gettime of a timer that was due once", "%ld %ld", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
}

static void nothing(int signal) { (void)signal; }

static void flags_of_handlers(void)
{
    struct {
        void (*handler)(int);
        word flags;
        void (*restorer)(void);
        word mask;
    } action = {nothing, ~0u, 0, 0}, old = {0, 0, 0, 0};
    struct sigaction good;
    // One that the C library set, for its way back.
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, 0);
    CALL(rt_sigaction, SIGUSR1, 0, &old, 8);
    action.restorer = old.restorer;
    T(rt_sigaction, "with all flags", SIGUSR1, &action, 0, 8);
    CALL(rt_sigaction, SIGUSR1, 0, &old, 8);
    text("rt_sigaction tells the flags that there are", "%#lx", old.flags);
    T(rt_sigaction, "of two places that are one", SIGUSR1, &action, &action, 8);
    T(rt_sigaction, "of a negative signal", -1, &action, 0, 8);
    sigaction(SIGUSR2, 0, &good);
    fact("rt_sigaction of a signal that was never set", good.sa_handler == SIG_DFL);
    T(rt_sigprocmask, "of a way without a set", 7, 0, 0, 8);
    T(rt_sigpending, "of no bytes", &old, 0);
    T(rt_sigpending, "of half the bytes", &old, 4);
}

const struct group edges[] = {
    GROUP(records), GROUP(readiness), GROUP(late_timers), GROUP(flags_of_handlers), END_OF_GROUPS,
};
