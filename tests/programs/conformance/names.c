// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What names lead to: renaming, links, removal, and what is known of a file.

#include "case.h"

#include <sys/statfs.h>
#include <utime.h>
#include <sys/time.h>

static void renaming(void)
{
    file("one", "one");
    file("two", "two!");
    CALL(mkdir, "empty", 0755);
    CALL(mkdir, "full", 0755);
    file("full/file", "x");
    CALL(symlink, "one", "link");
    T(rename, "of a missing file", "missing", "x");
    T(rename, "into a missing directory", "one", "missing/x");
    T(rename, "below a file", "one", "two/x");
    T(rename, "from below a file", "one/x", "y");
    T(rename, "of a file over a directory", "one", "empty");
    T(rename, "of a directory over a file", "empty", "one");
    T(rename, "of a directory into itself", "full", "full/x");
    T(rename, "over a full directory", "empty", "full");
    T(rename, "of .", ".", "x");
    T(rename, "over ..", "empty", "..");
    T(rename, "of the root", "/", "x");
    T(rename, "of an empty path", "", "x");
    T(rename, "to an empty path", "one", "");
    T(rename, "to a long name", "one", long_name);
    T(rename, "of a file with a slash", "one/", "x");
    T(rename, "of a file to a name with a slash", "one", "x/");
    T(rename, "to itself", "one", "one");
    FAULTS(rename, "of a bad path", bad, "x");
    FAULTS(rename, "to a bad path", "one", bad);
    tell("rename to itself leaves", size_of("one"));
    long fd = CALL(open, "one", O_RDONLY);
    T(rename, "over a file", "two", "one");
    tell("rename over a file leaves the new", size_of("one"));
    tell("rename leaves no old name", size_of("two"));
    fact("rename over an open file leaves what is open", has(fd, "one"));
    T(rename, "of a directory over an empty one", "full", "empty");
    tell("rename of a directory keeps what is in it", size_of("empty/file"));
    CALL(link, "one", "same");
    T(rename, "to another name of the same file", "one", "same");
    tell("rename to another name of the same file leaves", size_of("one"));
    T(rename, "of a link", "link", "moved");
    char target[8];
    T(readlink, "of a renamed link", "moved", target, 8);
    T(renameat, "below the working directory", AT_FDCWD, "empty/file", AT_FDCWD, "file");
    T(renameat, "of a bad descriptor", 99, "file", AT_FDCWD, "x");
    FAULTS(renameat, "of a bad path", AT_FDCWD, bad, AT_FDCWD, "x");
    T(renameat2, "without flags", AT_FDCWD, "file", AT_FDCWD, "file2", 0);
    T(renameat2, "without replacing", AT_FDCWD, "file2", AT_FDCWD, "one", 1);
    T(renameat2, "without replacing what is not there", AT_FDCWD, "file2", AT_FDCWD, "file3", 1);
    T(renameat2, "that exchanges", AT_FDCWD, "file3", AT_FDCWD, "same", 2);
    tell("renameat2 that exchanges leaves", size_of("file3"));
    T(renameat2, "that exchanges a missing file", AT_FDCWD, "file3", AT_FDCWD, "missing", 2);
    T(renameat2, "with two flags", AT_FDCWD, "file3", AT_FDCWD, "same", 3);
    T(renameat2, "with an unknown flag", AT_FDCWD, "file3", AT_FDCWD, "x", 8);
    T(renameat2, "of a bad descriptor", 99, "file3", AT_FDCWD, "x", 0);
}

