// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Descriptors: duplicating, their flags, controlling what they name.

#include "case.h"

#include <sys/resource.h>

static void duplicating(void)
{
    long fd = make("data", "0123456789");
    T(dup, "takes the lowest number", fd);
    CALL(lseek, fd, 5, SEEK_SET);
    T(lseek, "of a copy", 4, 0, SEEK_CUR);
    T(dup, "of a closed one", 99);
    T(dup2, "to a number", fd, 40);
    T(dup2, "to itself", fd, fd);
    T(dup2, "of a closed one to itself", 41, 41);
    T(dup2, "of a closed one", 99, 40);
    T(dup2, "to -1", fd, -1);
    T(dup2, "beyond the limit", fd, 1 << 20);
    T(dup3, "that closes on exec", fd, 41, O_CLOEXEC);
    T(fcntl, "tells what dup3 set", 41, F_GETFD);
    T(dup3, "to itself", fd, fd, 0);
    T(dup3, "with an unknown flag", fd, 42, 1);
    T(dup3, "of a closed one", 99, 42, 0);
    T(fcntl, "duplicates from a minimum", fd, F_DUPFD, 30);
    T(fcntl, "duplicates, closing on exec", fd, F_DUPFD_CLOEXEC, 30);
    T(fcntl, "tells what it set", 31, F_GETFD);
    T(fcntl, "tells what it did not set", 30, F_GETFD);
    T(fcntl, "sets the flag", 30, F_SETFD, FD_CLOEXEC);
    T(fcntl, "tells the flag", 30, F_GETFD);
    T(fcntl, "keeps the flag with the descriptor", fd, F_GETFD);
    T(fcntl, "of a bad descriptor", 99, F_GETFD);
    T(fcntl, "of an unknown command", fd, 9999);
    T(fcntl, "asks to be told of changes of a file", fd, F_NOTIFY, DN_MODIFY);
    T(fcntl, "duplicates from -1", fd, F_DUPFD, -1);
    T(fcntl, "duplicates from beyond the limit", fd, F_DUPFD, 1 << 20);
    CALL(close, fd);
    fact("dup outlives the original", has(4, "0123456789"));
}

static void status_flags(void)
{
    long fd = make("data", "x");
    T(fcntl, "sets O_APPEND", fd, F_SETFL, O_APPEND);
    long copy = CALL(dup, fd);
    text("fcntl keeps O_APPEND with the open file", "%lo", CALL(fcntl, copy, F_GETFL) & (O_APPEND | O_ACCMODE));
    T(fcntl, "sets O_NONBLOCK", fd, F_SETFL, O_NONBLOCK | O_WRONLY | O_CREAT);
    text("fcntl changes status flags alone", "%lo", CALL(fcntl, fd, F_GETFL) & (O_NONBLOCK | O_APPEND | O_ACCMODE));
    T(fcntl, "sets O_DIRECT on a file", fd, F_SETFL, O_NOATIME);
    int ends_[2], on = 1, count = 0;
    CALL(pipe, ends_);
    T(ioctl, "makes a pipe not wait", ends_[0], 0x5421, &on);
    text("ioctl sets O_NONBLOCK", "%lo", CALL(fcntl, ends_[0], F_GETFL) & O_NONBLOCK);
    CALL(write, ends_[1], "12345", 5);
    T(ioctl, "counts the bytes of a pipe", ends_[0], 0x541b, &count);
    text("ioctl tells the bytes of a pipe", "%d", count);
    T(ioctl, "counts the bytes of a file", fd, 0x541b, &count);
    FAULTS(ioctl, "to a bad pointer", ends_[0], 0x541b, bad);
    T(ioctl, "of a file as a terminal", fd, 0x5401, 0);
    T(ioctl, "of a bad descriptor", 99, 0x5401, 0);
    T(ioctl, "of an unknown request", fd, 0x12345, 0);
    T(ioctl, "closes on exec", fd, 0x5451, 0);
    T(fcntl, "tells what ioctl set", fd, F_GETFD);
    T(ioctl, "does not close on exec", fd, 0x5450, 0);
    T(fcntl, "tells what ioctl took away", fd, F_GETFD);
    T(fcntl, "tells the size of a pipe", ends_[0], F_GETPIPE_SZ);
    T(fcntl, "makes a pipe smaller", ends_[0], F_SETPIPE_SZ, 4096);
    T(fcntl, "tells the size of a smaller pipe", ends_[0], F_GETPIPE_SZ);
    T(fcntl, "rounds the size of a pipe up", ends_[0], F_SETPIPE_SZ, 5000);
    T(fcntl, "tells the size of a file as a pipe", fd, F_GETPIPE_SZ);
    T(fcntl, "tells the owner", fd, F_GETOWN);
    T(fcntl, "tells the signal", fd, F_GETSIG);
}

