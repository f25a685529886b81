// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is full or at its limit: sizes of files, positions, numbers of descriptors, pipes, devices.

#include "case.h"

#include <sys/resource.h>

static char block_[70000];

static void size_of_files(void)
{
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    struct iovec parts[2] = {{"01234", 5}, {"56789", 5}};
    long from = make("from", "0123456789"), to = make("to", "01234567"), at = 0, end = 10;
    long memory = CALL(memfd_create, "m", 0);
    limit(RLIMIT_FSIZE, 10, 10);
    T(pwrite64, "across the limit of sizes", to, "89ab", 4, 8);
    T(pwrite64, "beyond the limit of sizes", to, "x", 1, 10);
    T(pwrite64, "of nothing beyond the limit of sizes", to, "x", 0, 10);
    T(pwritev, "across the limit of sizes", to, parts, 2, 5, 0);
    T(pwritev, "beyond the limit of sizes", to, parts, 2, 10, 0);
    T(pwritev2, "beyond the limit of sizes", to, parts, 2, 11, 0, 0);
    CALL(lseek, to, 0, SEEK_END);
    T(writev, "beyond the limit of sizes", to, parts, 2);
    T(pwritev2, "at the position beyond the limit of sizes", to, parts, 2, -1, -1, 0);
    T(truncate, "beyond the limit of sizes", "to", 11);
    T(copy_file_range, "beyond the limit of sizes", from, &at, to, &end, 5, 0);
    T(sendfile, "beyond the limit of sizes", to, from, &at, 5);
    int ends_[2];
    CALL(pipe, ends_);
    CALL(write, ends_[1], "x", 1);
    T(splice, "beyond the limit of sizes", ends_[0], 0, to, &end, 1, 0);
    T(write, "beyond the limit of sizes in memory", memory, "0123456789abc", 13);
    T(ftruncate, "beyond the limit of sizes in memory", memory, 11);
    tell("pwrite64 beyond the limit of sizes leaves", size_of("to"));
}

static void last_positions(void)
{
    struct iovec parts[1] = {{block_, 10}};
    long from = make("from", "0123456789"), to = make("to", ""), last = INT64_MAX - 5, none = 0;
    T(pread64, "beyond the last position", from, block_, 10, last);
    T(preadv, "beyond the last position", from, parts, 1, last, 0);
    T(preadv2, "beyond the last position", from, parts, 1, last, 0, 0);
    T(pwrite64, "beyond the last position", to, block_, 10, last);
    T(pwritev, "beyond the last position", to, parts, 1, last, 0);
    T(pwritev2, "beyond the last position", to, parts, 1, last, 0, 0);
    T(sendfile, "beyond the last position", to, from, &last, 10);
    T(copy_file_range, "from beyond the last position", from, &last, to, &none, 10, 0);
    T(copy_file_range, "to beyond the last position", from, &none, to, &last, 10, 0);
    last = 5;
    T(copy_file_range, "of more than can be counted", from, &last, to, &none, ~0ul, 0);
    T(sync_file_range, "beyond the last position", from, INT64_MAX - 5, 10, 0);
    parts[0].iov_len = SIZE_MAX / 2 + 1;
    T(readv, "of more than can be counted", from, parts, 1);
    T(preadv, "of more than can be counted", from, parts, 1, 0, 0);
    T(preadv2, "of more than can be counted", from, parts, 1, 0, 0, 0);
    T(writev, "of more than can be counted", to, parts, 1);
    T(pwritev, "of more than can be counted", to, parts, 1, 0, 0);
    T(pwritev2, "of more than can be counted", to, parts, 1, 0, 0, 0);
}

static void full_devices(void)
{
    struct iovec parts[2] = {{"01234", 5}, {"56789", 5}};
    long full = CALL(open, "/dev/full", O_WRONLY), from = make("from", "0123456789");
    T(pwrite64, "to /dev/full", full, "x", 1, 0);
    T(writev, "to /dev/full", full, parts, 2);
    T(pwritev, "to /dev/full", full, parts, 2, 0, 0);
    T(pwritev2, "to /dev/full", full, parts, 2, 0, 0, 0);
    CALL(lseek, from, 0, SEEK_SET);
    T(sendfile, "to /dev/full", full, from, 0, 5);
    T(fallocate, "of a device", full, 0, 0, 10);
    T(copy_file_range, "to a device", from, 0, full, 0, 5, 0);
}

// What each call that writes to a pipe says of one that takes nothing.
static void write_to(const char *what, long pipe_, long from)
{
    char name[80];
    struct iovec parts[1] = {{block_, 10}};
    long at = 0;
    const struct {
        const char *call;
        long result;
    } results[] = {
        {"write", CALL(write, pipe_, block_, 10)},
        {"writev", CALL(writev, pipe_, parts, 1)},
        {"pwritev2", CALL(pwritev2, pipe_, parts, 1, -1, -1, 0)},
        {"sendfile", CALL(sendfile, pipe_, from, &at, 10)},
        {"splice", CALL(splice, from, &at, pipe_, 0, 10, SPLICE_F_NONBLOCK)},
        {"vmsplice", CALL(vmsplice, pipe_, parts, 1, SPLICE_F_NONBLOCK)},
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        snprintf(name, sizeof name, "%s to a pipe that %s", results[i].call, what);
        tell(name, results[i].result);
    }
}