static void linking(void)
{
    struct stat status;
    char path[40];
    file("data", "0123456789");
    CALL(mkdir, "dir", 0755);
    CALL(symlink, "data", "soft");
    CALL(symlink, "nowhere", "dangling");
    T(link, "to a file", "data", "hard");
    CALL(stat, "hard", &status);
    T(link, "leaves a second link", "data", "data2");
    text("stat counts links", "%d", (int)status.st_nlink);
    T(link, "over a name", "data", "hard");
    T(link, "over a dangling link", "data", "dangling");
    T(link, "to a missing file", "missing", "x");
    T(link, "to a directory", "dir", "x");
    T(link, "into a missing directory", "data", "missing/x");
    T(link, "below a file", "data", "hard/x");
    T(link, "to an empty path", "", "x");
    T(link, "of a long name", "data", long_name);
    T(link, "to a symbolic link", "soft", "soft2");
    CALL(lstat, "soft2", &status);
    text("link does not follow", "%o", status.st_mode);
    T(linkat, "that follows", AT_FDCWD, "soft", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW);
    CALL(lstat, "followed", &status);
    text("linkat follows", "%o", status.st_mode & S_IFMT);
    T(linkat, "with an unknown flag", AT_FDCWD, "data", AT_FDCWD, "x", 1);
    T(linkat, "of a bad descriptor", 99, "data", AT_FDCWD, "x", 0);
    FAULTS(link, "of a bad path", bad, "x");
    FAULTS(linkat, "of a bad path", AT_FDCWD, bad, AT_FDCWD, "x", 0);
    long fd = CALL(open, "data", O_RDONLY);
    T(linkat, "of a descriptor", fd, "", AT_FDCWD, "from-fd", AT_EMPTY_PATH);
    CALL(unlink, "data"), CALL(unlink, "hard"), CALL(unlink, "data2");
    CALL(unlink, "followed"), CALL(unlink, "from-fd");
    T(linkat, "of a removed file", fd, "", AT_FDCWD, "again", AT_EMPTY_PATH);
    snprintf(path, sizeof path, "/proc/self/fd/%ld", fd);
    T(linkat, "of a removed file by /proc", AT_FDCWD, path, AT_FDCWD, "again", AT_SYMLINK_FOLLOW);

    T(symlink, "to anything", "any thing", "s");
    T(symlink, "over a name", "x", "s");
    T(symlink, "to an empty path", "", "s2");
    T(symlink, "in a missing directory", "x", "missing/s");
    T(symlink, "of an empty name", "x", "");
    T(symlink, "to a long path", long_path, "s2");
    FAULTS(symlink, "to a bad path", bad, "s2");
    FAULTS(symlink, "of a bad name", "x", bad);
    T(symlinkat, "below the working directory", "x", AT_FDCWD, "s3");
    T(symlinkat, "below a bad descriptor", "x", 99, "s4");
    char target[64];
    T(readlink, "of a link", "s", target, sizeof target);
    T(readlink, "cut short", "s", target, 2);
    T(readlink, "of a directory", "dir", target, sizeof target);
    T(readlink, "of a missing link", "missing", target, sizeof target);
    T(readlink, "into nothing", "s", target, 0);
    T(readlink, "of a negative size", "s", target, -1);
    T(readlink, "of an empty path", "", target, sizeof target);
    T(readlink, "below a link", "s/x", target, sizeof target);
    FAULTS(readlink, "of a bad path", bad, target, 1);
    FAULTS(readlink, "to a bad pointer", "s", bad, 1);
    T(readlinkat, "below the working directory", AT_FDCWD, "s", target, sizeof target);
    T(readlinkat, "of a bad descriptor", 99, "s", target, sizeof target);
}

static void unlinking(void)
{
    struct stat status;
    long fd = make("gone", "still here");
    T(unlink, "of a file", "gone");
    tell("unlink leaves no name", size_of("gone"));
    fact("unlink leaves what is open", has(fd, "still here"));
    T(pwrite64, "to an unlinked file", fd, "STILL", 5, 0);
    fact("pwrite64 to an unlinked file can be read", has(fd, "STILL here"));
    CALL(fstat, fd, &status);
    text("fstat of an unlinked file", "%d links", (int)status.st_nlink);
    T(unlink, "of a missing file", "gone");
    file("data", "x");
    T(unlink, "below a file", "data/x");
    T(unlink, "of a file with a slash", "data/");
    T(unlink, "of an empty path", "");
    T(unlink, "of .", ".");
    T(unlink, "of a long name", long_name);
    FAULTS(unlink, "of a bad path", bad);
    CALL(symlink, "data", "link");
    T(unlink, "of a link", "link");
    tell("unlink of a link leaves its target", size_of("data"));
    T(unlink, "of a device", "/dev/full/x");
}