static void closing(void)
{
    for (int i = 0; i < 10; i++)
        CALL(open, "/dev/null", O_RDONLY);
    T(close_range, "of some", 5, 7, 0);
    T(fcntl, "of the first closed", 5, F_GETFD);
    T(fcntl, "of the one before", 4, F_GETFD);
    T(fcntl, "of the one behind", 8, F_GETFD);
    T(close_range, "on exec", 8, ~0u, 4);
    T(fcntl, "tells what close_range set", 9, F_GETFD);
    T(close_range, "of the wrong order", 9, 8, 0);
    T(close_range, "with an unknown flag", 8, 9, 1);
    T(close_range, "where none is", 100, 200, 0);
    T(close_range, "of the rest", 3, ~0u, 2);
    T(open, "after close_range", "/dev/null", O_RDONLY);
}

static void counting(void)
{
    struct rlimit limit = {20, 64}, old;
    T(prlimit64, "of descriptors", 0, RLIMIT_NOFILE, &limit, 0);
    T(getrlimit, "of descriptors", RLIMIT_NOFILE, &old);
    text("getrlimit tells the limit of descriptors", "%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    long last = 0, fd;
    while ((fd = CALL(open, "/dev/null", O_RDONLY)) >= 0)
        last = fd;
    text("open opens up to the limit", "%ld", last);
    tell("open beyond the limit", fd);
    int ends_[2];
    T(pipe, "beyond the limit", ends_);
    T(dup, "beyond the limit", 0);
    T(dup2, "to the limit", 0, 20);
    T(fcntl, "duplicates from the limit", 0, F_DUPFD, 20);
    T(poll, "of more than the limit", 0, 21, 0);
    T(eventfd2, "beyond the limit", 0, 0);
    T(memfd_create, "beyond the limit", "x", 0);
    CALL(close, 19);
    T(pipe, "with one number left", ends_);
    T(dup, "after a pipe that failed", 0);
    limit.rlim_cur = 5;
    CALL(prlimit64, 0, RLIMIT_NOFILE, &limit, 0);
    char byte;
    T(read, "of a descriptor above a lowered limit", 10, &byte, 1);
}

static void in_memory(void)
{
    char bytes[8];
    long fd = OK(memfd_create, "of a name", "name", MFD_CLOEXEC);
    T(fcntl, "tells what memfd_create set", fd, F_GETFD);
    T(write, "to a memfd", fd, "abc", 3);
    T(pread64, "of a memfd", fd, bytes, 8, 0);
    T(ftruncate, "of a memfd", fd, 100);
    char link[64] = "";
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
    CALL(readlink, path, link, sizeof link - 1);
    text("memfd_create gives a name", "%s", link);
    char long_memfd[251];
    memset(long_memfd, 'n', 250);
    long_memfd[250] = 0;
    T(memfd_create, "of a long name", long_memfd, 0);
    T(memfd_create, "of an unknown flag", "x", 1 << 20);
    FAULTS(memfd_create, "of a bad name", bad, 0);
    T(fcntl, "tells the seals of a memfd", fd, F_GET_SEALS);
    T(fcntl, "seals a memfd that does not allow it", fd, F_ADD_SEALS, F_SEAL_WRITE);
    long sealed = OK(memfd_create, "that can be sealed", "s", MFD_ALLOW_SEALING);
    CALL(write, sealed, "abc", 3);
    T(fcntl, "tells that there are no seals", sealed, F_GET_SEALS);
    T(fcntl, "seals against shrinking", sealed, F_ADD_SEALS, F_SEAL_SHRINK);
    T(ftruncate, "of what is sealed against shrinking", sealed, 1);
    T(fcntl, "seals against growing and writing", sealed, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE);
    T(ftruncate, "of what is sealed against growing", sealed, 10);
    T(pwrite64, "to what is sealed", sealed, "x", 1, 0);
    T(mmap, "of what is sealed", 0, PAGE, PROT_WRITE, MAP_SHARED, sealed, 0);
    T(fcntl, "tells the seals", sealed, F_GET_SEALS);
    T(fcntl, "seals against sealing", sealed, F_ADD_SEALS, F_SEAL_SEAL);
    T(fcntl, "seals what is sealed against it", sealed, F_ADD_SEALS, F_SEAL_WRITE);
    T(fcntl, "tells the seals of a file", make("data", ""), F_GET_SEALS);
    struct stat status;
    CALL(fstat, sealed, &status);
    text("fstat of a memfd", "%o %ld", status.st_mode, (long)status.st_nlink);
    char *const arguments[] = {"name", 0};
    T(execveat, "of an empty memfd", CALL(memfd_create, "empty", 0), "", arguments, 0, AT_EMPTY_PATH);
}

// How a sealed file of two and a half pages takes what would change it.
static void sealing(void)
{
    static char bytes[4 * PAGE];
    long fd = CALL(memfd_create, "", MFD_ALLOW_SEALING);
    CALL(ftruncate, fd, 2 * PAGE + PAGE / 2);
    T(fcntl, "adds an unknown seal", fd, F_ADD_SEALS, 1 << 10);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
    T(fcntl, "seals what is open to read", CALL(open, path, O_RDONLY), F_ADD_SEALS, F_SEAL_GROW);
    T(fcntl, "seals against growing", fd, F_ADD_SEALS, F_SEAL_GROW);
    T(pwrite64, "beyond the end of what may not grow", fd, bytes, 10, 2 * PAGE + PAGE / 2);
    T(pwrite64, "across the end of what may not grow", fd, bytes, 100, 2 * PAGE + PAGE / 2 - 50);
    T(pwrite64, "of pages across the end of what may not grow", fd, bytes, 3 * PAGE, 100);
    T(pwrite64, "inside of what may not grow", fd, bytes, 100, 2 * PAGE);
    T(pwrite64, "of nothing beyond the end of what may not grow", fd, bytes, 0, 4 * PAGE);
    T(fallocate, "beyond the end of what may not grow", fd, 0, 0, 4 * PAGE);
    T(ftruncate, "of what may not grow", fd, 2 * PAGE);
    char *shared_ = (char *)CALL(mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    T(fcntl, "seals what is mapped to be written", fd, F_ADD_SEALS, F_SEAL_WRITE);
    T(fcntl, "tells no seal that was refused", fd, F_GET_SEALS);
    T(fcntl, "seals against later writing", fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
    shared_[0] = 'x';
    T(pwrite64, "to what is sealed against later writing", fd, bytes, 1, 0);
    T(pwrite64, "of nothing to what is sealed", fd, bytes, 0, 0);
    struct iovec vector = {bytes, 1};
    T(write, "to what is sealed", fd, bytes, 1);
    T(writev, "to what is sealed", fd, &vector, 1);
    T(pwritev, "to what is sealed", fd, &vector, 1, 0);
    T(pwritev2, "to what is sealed", fd, &vector, 1, 0, 0, 0);
    T(truncate, "of what may not grow", path, 4 * PAGE);
    T(fallocate, "makes a hole in what is sealed", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE);
    CALL(pread64, fd, bytes, 1, 0);
    text("mmap before a seal still writes", "%c", bytes[0]);
    T(mmap, "to write what is sealed against later writing", 0, PAGE, PROT_WRITE, MAP_SHARED, fd, 0);
    long place = OK(mmap, "to read what is sealed against later writing", 0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    T(mprotect, "to write what is sealed", place, PAGE, PROT_READ | PROT_WRITE);
    OK(mmap, "privately of what is sealed", 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CALL(munmap, shared_, PAGE);
    T(fcntl, "seals what is no longer mapped to be written", fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL);
    T(fcntl, "tells all seals", fd, F_GET_SEALS);
    int ends_[2];
    CALL(pipe, ends_);
    T(fcntl, "tells the seals of a pipe", ends_[0], F_GET_SEALS);
    T(fcntl, "seals a pipe", ends_[1], F_ADD_SEALS, F_SEAL_WRITE);
}

const struct group descriptors[] = {
    GROUP(duplicating), GROUP(status_flags), GROUP(closing), GROUP(counting), GROUP(in_memory), GROUP(sealing),
    END_OF_GROUPS,
};
