// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What calls answer when something has run out: descriptors, queued signals, addresses, and how far
// limits may be raised.

#include "case.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

// Calls that make descriptors, with arguments that would do.
static int two[2];
static word a_set = 1;
static const struct {
    const char *name;
    long number;
    word arguments[5];
} makers[] = {
    {"epoll_create", SYS_epoll_create, {1}},
    {"epoll_create1", SYS_epoll_create1, {0}},
    {"eventfd", SYS_eventfd, {0}},
    {"eventfd2", SYS_eventfd2, {0}},
    {"memfd_create", SYS_memfd_create, {(word) "name", 0}},
    {"pipe", SYS_pipe, {(word)two}},
    {"pipe2", SYS_pipe2, {(word)two, O_CLOEXEC}},
    {"signalfd", SYS_signalfd, {-1ul, (word)&a_set, 8}},
    {"signalfd4", SYS_signalfd4, {-1ul, (word)&a_set, 8, 0}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, (word)two}},
    {"timerfd_create", SYS_timerfd_create, {CLOCK_MONOTONIC, 0}},
};

static void descriptors_run_out(void)
{
    enum { FIRST_FREE = 10 };
    char name[80];
    while (CALL(dup, 1) < FIRST_FREE - 1)
        ;
    for (rlim_t left = 0; left < 2; left++) {
        limit(RLIMIT_NOFILE, FIRST_FREE + left, 1024);
        for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
            const word *with = makers[i].arguments;
            snprintf(name, sizeof name, "%s with room for %d", makers[i].name, (int)left);
            tell(name, call6(makers[i].number, with[0], with[1], with[2], with[3], with[4], 0));
            CALL(close_range, FIRST_FREE, ~0u, 0);
        }
    }
    limit(RLIMIT_NOFILE, FIRST_FREE, 1024);
    T(pidfd_open, "without room", CALL(getpid), 0);
    struct pollfd list[FIRST_FREE + 1] = {{1, 0, 0}};
    T(poll, "of as many as may be open", list, FIRST_FREE, 0);
    T(poll, "of more than may be open", list, FIRST_FREE + 1, 0);
    T(ppoll, "of more than may be open", list, FIRST_FREE + 1, 0, 0, 8);
}

// A descriptor that comes where there is no room for it is lost.
static void messages_run_out(void)
{
    char bytes[8], control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, two);
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &two[0], 4);
    T(sendmsg, "of a descriptor that has no room", two[0], &message, 0);
    part = (struct iovec){bytes, sizeof bytes};
    limit(RLIMIT_NOFILE, (rlim_t)two[1] + 1, 1024);
    T(recvmsg, "of a descriptor that has no room", two[1], &message, 0);
    text("recvmsg of a descriptor that has no room tells", "%d, %#x", (int)message.msg_controllen, message.msg_flags);
}

static void signals_run_out(void)
{
    long self = CALL(getpid);
    int real_time = 40, timer;
    siginfo_t info = {.si_code = SI_QUEUE};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    set_handler(SIGUSR1, 0, 0);
    for (int signal = 1; signal <= 64; signal++)
        block(signal);
    limit(RLIMIT_SIGPENDING, 0, 10000);
    T(rt_sigqueueinfo, "without room", self, real_time, &info);
    T(rt_tgsigqueueinfo, "without room", self, self, real_time, &info);
    T(tkill, "of a real-time signal without room", self, real_time);
    T(tgkill, "of a real-time signal without room", self, self, real_time);
    T(timer_create, "without room for its signal", CLOCK_MONOTONIC, &event, &timer);
    word pending;
    CALL(rt_sigpending, &pending, 8);
    text("rt_sigpending tells what found no room", "%#lx", pending);
    T(kill, "of a real-time signal without room", self, real_time);
    T(tkill, "of a standard signal without room", self, SIGUSR1);
    T(rt_sigqueueinfo, "of a standard signal without room", self, SIGUSR2, &info);
    CALL(rt_sigpending, &pending, 8);
    text("rt_sigpending tells what needs no room", "%#lx", pending);
    word set = 1ul << (real_time - 1);
    T(rt_sigtimedwait, "of a signal that found no room", &set, &info, 0, 8);
    text("rt_sigtimedwait of a signal that found no room tells", "%d, code %d", info.si_signo, info.si_code);
}

static void limits_are_raised(void)
{
    const word limits[2] = {~0ul, ~0ul}, wrong[2] = {2, 1};
    word old[2];
    T(setrlimit, "of descriptors to more than there can be", RLIMIT_NOFILE, limits);
    T(prlimit64, "of descriptors to more than there can be", 0, RLIMIT_NOFILE, limits, 0);
    T(getrlimit, "of resource -1", -1, old);
    T(setrlimit, "of bad limits of an unknown resource", 99, wrong);
    T(prlimit64, "of a negative process", -1, RLIMIT_CORE, 0, old);
    FAULTS_BUT_NULL(prlimit64, "to a bad place", 0, RLIMIT_CORE, 0, bad);
    for (int resource = 0; resource < 16; resource++) {
        char name[40];
        snprintf(name, sizeof name, "setrlimit of resource %d to what it is", resource);
        CALL(getrlimit, resource, old);
        tell(name, CALL(setrlimit, resource, old));
    }
}

static void addresses_run_out(void)
{
    const int both = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    limit(RLIMIT_AS, 64 << 20, 64 << 20);
    long area = CALL(mmap, 0, 2 * PAGE, both, anonymous, -1, 0);
    T(mmap, "without room for more", 0, 65 << 20, PROT_NONE, anonymous, -1, 0);
    T(mmap, "of a file without room for more", 0, 65 << 20, PROT_READ, MAP_PRIVATE, make("data", "x"), 0);
    fact("mmap in place of what is there needs no room",
         CALL(mmap, area, PAGE, both, anonymous | MAP_FIXED, -1, 0) == area);
    T(mremap, "without room for more", area, PAGE, 65 << 20, MREMAP_MAYMOVE);
    fact("mremap that stays needs no room", CALL(mremap, area + PAGE, PAGE, PAGE, MREMAP_MAYMOVE) == area + PAGE);
    limit(RLIMIT_AS, 0, 64 << 20);
    T(mmap, "without any room", 0, PAGE, both, anonymous, -1, 0);
    T(munmap, "without any room", area, PAGE);
}

const struct group shortages[] = {
    GROUP(descriptors_run_out), GROUP(messages_run_out), GROUP(signals_run_out), GROUP(limits_are_raised),
    GROUP(addresses_run_out), END_OF_GROUPS,
};