static void knowing(void)
{
    struct stat by_name, by_fd, other;
    file("data", "0123456789");
    CALL(mkdir, "dir", 0755);
    CALL(symlink, "data", "link");
    T(stat, "of a file", "data", &by_name);
    text("stat tells", "mode %o, %ld bytes, %d links, user %d, group %d", by_name.st_mode,
         (long)by_name.st_size, (int)by_name.st_nlink, by_name.st_uid, by_name.st_gid);
    long fd = CALL(open, "data", O_RDONLY);
    T(fstat, "of a file", fd, &by_fd);
    fact("fstat tells the same file", by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev);
    T(fstat, "of a bad descriptor", 99, &by_fd);
    FAULTS(fstat, "to a bad pointer", fd, bad);
    T(newfstatat, "of a descriptor", fd, "", &other, AT_EMPTY_PATH);
    fact("newfstatat of a descriptor tells the same file", other.st_ino == by_name.st_ino);
    T(newfstatat, "of an empty path", fd, "", &other, 0);
    T(newfstatat, "without following", AT_FDCWD, "link", &other, AT_SYMLINK_NOFOLLOW);
    text("newfstatat without following tells", "%o", other.st_mode & S_IFMT);
    T(newfstatat, "of an unknown flag", AT_FDCWD, "data", &other, 1 << 20);
    T(newfstatat, "of a bad descriptor", 99, "data", &other, 0);
    T(newfstatat, "below a file", fd, "x", &other, 0);
    T(stat, "of a directory", "dir", &other);
    text("stat of a directory tells", "%o, %d links", other.st_mode, (int)other.st_nlink);
    CALL(stat, "link", &other);
    fact("stat follows a link", other.st_ino == by_name.st_ino);
    T(lstat, "of a link", "link", &other);
    text("lstat tells of a link", "%o, %ld bytes", other.st_mode, (long)other.st_size);
    T(stat, "of a missing file", "missing", &other);
    T(stat, "below a file", "data/x", &other);
    T(stat, "of a file with a slash", "data/", &other);
    T(stat, "of an empty path", "", &other);
    T(stat, "of a long name", long_name, &other);
    T(stat, "of a long path", long_path, &other);
    FAULTS(stat, "of a bad path", bad, &other);
    FAULTS(stat, "to a bad pointer", "data", bad);
    FAULTS(lstat, "of a bad path", bad, &other);
    int ends_[2];
    CALL(pipe, ends_);
    CALL(fstat, ends_[0], &other);
    text("fstat of a pipe", "%o, %ld bytes, %d links", other.st_mode, (long)other.st_size, (int)other.st_nlink);
}

