// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every call that takes a descriptor, with each kind of what a descriptor may stand for: a table of
// calls, and a table of kinds. Nothing waits. Calls that only one kind takes are with that kind.

#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char room[PAGE];
static const word signals_[1] = {1 << (SIGUSR1 - 1)};

// Calls that are left out with some kinds: what is not a case's own is not changed, and what anonymous
// files and datagrams take differs from one version of Linux to the next.
#define CHANGING 1
#define IOCTL 2
#define MOVING 4

// The kinds: each makes its descriptor anew, in an empty table.
static long file_for(int flags)
{
    file("data", "0123456789");
    return CALL(open, "data", flags);
}

static long pipe_end(int which)
{
    int ends_[2];
    CALL(pipe2, ends_, O_NONBLOCK);
    return ends_[which];
}

static long fifo(int flags)
{
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    return CALL(open, "fifo", flags | O_NONBLOCK);
}

static long socket_(int type)
{
    int ends_[2];
    CALL(socketpair, AF_UNIX, type | SOCK_NONBLOCK, 0, ends_);
    return ends_[0];
}

static long directory(int flags)
{
    CALL(mkdir, "dir", 0700);
    return CALL(open, "dir", flags);
}

static long number(int number_) { return number_; }
static long counter(int value) { return CALL(eventfd2, value, EFD_NONBLOCK); }
static long timer(int clock) { return CALL(timerfd_create, clock, TFD_NONBLOCK); }
static long source(int flags) { return CALL(signalfd4, -1, signals_, 8, flags); }
static long set(int flags) { return CALL(epoll_create1, flags); }
static long null(int flags) { return CALL(open, "/dev/null", flags); }
static long zero(int flags) { return CALL(open, "/dev/zero", flags); }

static const struct {
    const char *what;
    long (*open)(int);
    int argument, left_out;
} kinds[] = {
    {"a file", file_for, O_RDWR, 0},
    {"a file to read", file_for, O_RDONLY, 0},
    {"a file to write", file_for, O_WRONLY, 0},
    {"a file to append to", file_for, O_RDWR | O_APPEND, 0},
    {"a file's place", file_for, O_PATH, 0},
    {"a directory", directory, O_RDONLY, 0},
    {"a directory's place", directory, O_PATH, 0},
    {"a pipe to read", pipe_end, 0, 0},
    {"a pipe to write", pipe_end, 1, 0},
    {"a FIFO", fifo, O_RDWR, 0},
    {"a stream", socket_, SOCK_STREAM, 0},
    {"a datagram socket", socket_, SOCK_DGRAM, MOVING},
    {"a counter", counter, 5, CHANGING},
    {"a timer", timer, CLOCK_MONOTONIC, CHANGING},
    {"a source of signals", source, O_NONBLOCK, CHANGING},
    {"a set", set, 0, CHANGING | IOCTL},
    {"/dev/null", null, O_RDWR, CHANGING},
    {"/dev/zero", zero, O_RDWR, CHANGING},
    {"no descriptor", number, 99, 0},
    {"-1", number, -1, 0},
};

// Stand for arguments: the descriptor, and the ends of a pipe with some bytes in it.
#define FD 0x4445534301
#define FULL 0x4445534302
#define EMPTY 0x4445534303
#define ROOM ((word)room)

static struct iovec parts[2] = {{room, 8}, {room + 8, 0}};
static const struct timespec times[2] = {{5, 0}, {6, 0}};
static struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
static struct epoll_event event = {.events = EPOLLIN};
static int off_, length = sizeof room;

