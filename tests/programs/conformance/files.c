// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Opening, reading and writing files.

#include "case.h"

static void opening(void)
{
    file("data", "0123456789");
    CALL(symlink, "data", "link");
    CALL(symlink, "nowhere", "dangling");
    CALL(symlink, "loop", "loop");
    CALL(mkdir, "dir", 0755);
    T(open, "of a missing file", "missing", O_RDONLY);
    T(open, "of an empty path", "", O_RDONLY);
    T(open, "below a file", "data/x", O_RDONLY);
    T(open, "of a file with a slash", "data/", O_RDONLY);
    T(open, "of a directory to write", "dir", O_WRONLY);
    T(open, "of a directory for both", "dir", O_RDWR);
    T(open, "that truncates a directory", "dir", O_RDONLY | O_TRUNC);
    T(open, "that creates over a directory", "dir", O_RDONLY | O_CREAT, 0644);
    T(open, "that creates with a slash", "new/", O_RDWR | O_CREAT, 0644);
    T(open, "that creates exclusively over a file", "data", O_RDWR | O_CREAT | O_EXCL, 0644);
    T(open, "that creates exclusively over a link", "dangling", O_RDWR | O_CREAT | O_EXCL, 0644);
    T(open, "that creates in a missing directory", "missing/x", O_RDWR | O_CREAT, 0644);
    T(open, "of a file as a directory", "data", O_RDONLY | O_DIRECTORY);
    T(open, "that creates a directory", "dir2", O_RDONLY | O_DIRECTORY | O_CREAT, 0755);
    T(open, "of a long name", long_name, O_RDONLY);
    T(open, "of a long path", long_path, O_RDONLY);
    T(open, "of a link without following", "link", O_RDONLY | O_NOFOLLOW);
    T(open, "of a loop of links", "loop", O_RDONLY);
    T(open, "below a loop of links", "loop/x", O_RDONLY);
    T(open, "of a dangling link", "dangling", O_RDONLY);
    FAULTS(open, "of a bad path", bad, O_RDONLY);

    long fd = OK(open, "of a file", "data", O_RDONLY);
    fact("open takes the lowest number", fd == 3);
    T(open, "of the next", ".//./dir/../data", O_RDONLY);
    T(close, "of a file", fd);
    T(close, "twice", fd);
    T(close, "of -1", -1);
    T(close, "of a huge number", 1 << 30);
    T(open, "takes a freed number again", "data", O_RDONLY);
    T(open, "of a link", "link", O_RDONLY);
    fact("open follows a link", has(5, "0123456789"));

    fd = CALL(open, "dangling", O_RDWR | O_CREAT, 0640);
    works("open creates behind a dangling link", fd);
    fact("open creates an empty file", size_of("nowhere") == 0);
    T(creat, "of a file", "made", 0600);
    CALL(write, 7, "abc", 3);
    T(creat, "over a file", "made", 0600);
    tell("creat leaves an empty file", size_of("made"));
    T(creat, "over a directory", "dir", 0600);
    FAULTS(creat, "of a bad path", bad, 0600);
    struct stat status;
    CALL(umask, 027);
    CALL(open, "masked", O_RDWR | O_CREAT, 04777);
    CALL(stat, "masked", &status);
    text("open applies the umask", "%o", status.st_mode);
    T(umask, "returns the old one", 0777777);
    T(umask, "keeps permission bits only", 022);
}

