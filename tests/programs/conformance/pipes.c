// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pipes, named pipes, and moving bytes through them.

#include "case.h"

#include <poll.h>

static void piping(void)
{
    char bytes[16];
    int ends_[2], status;
    T(pipe, "of two ends", ends_);
    T(pipe2, "with an unknown flag", ends_, 1);
    FAULTS(pipe, "to a bad pointer", bad);
    FAULTS(pipe2, "to a bad pointer", bad, 0);
    T(read, "of nothing of an empty pipe", ends_[0], bytes, 0);
    T(write, "of nothing to a pipe", ends_[1], bytes, 0);
    T(write, "to a pipe", ends_[1], "hello", 5);
    T(read, "of some of a pipe", ends_[0], bytes, 3);
    T(read, "of more than is in a pipe", ends_[0], bytes, 16);
    T(read, "of the writing end", ends_[1], bytes, 1);
    T(write, "to the reading end", ends_[0], "x", 1);
    FAULTS(write, "of a bad pointer to a pipe", ends_[1], bad, 4);
    CALL(close, ends_[1]);
    T(read, "of a pipe without writers", ends_[0], bytes, 1);
    CALL(pipe2, ends_, O_NONBLOCK | O_CLOEXEC);
    T(fcntl, "tells what pipe2 set", ends_[0], F_GETFD);
    T(read, "of an empty pipe that does not wait", ends_[0], bytes, 1);
    CALL(close, ends_[0]);
    long pid = CALL(fork);
    if (pid == 0) {
        CALL(write, ends_[1], "x", 1);
        CALL(exit_group, 0);
    }
    CALL(wait4, pid, &status, 0, 0);
    text("write to a pipe without readers ends by", "%d", WTERMSIG(status));
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    T(write, "to a pipe without readers", ends_[1], "x", 1);
}

static void filling(void)
{
    static char block_[70000];
    int ends_[2];
    CALL(pipe2, ends_, O_NONBLOCK);
    long total = 0, got;
    while ((got = CALL(write, ends_[1], block_, 1000)) > 0)
        total += got;
    text("write fills a pipe", "%ld", total);
    tell("write to a full pipe", got);
    struct pollfd poll_ = {ends_[1], POLLOUT, 0};
    T(poll, "of a pipe whose last page has room", &poll_, 1, 0);
    T(write, "behind the last page of a full pipe", ends_[1], block_, 96);
    T(write, "behind the last byte of a full pipe", ends_[1], block_, 1);
    T(read, "of less than a page of a full pipe", ends_[0], block_, 3000);
    T(write, "to a pipe of pages that were partly read", ends_[1], block_, 1);
    T(read, "of the rest of a page of a full pipe", ends_[0], block_, 1000);
    T(poll, "of a pipe with a free page", &poll_, 1, 0);
    T(write, "of more than the free page of a pipe", ends_[1], block_, 5000);
    T(fcntl, "makes a full pipe smaller", ends_[1], F_SETPIPE_SZ, PAGE);
    T(fcntl, "makes a full pipe larger", ends_[1], F_SETPIPE_SZ, 30 * PAGE);
    T(write, "to a pipe that was made larger", ends_[1], block_, sizeof block_);
    T(fcntl, "makes a pipe as large as can be", ends_[1], F_SETPIPE_SZ, 1 << 20);
    total = 0;
    while ((got = CALL(write, ends_[1], block_, 3000)) > 0)
        total += got;
    text("write fills a large pipe", "%ld", total);
    total = 0;
    while ((got = CALL(read, ends_[0], block_, sizeof block_)) > 0)
        total += got;
    text("read empties a large pipe", "%ld", total);
    T(fcntl, "makes a pipe small again", ends_[1], F_SETPIPE_SZ, 16 * PAGE);
    while (CALL(read, ends_[0], block_, sizeof block_) > 0)
        ;
    T(write, "of more than a pipe holds", ends_[1], block_, sizeof block_);
    T(read, "of 4096 of a full pipe", ends_[0], block_, 4096);
    T(write, "of what there is just room for", ends_[1], block_, 4096);
    CALL(read, ends_[0], block_, 4096);
    T(write, "of a little more than there is room for", ends_[1], block_, 5000);
    CALL(pipe, ends_);
    long pid = CALL(fork);
    if (pid == 0) {
        long sum = 0;
        CALL(close, ends_[1]);
        while ((got = CALL(read, ends_[0], block_, 9999)) > 0)
            sum += got;
        shared[0] = sum;
        CALL(exit_group, 0);
    }
    CALL(close, ends_[0]);
    T(write, "that waits for a reader", ends_[1], block_, sizeof block_);
    CALL(close, ends_[1]);
    finish(pid);
    text("read gets all that was written", "%ld", shared[0]);
}