static const struct {
    const char *name;
    long number;
    word arguments[6];
    int is_any, class_;
} calls[] = {
#define ROW(call, ...) {#call, SYS_##call, {__VA_ARGS__}, 0, 0}
#define ROW_FOR(call, what, ...) {#call " " what, SYS_##call, {__VA_ARGS__}, 0, 0}
// The value depends on the run, or on the system that holds the file.
#define ROW_OK(call, what, ...) {#call " " what, SYS_##call, {__VA_ARGS__}, 1, 0}
#define ROW_OF(class, call, what, ...) {#call " " what, SYS_##call, {__VA_ARGS__}, 0, class}
    ROW_OK(read, "of bytes", FD, ROOM, 100),
    ROW(write, FD, ROOM, 8),
    ROW_OK(pread64, "of bytes", FD, ROOM, 100, 1),
    ROW(pwrite64, FD, ROOM, 8, 1),
    ROW_OK(readv, "of bytes", FD, (word)parts, 2),
    ROW(writev, FD, (word)parts, 2),
    ROW_OK(preadv, "of bytes", FD, (word)parts, 2, 1),
    ROW(pwritev, FD, (word)parts, 2, 1),
    ROW_OK(preadv2, "at the position", FD, (word)parts, 2, -1ul, -1ul),
    ROW_FOR(pwritev2, "at the position", FD, (word)parts, 2, -1ul, -1ul),
    ROW_FOR(read, "of nothing", FD, ROOM, 0),
    ROW_FOR(write, "of nothing", FD, ROOM, 0),
    ROW_FOR(pread64, "of nothing", FD, ROOM, 0),
    ROW_FOR(lseek, "to nowhere else", FD, 0, SEEK_CUR),
    ROW_FOR(lseek, "to 5", FD, 5, SEEK_SET),
    ROW(ftruncate, FD, 5),
    ROW(fallocate, FD, 0, 0, 20),
    ROW(fsync, FD),
    ROW(fdatasync, FD),
    ROW(syncfs, FD),
    ROW(sync_file_range, FD, 0, 5, 0),
    ROW(fadvise64, FD, 0, 5, 0),
    ROW(readahead, FD, 0, 5),
    ROW_OF(CHANGING, fchmod, "of it", FD, 0700),
    ROW_OF(CHANGING, fchown, "of it", FD, 0, 0),
    ROW(fchdir, FD),
    ROW(fstat, FD, ROOM),
    ROW(fstatfs, FD, ROOM),
    ROW_FOR(newfstatat, "of it", FD, (word) "", ROOM, AT_EMPTY_PATH),
    ROW_FOR(newfstatat, "below it", FD, (word) ".", ROOM, 0),
    ROW_FOR(faccessat2, "of it", FD, (word) "", W_OK, AT_EMPTY_PATH),
    ROW_FOR(readlinkat, "of it", FD, (word) "", ROOM, 100),
    ROW_OF(CHANGING, linkat, "of it", FD, (word) "", AT_FDCWD, (word) "linked", AT_EMPTY_PATH),
    ROW_OF(CHANGING, utimensat, "of it", FD, 0, (word)times, 0),
    ROW_OF(CHANGING, fchownat, "of it", FD, (word) "", 0, 0, AT_EMPTY_PATH),
    ROW_FOR(fgetxattr, "of a name of no space", FD, (word) "nowhere.a", ROOM, 8),
    ROW_OK(getdents64, "of it", FD, ROOM, sizeof room),
    ROW_FOR(flock, "alone", FD, 2 | 4),
    ROW_FOR(fcntl, "F_GETFL", FD, F_GETFL),
    ROW_FOR(fcntl, "F_SETFL", FD, F_SETFL, O_APPEND | O_NONBLOCK),
    ROW_FOR(fcntl, "F_SETFD", FD, F_SETFD, 1),
    ROW_OK(fcntl, "F_DUPFD", FD, F_DUPFD, 20),
    ROW_FOR(fcntl, "F_SETLK", FD, F_SETLK, (word)&lock),
    ROW_FOR(fcntl, "F_OFD_SETLK", FD, F_OFD_SETLK, (word)&lock),
    ROW_FOR(fcntl, "F_GETPIPE_SZ", FD, F_GETPIPE_SZ),
    ROW_FOR(fcntl, "F_SETPIPE_SZ", FD, F_SETPIPE_SZ, PAGE),
    ROW_FOR(fcntl, "F_GETOWN", FD, F_GETOWN),
    ROW_OK(dup, "of it", FD),
    ROW_FOR(dup2, "to 30", FD, 30),
    ROW_OF(IOCTL, ioctl, "FIONBIO", FD, 0x5421, (word)&off_),
    ROW_OF(IOCTL, ioctl, "FIONREAD", FD, 0x541b, ROOM),
    ROW_OF(IOCTL, ioctl, "FIOCLEX", FD, 0x5451),
    ROW_OF(IOCTL, ioctl, "TCGETS", FD, 0x5401, ROOM),
    ROW_OF(IOCTL, ioctl, "TIOCGWINSZ", FD, 0x5413, ROOM),
    ROW_OF(MOVING, sendfile, "to a pipe", EMPTY, FD, 0, 8),
    ROW_OF(MOVING, splice, "to a pipe", FD, 0, EMPTY, 0, 8, 2),
    ROW_OF(MOVING, splice, "from a pipe", FULL, 0, FD, 0, 8, 2),
    ROW_FOR(tee, "to a pipe", FD, EMPTY, 8, 2),
    ROW_FOR(tee, "from a pipe", FULL, FD, 8, 2),
    ROW_FOR(vmsplice, "of bytes", FD, (word)parts, 2, 2),
    ROW_FOR(copy_file_range, "to itself", FD, 0, FD, 0, 0),
    ROW_OK(mmap, "to read", 0, PAGE, PROT_READ, MAP_PRIVATE, FD),
    ROW_OK(mmap, "to share", 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FD),
    ROW_FOR(epoll_ctl, "to be watched", FULL, EPOLL_CTL_ADD, FD, (word)&event),
    ROW_FOR(epoll_ctl, "to watch", FD, EPOLL_CTL_ADD, FULL, (word)&event),
    ROW_FOR(epoll_wait, "for nothing", FD, ROOM, 1, 0),
    ROW_FOR(timerfd_gettime, "of it", FD, ROOM),
    ROW_FOR(signalfd4, "of it", FD, (word)signals_, 8, 0),
    ROW_FOR(pidfd_send_signal, "of none", FD, 0, 0, 0),
    ROW_FOR(getsockname, "of it", FD, ROOM, (word)&length),
    ROW_FOR(sendto, "of bytes", FD, ROOM, 8, MSG_DONTWAIT),
    ROW_FOR(recvfrom, "of bytes", FD, ROOM, 8, MSG_DONTWAIT),
    ROW_FOR(shutdown, "of it", FD, SHUT_WR),
    ROW(close, FD),
};