static void knowing_more(void)
{
    word buffer[32];
    struct stat status;
    file("data", "0123456789");
    CALL(symlink, "data", "link");
    CALL(stat, "data", &status);
    T(statx, "of a file", AT_FDCWD, "data", 0, 0x7ff, buffer);
    unsigned *words = (unsigned *)buffer;
    text("statx tells", "mask %#x, %d links, mode %o, %ld bytes", words[0] & 0x7ff, words[4],
         words[7] & 0xffff, buffer[5]);
    fact("statx tells the same file", buffer[4] == status.st_ino);
    T(statx, "of nothing asked for", AT_FDCWD, "data", 0, 0, buffer);
    T(statx, "of a descriptor", CALL(open, "data", O_RDONLY), "", AT_EMPTY_PATH, 0x7ff, buffer);
    T(statx, "of an empty path", AT_FDCWD, "", 0, 0x7ff, buffer);
    T(statx, "of a link itself", AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, 0x7ff, buffer);
    text("statx tells of a link", "%o", words[7] & 0xffff);
    T(statx, "of a missing file", AT_FDCWD, "missing", 0, 0x7ff, buffer);
    T(statx, "of an unknown flag", AT_FDCWD, "data", 1 << 20, 0x7ff, buffer);
    T(statx, "of both kinds of synchronisation", AT_FDCWD, "data", 0x6000, 0x7ff, buffer);
    T(statx, "of the reserved mask", AT_FDCWD, "data", 0, 1u << 31, buffer);
    T(statx, "of a bad descriptor", 99, "data", 0, 0x7ff, buffer);
    FAULTS(statx, "of a bad path", AT_FDCWD, bad, 0, 0x7ff, buffer);
    FAULTS(statx, "to a bad pointer", AT_FDCWD, "data", 0, 0x7ff, bad);

    struct statfs system;
    T(statfs, "of a file", "data", &system);
    text("statfs tells", "names of %ld", (long)system.f_namelen);
    T(statfs, "of a missing file", "missing", &system);
    FAULTS(statfs, "of a bad path", bad, &system);
    FAULTS(statfs, "to a bad pointer", "data", bad);
    T(fstatfs, "of a file", CALL(open, "data", O_RDONLY), &system);
    T(fstatfs, "of a bad descriptor", 99, &system);
    CALL(statfs, "/proc", &system);
    text("statfs of /proc", "type %#lx", (long)system.f_type);
}

static void accessing(void)
{
    file("data", "0123456789");
    CALL(mknod, "run", S_IFREG | 0711, 0);
    CALL(mkdir, "dir", 0);
    CALL(symlink, "nowhere", "dangling");
    T(access, "of a file", "data", F_OK);
    T(access, "to read and write", "data", R_OK | W_OK);
    T(access, "to run a plain file", "data", X_OK);
    T(access, "to run a program", "run", X_OK);
    T(access, "to search a directory without bits", "dir", X_OK);
    T(access, "of a missing file", "missing", F_OK);
    T(access, "of a dangling link", "dangling", F_OK);
    T(access, "of an unknown mode", "data", 8);
    T(access, "below a file", "data/x", F_OK);
    FAULTS(access, "of a bad path", bad, F_OK);
    CALL(chmod, "data", 0);
    T(access, "to read what has no bits", "data", R_OK | W_OK);
    T(faccessat, "of a file", AT_FDCWD, "data", F_OK);
    T(faccessat, "of a bad descriptor", 99, "data", F_OK);
    FAULTS(faccessat, "of a bad path", AT_FDCWD, bad, F_OK);
    T(faccessat2, "of a link itself", AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW);
    T(faccessat2, "by effective identity", AT_FDCWD, "data", R_OK, AT_EACCESS);
    T(faccessat2, "of a descriptor", CALL(open, "run", O_RDONLY), "", X_OK, AT_EMPTY_PATH);
    T(faccessat2, "of an unknown flag", AT_FDCWD, "data", F_OK, 1);
    T(faccessat2, "of an unknown mode", AT_FDCWD, "data", 8, 0);
}

static void mode_of(const char *name, const char *path)
{
    struct stat status;
    CALL(lstat, path, &status);
    text(name, "%o", status.st_mode);
}

static void owner_of(const char *name, const char *path)
{
    struct stat status;
    CALL(lstat, path, &status);
    text(name, "%u, %u", status.st_uid, status.st_gid);
}