static void opening_flags(void)
{
    file("data", "0123456789");
    CALL(mkdir, "dir", 0755);
    long fd = CALL(open, "data", O_WRONLY | O_TRUNC);
    tell("open that truncates", size_of("data"));
    CALL(write, fd, "abc", 3);
    long append = CALL(open, "data", O_WRONLY | O_APPEND);
    CALL(lseek, append, 0, SEEK_SET);
    T(write, "at the end with O_APPEND", append, "def", 3);
    tell("write with O_APPEND makes it longer", size_of("data"));
    T(lseek, "after writing with O_APPEND", append, 0, SEEK_CUR);
    T(pwrite64, "with O_APPEND", append, "ghi", 3, 0);
    tell("pwrite64 with O_APPEND makes it longer", size_of("data"));
    T(fcntl, "tells O_APPEND", append, F_GETFL);
    fd = CALL(open, "data", O_RDONLY | O_CLOEXEC);
    T(fcntl, "tells what O_CLOEXEC set", fd, F_GETFD);
    fd = CALL(open, "data", O_RDONLY | O_TRUNC);
    works("open truncates for reading too", fd);
    tell("open for reading leaves nothing", size_of("data"));
    fd = CALL(open, "data", 3);
    works("open with both access bits", fd);
    T(read, "with both access bits", fd, 0, 0);
    T(write, "with both access bits", fd, 0, 0);

    fd = OK(open, "with O_PATH", "data", O_PATH);
    char byte;
    T(read, "with O_PATH", fd, &byte, 1);
    T(fchmod, "with O_PATH", fd, 0600);
    T(fcntl, "with O_PATH tells its flags", fd, F_GETFL);
    T(fcntl, "with O_PATH sets none", fd, F_SETFL, 0);
    T(ioctl, "with O_PATH", fd, 0x541b, &byte);
    T(mmap, "with O_PATH", 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    T(lseek, "with O_PATH", fd, 0, SEEK_SET);
    T(fsync, "with O_PATH", fd);
    struct stat status;
    T(fstat, "with O_PATH", fd, &status);
    long dir = CALL(open, "dir", O_PATH | O_DIRECTORY);
    OK(openat, "below O_PATH", dir, "x", O_RDWR | O_CREAT, 0600);
    T(open, "with O_PATH of a file as a directory", "data", O_PATH | O_DIRECTORY);
    CALL(symlink, "data", "link");
    fd = OK(open, "with O_PATH of a link itself", "link", O_PATH | O_NOFOLLOW);
    char target[16];
    T(readlinkat, "of a link opened with O_PATH", fd, "", target, sizeof target);
}

static void opening_nameless(void)
{
    long fd = OK(open, "with O_TMPFILE", ".", O_TMPFILE | O_RDWR, 0640);
    struct stat status;
    T(fstat, "of a nameless file", fd, &status);
    text("open with O_TMPFILE makes", "%o, %d links", status.st_mode, (int)status.st_nlink);
    T(write, "to a nameless file", fd, "nameless", 8);
    fact("open with O_TMPFILE can be read", has(fd, "nameless"));
    T(linkat, "gives a nameless file a name", fd, "", AT_FDCWD, "named", AT_EMPTY_PATH);
    tell("linkat to a nameless file leaves a size", size_of("named"));
    CALL(fstat, fd, &status);
    text("linkat of a nameless file leaves", "%d links", (int)status.st_nlink);
    T(linkat, "over a name", fd, "", AT_FDCWD, "named", AT_EMPTY_PATH);
    long other = CALL(open, ".", O_TMPFILE | O_WRONLY, 0600);
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%ld", other);
    T(linkat, "names a file by its link in /proc", AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW);
    tell("linkat by its link in /proc leaves a size", size_of("other"));
    long closed = CALL(open, ".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    works("open with O_TMPFILE and O_EXCL", closed);
    T(linkat, "of a nameless file that was not to be named", closed, "", AT_FDCWD, "never", AT_EMPTY_PATH);
    T(open, "with O_TMPFILE for reading", ".", O_TMPFILE | O_RDONLY, 0600);
    T(open, "with O_TMPFILE in a missing directory", "missing", O_TMPFILE | O_RDWR, 0600);
    T(open, "with O_TMPFILE in a file", "named", O_TMPFILE | O_RDWR, 0600);
    T(open, "with O_TMPFILE and O_CREAT", ".", O_TMPFILE | O_RDWR | O_CREAT, 0600);
    T(open, "with half of O_TMPFILE", ".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600);
    fact("open with O_TMPFILE shows no name", size_of("never") == -ENOENT);
}

static void opening_at(void)
{
    file("data", "0123456789");
    CALL(mkdir, "dir", 0755);
    file("dir/inner", "x");
    long dir = CALL(open, "dir", O_RDONLY | O_DIRECTORY);
    long fd = OK(openat, "below a directory", dir, "inner", O_RDONLY);
    T(openat, "below a file", fd, "x", O_RDONLY);
    T(openat, "of a bad descriptor", 99, "x", O_RDONLY);
    OK(openat, "of an absolute path", 99, "/", O_RDONLY);
    OK(openat, "below the working directory", AT_FDCWD, "data", O_RDONLY);
    T(openat, "of an empty path", dir, "", O_RDONLY);
    FAULTS(openat, "of a bad path", dir, bad, O_RDONLY);
    CALL(unlink, "dir/inner");
    CALL(rmdir, "dir");
    T(openat, "below a removed directory", dir, "x", O_RDONLY);
    T(openat, "that creates below a removed directory", dir, "x", O_RDWR | O_CREAT, 0600);
}

static void reading(void)
{
    char buffer[64];
    file("data", "0123456789");
    long fd = CALL(open, "data", O_RDONLY);
    T(read, "of some bytes", fd, buffer, 4);
    fact("read fills the buffer", !memcmp(buffer, "0123", 4));
    T(read, "of what is left", fd, buffer, 64);
    T(read, "at the end", fd, buffer, 64);
    T(read, "of nothing", fd, buffer, 0);
    T(read, "of a bad descriptor", 99, buffer, 1);
    T(write, "to what was opened for reading", fd, "x", 1);
    T(read, "of nothing to a bad pointer", fd, -1, 0);
    CALL(lseek, fd, 0, SEEK_SET);
    FAULTS(read, "to a bad pointer", fd, bad, 4);
    T(read, "of more than there can be", fd, buffer, ~0ul);
    long only = CALL(open, "data", O_WRONLY);
    T(read, "of what was opened for writing", only, buffer, 1);
    T(pread64, "of what was opened for writing", only, buffer, 1, 0);
    T(read, "of a directory", CALL(open, ".", O_RDONLY), buffer, 1);
    char *edge = (char *)CALL(mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(munmap, edge + PAGE, PAGE);
    CALL(lseek, fd, 0, SEEK_SET);
    T(pread64, "up to the end of memory", fd, edge + PAGE - 10, 10, 0);

    T(pread64, "of some bytes", fd, buffer, 5, 3);
    fact("pread64 reads at its offset", !memcmp(buffer, "34567", 5));
    T(pread64, "behind the end", fd, buffer, 5, 100);
    T(pread64, "at -1", fd, buffer, 1, -1);
    T(pread64, "of a bad descriptor", 99, buffer, 1, 0);
    FAULTS(pread64, "to a bad pointer", fd, bad, 4, 0);
    T(lseek, "after pread64", fd, 0, SEEK_CUR);
}

static void writing(void)
{
    long fd = make("data", "");
    FAULTS(write, "from a bad pointer", fd, bad, 4);
    tell("write from a bad pointer leaves", size_of("data"));
    T(write, "of a bad descriptor", 99, "x", 1);
    T(write, "of nothing", fd, 0, 0);
    T(write, "of some bytes", fd, "hello world", 11);
    T(pwrite64, "of a byte", fd, "W", 1, 6);
    T(pwrite64, "at -1", fd, "x", 1, -1);
    T(pwrite64, "of a bad descriptor", 99, "x", 1, 0);
    FAULTS(pwrite64, "from a bad pointer", fd, bad, 4, 0);
    T(lseek, "after pwrite64", fd, 0, SEEK_CUR);
    fact("pwrite64 writes at its offset", has(fd, "hello World"));
    T(write, "of a directory", CALL(open, ".", O_RDONLY), "x", 1);
    char *edge = (char *)CALL(mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(munmap, edge + PAGE, PAGE);
    struct stat before, after;
    CALL(fstat, fd, &before);
    rest_ms(20);
    CALL(write, fd, "x", 1);
    CALL(fstat, fd, &after);
    fact("write changes the time of the last change",
         after.st_mtim.tv_sec > before.st_mtim.tv_sec || after.st_mtim.tv_nsec > before.st_mtim.tv_nsec);
    T(pwrite64, "at the highest offset", fd, "x", 1, INT64_MAX);
}

static void vectors(void)
{
    char buffer[64];
    file("data", "0123456789");
    long fd = CALL(open, "data", O_RDWR);
    struct iovec parts[3] = {{buffer, 3}, {buffer + 20, 0}, {buffer + 40, 5}};
    T(readv, "of parts", fd, parts, 3);
    fact("readv scatters", !memcmp(buffer, "012", 3) && !memcmp(buffer + 40, "34567", 5));
    T(readv, "of no parts", fd, parts, 0);
    T(readv, "of no parts at no place", fd, 0, 0);
    T(readv, "of too many parts", fd, parts, 1025);
    T(readv, "of -1 parts", fd, parts, -1);
    T(readv, "of a bad descriptor", 99, parts, 1);
    FAULTS(readv, "of a bad list", fd, bad, 1);
    struct iovec huge[2] = {{buffer, 1ul << 63}, {buffer, 1}};
    T(readv, "of a part that is too long", fd, huge, 1);
    struct iovec sum[2] = {{buffer, 1}, {buffer, INT64_MAX}};
    T(readv, "of parts that are too long together", fd, sum, 2);
    struct iovec wrong[2] = {{(void *)-1, 3}, {buffer, 5}};
    T(readv, "into a bad part", fd, wrong, 1);

    struct iovec out[2] = {{"hello ", 6}, {"world", 5}};
    long made = make("made", "");
    T(writev, "of parts", made, out, 2);
    fact("writev gathers", has(made, "hello world"));
    T(writev, "from a bad part", made, wrong, 1);
    tell("writev from a bad part leaves", size_of("made"));
    T(writev, "of too many parts", made, out, 1025);
    T(writev, "of a bad descriptor", 99, out, 1);
    FAULTS(writev, "of a bad list", made, bad, 1);
    T(preadv, "at an offset", fd, parts, 3, 2, 0);
    T(preadv, "at -1", fd, parts, 3, -1, -1);
    T(preadv, "of a bad descriptor", 99, parts, 3, 0, 0);
    FAULTS(preadv, "of a bad list", fd, bad, 1, 0, 0);
    T(pwritev, "at an offset", made, out, 2, 3, 0);
    T(pwritev, "at -1", made, out, 2, -1, -1);
    T(pwritev, "of a bad descriptor", 99, out, 2, 0, 0);
    FAULTS(pwritev, "of a bad list", made, bad, 1, 0, 0);
    T(pwritev, "from a bad part", made, wrong, 1, 0, 0);
    fact("pwritev writes at its offset", has(made, "helhello world"));
}

#define RWF_HIPRI 1
#define RWF_DSYNC 2
#define RWF_SYNC 4
#define RWF_NOWAIT 8
#define RWF_APPEND 16

static void vectors_with_flags(void)
{
    char buffer[64];
    long fd = make("data", "0123456789");
    struct iovec parts[2] = {{buffer, 3}, {buffer + 40, 5}}, out[1] = {{"xyz", 3}};
    T(preadv2, "at an offset", fd, parts, 2, 1, 0, 0);
    CALL(lseek, fd, 2, SEEK_SET);
    T(preadv2, "at the position", fd, parts, 2, -1, -1, 0);
    T(lseek, "after preadv2 at the position", fd, 0, SEEK_CUR);
    T(preadv2, "with an unknown flag", fd, parts, 2, 0, 0, 1 << 20);
    T(preadv2, "without waiting", fd, parts, 2, 0, 0, RWF_NOWAIT);
    T(preadv2, "in order to append", fd, parts, 2, 0, 0, RWF_APPEND);
    T(preadv2, "at -2", fd, parts, 2, -2, -1, 0);
    T(preadv2, "of a bad descriptor", 99, parts, 2, 0, 0, 0);
    FAULTS(preadv2, "of a bad list", fd, bad, 1, 0, 0, 0);
    T(pwritev2, "at an offset", fd, out, 1, 0, 0, RWF_DSYNC);
    T(pwritev2, "at the position, durably", fd, out, 1, -1, -1, RWF_SYNC);
    T(pwritev2, "in order to append", fd, out, 1, 0, 0, RWF_APPEND);
    tell("pwritev2 that appends makes it longer", size_of("data"));
    T(pwritev2, "with an unknown flag", fd, out, 1, 0, 0, 1 << 20);
    T(pwritev2, "of a bad descriptor", 99, out, 1, 0, 0, 0);
    FAULTS(pwritev2, "of a bad list", fd, bad, 1, 0, 0, 0);
    int ends_[2];
    CALL(pipe, ends_);
    T(preadv2, "of an empty pipe without waiting", ends_[0], parts, 2, -1, -1, RWF_NOWAIT);
    T(preadv2, "of a pipe at an offset", ends_[0], parts, 2, 1, 0, 0);
    T(pwritev2, "to a pipe without waiting", ends_[1], out, 1, -1, -1, RWF_NOWAIT);
    T(pread64, "of a pipe", ends_[0], buffer, 1, 0);
    T(pwrite64, "to a pipe", ends_[1], "x", 1, 0);
    T(preadv, "of a pipe", ends_[0], parts, 1, 0, 0);
    T(pwritev, "to a pipe", ends_[1], out, 1, 0, 0);
}

static void leaves_terminal(void)
{
    CALL(setsid);
    T(open, "of /dev/tty without a terminal", "/dev/tty", O_RDWR);
}

static void devices(void)
{
    finish(start(leaves_terminal));
    char buffer[32] = "xxxxxxxx";
    long null = OK(open, "of /dev/null", "/dev/null", O_RDWR);
    T(read, "of /dev/null", null, buffer, 8);
    T(write, "to /dev/null", null, buffer, 8);
    T(lseek, "of /dev/null", null, 100, SEEK_SET);
    T(pread64, "of /dev/null", null, buffer, 8, 100);
    T(ftruncate, "of /dev/null", null, 0);
    T(mmap, "of /dev/null", 0, PAGE, PROT_READ, MAP_PRIVATE, null, 0);
    T(fsync, "of /dev/null", null);
    OK(open, "that truncates /dev/null", "/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0600);
    T(open, "below /dev/null", "/dev/null/x", O_RDONLY);
    long zero = OK(open, "of /dev/zero", "/dev/zero", O_RDWR);
    T(read, "of /dev/zero", zero, buffer, 8);
    fact("read of /dev/zero gives zeros", !memcmp(buffer, "\0\0\0\0\0\0\0\0", 8));
    T(write, "to /dev/zero", zero, buffer, 8);
    char *zeros = (char *)CALL(mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    works("mmap of /dev/zero", (long)zeros);
    if ((word)zeros < 1ul << 47) {
        zeros[5] = 1;
        fact("mmap of /dev/zero is zero", zeros[4] == 0 && zeros[5] == 1);
    }
    long full = OK(open, "of /dev/full", "/dev/full", O_RDWR);
    T(read, "of /dev/full", full, buffer, 8);
    T(write, "to /dev/full", full, buffer, 8);
    long random = OK(open, "of /dev/urandom", "/dev/urandom", O_RDONLY);
    T(read, "of /dev/urandom", random, buffer, 8);
    struct stat status;
    CALL(fstat, null, &status);
    text("fstat of /dev/null", "mode %o, device %lx", status.st_mode, (long)status.st_rdev);
    CALL(fstat, full, &status);
    text("fstat of /dev/full", "mode %o, device %lx", status.st_mode, (long)status.st_rdev);
}

const struct group files[] = {
    GROUP(opening), GROUP(opening_flags), GROUP(opening_nameless), GROUP(opening_at), GROUP(reading),
    GROUP(writing), GROUP(vectors), GROUP(vectors_with_flags), GROUP(devices), END_OF_GROUPS,
};