// The argument that a row's word stands for, with a descriptor.
static word argument(word given, long fd)
{
    int ends_[2];
    switch (given) {
    case FD:
        return (word)fd;
    case EMPTY:
        return (word)pipe_end(1);
    case FULL:
        CALL(pipe, ends_);
        CALL(write, ends_[1], "some bytes", 10);
        return (word)ends_[0];
    }
    return given;
}

static void each_kind(void)
{
    char name[80];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t j = 0; j < sizeof calls / sizeof *calls; j++) {
            if (calls[j].class_ & kinds[i].left_out)
                continue;
            word a[6];
            long fd = kinds[i].open(kinds[i].argument);
            for (int k = 0; k < 6; k++)
                a[k] = argument(calls[j].arguments[k], fd);
            length = sizeof room;
            long result = call6(calls[j].number, a[0], a[1], a[2], a[3], a[4], a[5]);
            snprintf(name, sizeof name, "%s on %s", calls[j].name, kinds[i].what);
            calls[j].is_any ? works(name, result) : tell(name, result);
            CALL(close_range, 3, ~0u, 0);
            if (calls[j].class_ == CHANGING)
                CALL(unlink, "linked");
        }
}

static void readiness_of_each_kind(void)
{
    char name[80];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pollfd one = {(int)kinds[i].open(kinds[i].argument), 0x3fff, 0};
        long result = CALL(poll, &one, 1, 0);
        snprintf(name, sizeof name, "poll on %s", kinds[i].what);
        text(name, "%ld: %#x", result, one.revents);
        CALL(close_range, 3, ~0u, 0);
    }
    struct itimerspec soon = {.it_value.tv_nsec = 1};
    struct pollfd expired = {(int)timer(CLOCK_MONOTONIC), 0x3fff, 0};
    CALL(timerfd_settime, expired.fd, 0, &soon, 0);
    rest_ms(1);
    CALL(poll, &expired, 1, 0);
    text("poll on a timer that expired", "%#x", expired.revents);
    struct pollfd pending = {(int)source(0), 0x3fff, 0};
    block(SIGUSR1);
    CALL(kill, CALL(getpid), SIGUSR1);
    CALL(poll, &pending, 1, 0);
    text("poll on a source of signals that are pending", "%#x", pending.revents);
}

const struct group each[] = {
    GROUP(each_kind), GROUP(readiness_of_each_kind), END_OF_GROUPS,
};