static void permissions(void)
{
    file("data", "0123456789");
    CALL(symlink, "data", "link");
    T(chmod, "of a file", "data", 0107654);
    mode_of("chmod leaves", "data");
    T(chmod, "of a link", "link", 0600);
    mode_of("chmod follows a link", "data");
    T(chmod, "of a missing file", "missing", 0600);
    T(chmod, "below a file", "data/x", 0600);
    FAULTS(chmod, "of a bad path", bad, 0600);
    long fd = CALL(open, "data", O_RDONLY);
    T(fchmod, "of a file", fd, 0640);
    mode_of("fchmod leaves", "data");
    T(fchmod, "of a bad descriptor", 99, 0600);
    T(fchmodat, "of a file", AT_FDCWD, "data", 0604);
    mode_of("fchmodat leaves", "data");
    T(fchmodat, "of a bad descriptor", 99, "data", 0600);
    FAULTS(fchmodat, "of a bad path", AT_FDCWD, bad, 0600);
    T(chown, "to the same user", "data", 0, 0);
    T(chown, "to nobody else", "data", -1, -1);
    T(chown, "to others", "data", 1000, 100);
    T(lchown, "of a link to a user", "link", 1001, -1);
    T(fchown, "of a file to a group", fd, -1, 65534);
    owner_of("chown to others and fchown leave", "data");
    owner_of("lchown to a user leaves", "link");
    CALL(mkdir, "theirs", 0755);
    CALL(chown, "theirs", 7, 8);
    CALL(chmod, "theirs", 02755);
    CALL(mkdir, "theirs/folder", 0755);
    owner_of("mkdir in a folder of a group leaves", "theirs/folder");
    T(chown, "of a missing file", "missing", 0, 0);
    FAULTS(chown, "of a bad path", bad, 0, 0);
    T(lchown, "of a link", "link", 0, 0);
    T(lchown, "of a missing file", "missing", 0, 0);
    T(fchown, "of a file", fd, 0, 0);
    T(fchown, "of a bad descriptor", 99, 0, 0);
    T(fchownat, "of a link itself", AT_FDCWD, "link", 0, 0, AT_SYMLINK_NOFOLLOW);
    T(fchownat, "of a descriptor", fd, "", 0, 0, AT_EMPTY_PATH);
    T(fchownat, "of an unknown flag", AT_FDCWD, "data", 0, 0, 1);
    T(fchownat, "of a bad descriptor", 99, "data", 0, 0, 0);
    CALL(chmod, "data", 06755);
    CALL(chown, "data", 0, 0);
    mode_of("chown takes set-user-ID away", "data");
    CALL(chmod, "data", 06755);
    fd = CALL(open, "data", O_WRONLY);
    CALL(write, fd, "x", 1);
    mode_of("write of user 0 leaves set-user-ID", "data");
    T(mknod, "of a file", "made", S_IFREG | 0640, 0);
    mode_of("mknod leaves", "made");
    T(mknod, "without a type", "made2", 0600, 0);
    mode_of("mknod without a type leaves", "made2");
    T(mknod, "of a FIFO", "fifo", S_IFIFO | 0600, 0);
    mode_of("mknod of a FIFO leaves", "fifo");
    T(mknod, "over a name", "made", S_IFREG | 0600, 0);
    T(mknod, "of a directory", "d", S_IFDIR | 0700, 0);
    T(mknod, "of an unknown type", "d", 0160600, 0);
    T(mknod, "in a missing directory", "missing/x", S_IFREG | 0600, 0);
    FAULTS(mknod, "of a bad path", bad, S_IFREG | 0600, 0);
    T(mknodat, "of a file", AT_FDCWD, "made3", S_IFREG | 0600, 0);
    T(mknodat, "of a bad descriptor", 99, "made4", S_IFREG | 0600, 0);
}

static void times_of(const char *name, const char *path)
{
    struct stat s;
    CALL(lstat, path, &s);
    text(name, "%ld.%09ld %ld.%09ld", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, (long)s.st_mtim.tv_sec,
         s.st_mtim.tv_nsec);
}