static void full_pipes(void)
{
    int ends_[2], more[2];
    struct iovec parts[1] = {{block_, 10}};
    long from = make("from", "0123456789");
    CALL(pipe2, ends_, O_NONBLOCK);
    T(readv, "of an empty pipe that does not wait", ends_[0], parts, 1);
    T(preadv2, "of an empty pipe that does not wait", ends_[0], parts, 1, -1, -1, 0);
    while (CALL(write, ends_[1], block_, PAGE) > 0)
        ;
    write_to("is full", ends_[1], from);
    CALL(pipe, more);
    CALL(write, more[1], "x", 1);
    T(tee, "to a pipe that is full", more[0], ends_[1], 1, SPLICE_F_NONBLOCK);
    T(splice, "of a pipe to one that is full", more[0], 0, ends_[1], 0, 1, SPLICE_F_NONBLOCK);
    T(fcntl, "makes a pipe too small for what is in it", ends_[1], F_SETPIPE_SZ, PAGE);
    CALL(close, ends_[0]);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    write_to("has no readers", ends_[1], from);
    T(pwritev, "to a pipe that has no readers", ends_[1], parts, 1, 0, 0);
    T(pwritev2, "to a pipe at an offset", ends_[1], parts, 1, 0, 0, 0);
    T(tee, "to a pipe that has no readers", more[0], ends_[1], 1, SPLICE_F_NONBLOCK);
}

static void numbers_of_descriptors(void)
{
    int ends_[2];
    long fd = make("data", "x");
    limit(RLIMIT_NOFILE, 12, 12);
    while (CALL(dup, fd) >= 0)
        ;
    T(open, "with all numbers taken", "data", O_RDONLY);
    T(open, "of a missing file with all numbers taken", "missing", O_RDONLY);
    T(openat, "with all numbers taken", AT_FDCWD, "data", O_RDONLY);
    T(creat, "with all numbers taken", "made", 0600);
    tell("creat with all numbers taken makes", size_of("made"));
    T(dup, "with all numbers taken", fd);
    T(dup2, "to the first number there is not", fd, 12);
    T(dup3, "to the first number there is not", fd, 12, 0);
    T(fcntl, "duplicates with all numbers taken", fd, F_DUPFD, 0);
    T(fcntl, "duplicates with all numbers taken, closing on exec", fd, F_DUPFD_CLOEXEC, 5);
    T(pipe2, "with all numbers taken", ends_, 0);
    T(memfd_create, "with all numbers taken", "m", 0);
    CALL(close, 11);
    T(dup2, "with the last number left", fd, 11);
}

// What a seal keeps from changing, by name and without a program's memory.
static void sealed_files(void)
{
    char path[40];
    int ends_[2];
    long fd = CALL(memfd_create, "m", MFD_ALLOW_SEALING), from = make("from", "0123456789"), at = 0;
    CALL(ftruncate, fd, 10);
    CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
    T(truncate, "of a sealed file", path, 5);
    T(truncate, "of a sealed file to its size", path, 10);
    T(open, "of a sealed file that truncates", path, O_RDWR | O_TRUNC);
    T(sendfile, "to a sealed file", fd, from, &at, 5);
    CALL(pipe, ends_);
    CALL(write, ends_[1], "bytes", 5);
    T(splice, "to a sealed file", ends_[0], 0, fd, 0, 5, 0);
}

static void directories_as_files(void)
{
    struct iovec parts[1] = {{block_, 10}};
    long dir = CALL(open, ".", O_RDONLY), to = make("to", "");
    T(readv, "of a directory", dir, parts, 1);
    T(pread64, "of a directory", dir, block_, 10, 0);
    T(preadv, "of a directory", dir, parts, 1, 0, 0);
    T(preadv2, "of a directory", dir, parts, 1, 0, 0, 0);
    T(write, "to a directory", dir, "x", 1);
    T(sendfile, "of a directory", to, dir, 0, 10);
    T(sendfile, "to a directory", dir, to, 0, 10);
    T(copy_file_range, "to a directory", to, 0, dir, 0, 10, 0);
    T(fallocate, "of a directory", dir, 0, 0, 10);
    T(sync_file_range, "of a directory", dir, 0, 0, 0);
    T(fadvise64, "of a directory", dir, 0, 0, 0);
    T(readahead, "of a directory", dir, 0, 10);
    T(fdatasync, "of a directory", dir);
}

const struct group full[] = {
    GROUP(size_of_files), GROUP(last_positions), GROUP(full_devices), GROUP(full_pipes),
    GROUP(numbers_of_descriptors), GROUP(sealed_files), GROUP(directories_as_files), END_OF_GROUPS,
};