static void named(void)
{
    char bytes[8];
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    T(open, "of a FIFO to write without waiting", "fifo", O_WRONLY | O_NONBLOCK);
    long reader = OK(open, "of a FIFO to read without waiting", "fifo", O_RDONLY | O_NONBLOCK);
    T(read, "of a FIFO without writers", reader, bytes, 1);
    long writer = OK(open, "of a FIFO that is read", "fifo", O_WRONLY | O_NONBLOCK);
    T(write, "to a FIFO", writer, "abc", 3);
    T(read, "of a FIFO", reader, bytes, 8);
    T(read, "of an empty FIFO", reader, bytes, 8);
    CALL(close, writer);
    T(read, "of a FIFO that all writers left", reader, bytes, 8);
    CALL(close, reader);
    long pid = CALL(fork);
    if (pid == 0) {
        long fd = CALL(open, "fifo", O_WRONLY);
        CALL(write, fd, "from child", 10);
        CALL(exit_group, 0);
    }
    reader = CALL(open, "fifo", O_RDONLY);
    T(read, "of a FIFO that a child writes", reader, bytes, 8);
    finish(pid);
    long both = OK(open, "of a FIFO for both", "fifo", O_RDWR);
    T(write, "to a FIFO of its own", both, "x", 1);
    T(lseek, "of a FIFO", both, 0, SEEK_SET);
    struct stat status;
    CALL(fstat, both, &status);
    text("fstat of a FIFO", "%o", status.st_mode);
}

static void moving_bytes(void)
{
    char bytes[32] = "";
    int one[2], two[2];
    CALL(pipe, one), CALL(pipe, two);
    long from = make("from", "0123456789"), to = make("to", ""), offset = 2;
    T(splice, "from a file to a pipe", from, &offset, one[1], 0, 5, 0);
    text("splice moves the offset", "%ld", offset);
    T(splice, "from a pipe to a pipe", one[0], 0, two[1], 0, 3, 0);
    T(splice, "from a pipe to a file", two[0], 0, to, 0, 10, 0);
    fact("splice moves bytes", has(to, "234"));
    T(splice, "between files", from, 0, to, 0, 1, 0);
    T(splice, "of a pipe at an offset", one[0], &offset, to, 0, 1, 0);
    T(splice, "of a pipe to itself", one[0], 0, one[1], 0, 1, 0);
    T(splice, "with an unknown flag", one[0], 0, to, 0, 1, 1 << 10);
    T(splice, "of nothing", one[0], 0, to, 0, 0, 0);
    T(splice, "of a bad descriptor", 99, 0, one[1], 0, 1, 0);
    T(splice, "to what appends", one[0], 0, CALL(open, "to", O_WRONLY | O_APPEND), 0, 1, 0);
    FAULTS_BUT_NULL(splice, "of a bad offset", from, bad, one[1], 0, 1, 0);
    CALL(read, one[0], bytes, 32);
    T(splice, "of an empty pipe without waiting", one[0], 0, to, 0, 1, 2);
    CALL(write, one[1], "abcdef", 6);
    T(tee, "of a pipe", one[0], two[1], 4, 0);
    T(read, "of what tee copied", two[0], bytes, 32);
    T(read, "of what tee left", one[0], bytes, 32);
    T(tee, "of an empty pipe without waiting", one[0], two[1], 4, 2);
    T(tee, "of a pipe to itself", one[0], one[1], 4, 0);
    T(tee, "of a file", from, one[1], 4, 0);
    T(tee, "with an unknown flag", one[0], two[1], 4, 1 << 10);
    T(tee, "of a bad descriptor", 99, two[1], 4, 0);
    struct iovec parts[2] = {{"hello ", 6}, {"world", 5}};
    T(vmsplice, "to a pipe", one[1], parts, 2, 0);
    T(read, "of what vmsplice wrote", one[0], bytes, 32);
    fact("vmsplice writes bytes", !memcmp(bytes, "hello world", 11));
    CALL(write, one[1], "abcdef", 6);
    struct iovec into = {bytes, 4};
    T(vmsplice, "from a pipe", one[0], &into, 1, 0);
    fact("vmsplice reads bytes", !memcmp(bytes, "abcd", 4));
    T(vmsplice, "of a file", from, parts, 1, 0);
    T(vmsplice, "of a bad descriptor", 99, parts, 1, 0);
    T(vmsplice, "with an unknown flag", one[1], parts, 1, 1 << 10);
    T(vmsplice, "of too many parts", one[1], parts, 2000, 0);
    FAULTS(vmsplice, "of a bad list", one[1], bad, 1, 0);
    CALL(read, one[0], bytes, 32);
    long null = CALL(open, "/dev/null", O_WRONLY), zero = CALL(open, "/dev/zero", O_RDONLY);
    CALL(write, one[1], "abcdef", 6);
    T(splice, "to /dev/null", one[0], 0, null, 0, 10, 0);
    T(splice, "from /dev/zero", zero, 0, one[1], 0, 10, 0);
    CALL(close, one[0]);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    T(splice, "to a pipe without readers", from, 0, one[1], 0, 1, 0);
}

const struct group pipes[] = {
    GROUP(piping), GROUP(filling), GROUP(named), GROUP(moving_bytes), END_OF_GROUPS,
};