static void touching(void)
{
    file("data", "0123456789");
    CALL(symlink, "data", "link");
    long fd = CALL(open, "data", O_RDONLY);
    struct timespec times[2] = {{1000000, 5000}, {2000000, 7000}};
    T(utimensat, "of a file", AT_FDCWD, "data", times, 0);
    times_of("utimensat sets", "data");
    times[0].tv_nsec = UTIME_OMIT, times[1] = (struct timespec){3000000, 0};
    T(utimensat, "of one time", AT_FDCWD, "data", times, 0);
    times_of("utimensat sets one", "data");
    times[0] = (struct timespec){4000000, 0};
    T(utimensat, "of a link itself", AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW);
    times_of("utimensat of a link itself sets", "link");
    times_of("utimensat of a link leaves its target", "data");
    T(utimensat, "of a descriptor", fd, 0, times, 0);
    times_of("utimensat of a descriptor sets", "data");
    T(utimensat, "of a descriptor with an empty path", fd, "", times, AT_EMPTY_PATH);
    T(utimensat, "of an empty path", AT_FDCWD, "", times, 0);
    T(utimensat, "of a missing file", AT_FDCWD, "missing", times, 0);
    T(utimensat, "of an unknown flag", AT_FDCWD, "data", times, 1);
    T(utimensat, "of a bad descriptor", 99, "data", times, 0);
    T(utimensat, "of no path and no descriptor", 99, 0, times, 0);
    T(utimensat, "of no path and a flag", fd, 0, times, AT_SYMLINK_NOFOLLOW);
    FAULTS_BUT_NULL(utimensat, "of bad times", AT_FDCWD, "data", bad, 0);
    FAULTS_BUT_NULL(utimensat, "of a bad path", AT_FDCWD, bad, times, 0);
    times[0].tv_nsec = 1000000000;
    T(utimensat, "of too many nanoseconds", AT_FDCWD, "data", times, 0);
    times[0].tv_nsec = -1;
    T(utimensat, "of negative nanoseconds", AT_FDCWD, "data", times, 0);
    times[0].tv_nsec = UTIME_OMIT, times[1].tv_nsec = UTIME_OMIT;
    T(utimensat, "that sets nothing", AT_FDCWD, "data", times, 0);
    T(utimensat, "that sets nothing of a missing file", AT_FDCWD, "missing", times, 0);
    times[0] = (struct timespec){-5, 500}, times[1] = (struct timespec){-7, 0};
    T(utimensat, "of times before 1970", AT_FDCWD, "data", times, 0);
    times_of("utimensat sets times before 1970", "data");
    struct utimbuf early = {-11, -22};
    T(utime, "of times before 1970", "data", &early);
    times_of("utime sets times before 1970", "data");
    struct timeval earlier[2] = {{-3, 250000}, {-4, 0}};
    T(utimes, "of times before 1970", "data", earlier);
    times_of("utimes sets times before 1970", "data");
    T(utimensat, "of the time it is", AT_FDCWD, "data", 0, 0);
    struct stat status;
    struct timespec now;
    CALL(stat, "data", &status);
    CALL(clock_gettime, CLOCK_REALTIME, &now);
    fact("utimensat sets the time it is", now.tv_sec - status.st_mtim.tv_sec < 100);

    struct utimbuf whole = {11, 22};
    T(utime, "of a file", "data", &whole);
    times_of("utime sets", "data");
    T(utime, "of a missing file", "missing", &whole);
    FAULTS(utime, "of a bad path", bad, &whole);
    FAULTS_BUT_NULL(utime, "of bad times", "data", bad);
    T(utime, "of the time it is", "data", 0);
    struct timeval pair[2] = {{33, 5}, {44, 6}};
    T(utimes, "of a file", "data", pair);
    times_of("utimes sets", "data");
    T(utimes, "of a missing file", "missing", pair);
    FAULTS_BUT_NULL(utimes, "of bad times", "data", bad);
    T(futimesat, "of a file", AT_FDCWD, "data", pair);
    T(futimesat, "of a descriptor", fd, 0, pair);
    T(futimesat, "of a bad descriptor", 99, "data", pair);
    pair[0].tv_usec = 1000000;
    T(utimes, "of too many microseconds", "data", pair);
    T(futimesat, "of too many microseconds", AT_FDCWD, "data", pair);
}

const struct group names[] = {
    GROUP(renaming), GROUP(linking), GROUP(unlinking), GROUP(knowing), GROUP(knowing_more),
    GROUP(accessing), GROUP(permissions), GROUP(touching), END_OF_GROUPS,
};
