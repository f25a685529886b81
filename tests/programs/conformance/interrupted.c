// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Calls that wait, and are interrupted by a signal whose handler does not make them go on.

#include "case.h"

#include <sys/file.h>
#include <sys/time.h>

static void ignore(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
}

// Lets alarms come until it is stopped: the first may come before the call does.
static void alarms(long microseconds)
{
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    CALL(setitimer, ITIMER_REAL, &often, 0);
}

#define INTERRUPTED(call, what, ...)             \
    do {                                         \
        alarms(5000);                            \
        long result_ = CALL(call, __VA_ARGS__);  \
        alarms(0);                               \
        tell(#call " interrupted " what, result_); \
    } while (0)

static void files_and_pipes(void)
{
    char block_[PAGE];
    struct iovec parts[1] = {{block_, 10}};
    int empty[2], full[2];
    long from = make("from", "0123456789");
    CALL(lseek, from, 0, SEEK_SET);
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    set_handler(SIGALRM, 0, ignore);
    INTERRUPTED(open, "waiting for a reader", "fifo", O_WRONLY);
    INTERRUPTED(open, "waiting for a writer", "fifo", O_RDONLY);
    INTERRUPTED(openat, "waiting for a writer", AT_FDCWD, "fifo", O_RDONLY);
    INTERRUPTED(creat, "waiting for a reader", "fifo", 0600);
    CALL(pipe2, full, O_NONBLOCK);
    while (CALL(write, full[1], block_, PAGE) > 0)
        ;
    CALL(fcntl, full[1], F_SETFL, 0);
    CALL(pipe, empty);
    INTERRUPTED(read, "waiting for bytes", empty[0], block_, 1);
    INTERRUPTED(readv, "waiting for bytes", empty[0], parts, 1);
    INTERRUPTED(preadv2, "waiting for bytes", empty[0], parts, 1, -1, -1, 0);
    INTERRUPTED(write, "waiting for room", full[1], block_, 1);
    INTERRUPTED(writev, "waiting for room", full[1], parts, 1);
    INTERRUPTED(pwritev2, "waiting for room", full[1], parts, 1, -1, -1, 0);
    INTERRUPTED(vmsplice, "waiting for room", full[1], parts, 1, 0);
    INTERRUPTED(sendfile, "waiting for room", full[1], from, 0, 10);
    INTERRUPTED(splice, "waiting for room", from, 0, full[1], 0, 10, 0);
    INTERRUPTED(splice, "waiting for bytes", empty[0], 0, from, 0, 10, 0);
    INTERRUPTED(tee, "waiting for bytes", empty[0], full[1], 10, 0);
}

static void file_locks(void)
{
    long fd = make("data", "x"), other = CALL(open, "data", O_RDWR);
    struct flock lock = {.l_type = F_WRLCK};
    CALL(flock, fd, LOCK_EX);
    CALL(fcntl, fd, F_SETLK, &lock);
    long pid = CALL(fork);
    if (pid == 0) {
        set_handler(SIGALRM, 0, ignore);
        INTERRUPTED(flock, "waiting for a lock", other, LOCK_EX);
        INTERRUPTED(fcntl, "waiting for a lock", fd, F_SETLKW, &lock);
        INTERRUPTED(fcntl, "waiting for a lock of an open file", other, F_OFD_SETLKW, &lock);
        CALL(exit_group, 0);
    }
    finish(pid);
}

const struct group interrupted[] = {
    GROUP(files_and_pipes), GROUP(file_locks), END_OF_GROUPS,
};
