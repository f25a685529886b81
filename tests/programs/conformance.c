// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The system calls of the seed kernel, one check a line: "ok name", or "FAIL name" with what came and
// what was wanted. The status is the number of failures, at most 100. Runs on Linux as well, where
// every check must hold too; `conformance seed` adds the checks of promises that only the seed kernel
// makes. Wants in/data ("0123456789"), in/link (a symbolic link to data) and in/dir/, as root.
//
// Calls go straight to the kernel, so that no C library stands between.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#include "call6.h"

static int failures;
static int on_seed;

// Any number of arguments up to six, pointers included; the rest are 0.
#define CALL_(number, a, b, c, d, e, f, ...) \
    call6(number, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f))
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static void expect(const char *name, long got, long wanted)
{
    if (got == wanted) {
        printf("ok %s\n", name);
    } else {
        printf("FAIL %s: got %ld, wanted %ld\n", name, got, wanted);
        failures++;
    }
}

static void holds(const char *name, int fact) { expect(name, fact != 0, 1); }

// Pointers that no program may use: page 0, beyond the user half, not canonical, the last byte.
static const unsigned long bad_pointers[] = {0, 1, 0xffff800000000000, 0x8000000000000000, ~0ul};
#define BAD_POINTERS (sizeof bad_pointers / sizeof bad_pointers[0])

static void expect_efault(const char *name, long (*attempt)(unsigned long))
{
    for (unsigned i = 0; i < BAD_POINTERS; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s at %#lx: EFAULT", name, bad_pointers[i]);
        expect(text, attempt(bad_pointers[i]), -EFAULT);
    }
}

static long make(const char *path, const char *content)
{
    long fd = CALL(SYS_open, path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0 && *content)
        CALL(SYS_write, fd, content, strlen(content));
    return fd;
}

static int has(long fd, const char *content)
{
    char text[200];
    long got = CALL(SYS_pread64, fd, text, sizeof text, 0);
    return got == (long)strlen(content) && !memcmp(text, content, (size_t)got);
}

static long size_of(const char *path)
{
    struct stat status;
    long result = CALL(SYS_stat, path, &status);
    return result ? result : status.st_size;
}

static char long_name[300], long_path[5000];

static long open_at(unsigned long path) { return CALL(SYS_open, path, O_RDONLY); }

static void opening(void)
{
    expect("open missing: ENOENT", CALL(SYS_open, "missing", O_RDONLY), -ENOENT);
    expect("open empty path: ENOENT", CALL(SYS_open, "", O_RDONLY), -ENOENT);
    expect("open below a file: ENOTDIR", CALL(SYS_open, "in/data/x", O_RDONLY), -ENOTDIR);
    expect("open file with slash: ENOTDIR", CALL(SYS_open, "in/data/", O_RDONLY), -ENOTDIR);
    expect("open directory for writing: EISDIR", CALL(SYS_open, "in", O_WRONLY), -EISDIR);
    expect("create over directory: EISDIR", CALL(SYS_open, "in", O_RDONLY | O_CREAT, 0644), -EISDIR);
    expect("create exclusively over file: EEXIST",
           CALL(SYS_open, "in/data", O_RDWR | O_CREAT | O_EXCL, 0644), -EEXIST);
    expect("create in missing directory: ENOENT",
           CALL(SYS_open, "missing/x", O_RDWR | O_CREAT, 0644), -ENOENT);
    expect("open file as directory: ENOTDIR", CALL(SYS_open, "in/data", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    expect("open long name: ENAMETOOLONG", CALL(SYS_open, long_name, O_RDONLY), -ENAMETOOLONG);
    expect("open long path: ENAMETOOLONG", CALL(SYS_open, long_path, O_RDONLY), -ENAMETOOLONG);
    expect("open link without following: ELOOP", CALL(SYS_open, "in/link", O_RDONLY | O_NOFOLLOW), -ELOOP);
    expect_efault("open", open_at);

    long fd = CALL(SYS_open, "in/data", O_RDONLY);
    holds("open file", fd >= 3);
    long next = CALL(SYS_open, ".//in/./data", O_RDONLY);
    expect("lowest free descriptor", next, fd + 1);
    expect("close", CALL(SYS_close, fd), 0);
    expect("close twice: EBADF", CALL(SYS_close, fd), -EBADF);
    expect("close -1: EBADF", CALL(SYS_close, -1), -EBADF);
    expect("close huge: EBADF", CALL(SYS_close, 1 << 30), -EBADF);
    expect("freed descriptor is taken again", CALL(SYS_open, "in/../in/data", O_RDONLY), fd);
    CALL(SYS_close, fd);
    CALL(SYS_close, next);

    long link = CALL(SYS_open, "in/link", O_RDONLY);
    holds("open follows a link", link >= 0 && has(link, "0123456789"));
    CALL(SYS_close, link);

    fd = make("t/new", "old");
    holds("create", fd >= 0 && has(fd, "old"));
    CALL(SYS_close, fd);
    fd = CALL(SYS_open, "t/new", O_WRONLY | O_TRUNC);
    expect("truncating open empties", size_of("t/new"), 0);
    CALL(SYS_write, fd, "abc", 3);
    long append = CALL(SYS_open, "t/new", O_WRONLY | O_APPEND);
    CALL(SYS_lseek, append, 0, SEEK_SET);
    CALL(SYS_write, append, "def", 3);
    expect("appending ignores the position", size_of("t/new"), 6);
    CALL(SYS_close, fd);
    CALL(SYS_close, append);

    long dir = CALL(SYS_open, "in", O_RDONLY | O_DIRECTORY);
    holds("open directory", dir >= 0);
    fd = CALL(SYS_openat, dir, "data", O_RDONLY);
    holds("openat below a directory", fd >= 0);
    expect("openat below a file: ENOTDIR", CALL(SYS_openat, fd, "x", O_RDONLY), -ENOTDIR);
    expect("openat of a bad descriptor: EBADF", CALL(SYS_openat, 99, "x", O_RDONLY), -EBADF);
    long absolute = CALL(SYS_openat, 99, "/", O_RDONLY);
    holds("openat of an absolute path ignores the descriptor", absolute >= 0);
    CALL(SYS_close, absolute);
    CALL(SYS_close, fd);
    fd = CALL(SYS_openat, AT_FDCWD, "in/data", O_RDONLY);
    holds("openat below the working directory", fd >= 0);
    CALL(SYS_close, fd);
    CALL(SYS_close, dir);
}

static long shared_fd;
static long read_at(unsigned long buffer) { return CALL(SYS_read, shared_fd, buffer, 4); }
static long write_at(unsigned long buffer) { return CALL(SYS_write, shared_fd, buffer, 4); }
static long readv_at(unsigned long list) { return CALL(SYS_readv, shared_fd, list, 1); }
static long writev_into(unsigned long base)
{
    struct iovec list = {(void *)base, 4};
    return CALL(SYS_writev, shared_fd, &list, 1);
}

static void transfer(void)
{
    char buffer[64];
    long fd = CALL(SYS_open, "in/data", O_RDONLY);
    expect("read", CALL(SYS_read, fd, buffer, 4), 4);
    holds("read bytes", !memcmp(buffer, "0123", 4));
    expect("read at most what is there", CALL(SYS_read, fd, buffer, 64), 6);
    expect("read at end", CALL(SYS_read, fd, buffer, 64), 0);
    expect("read nothing", CALL(SYS_read, fd, buffer, 0), 0);
    expect("write to read-only descriptor: EBADF", CALL(SYS_write, fd, "x", 1), -EBADF);
    expect("read bad descriptor: EBADF", CALL(SYS_read, 99, buffer, 1), -EBADF);
    expect("write bad descriptor: EBADF", CALL(SYS_write, 99, buffer, 1), -EBADF);
    CALL(SYS_lseek, fd, 0, SEEK_SET);
    shared_fd = fd;
    expect_efault("read", read_at);
    expect_efault("readv list", readv_at);
    long dir = CALL(SYS_open, "in", O_RDONLY);
    expect("read directory: EISDIR", CALL(SYS_read, dir, buffer, 1), -EISDIR);
    CALL(SYS_close, dir);

    struct iovec parts[3] = {{buffer, 3}, {buffer + 20, 0}, {buffer + 40, 5}};
    expect("readv", CALL(SYS_readv, fd, parts, 3), 8);
    holds("readv scatters", !memcmp(buffer, "012", 3) && !memcmp(buffer + 40, "34567", 5));
    expect("readv of no parts", CALL(SYS_readv, fd, parts, 0), 0);
    expect("readv of too many parts: EINVAL", CALL(SYS_readv, fd, parts, 1025), -EINVAL);
    expect("readv of -1 parts: EINVAL", CALL(SYS_readv, fd, parts, -1), -EINVAL);
    CALL(SYS_close, fd);

    fd = make("t/transfer", "");
    shared_fd = fd;
    expect_efault("write", write_at);
    expect_efault("writev part", writev_into);
    expect("nothing was written", size_of("t/transfer"), 0);
    struct iovec out[2] = {{"hello ", 6}, {"world", 5}};
    expect("writev", CALL(SYS_writev, fd, out, 2), 11);
    holds("writev gathers", has(fd, "hello world"));
    expect("pwrite", CALL(SYS_pwrite64, fd, "W", 1, 6), 1);
    expect("pwrite leaves the position", CALL(SYS_lseek, fd, 0, SEEK_CUR), 11);
    expect("pread", CALL(SYS_pread64, fd, buffer, 5, 6), 5);
    holds("pread bytes", !memcmp(buffer, "World", 5));
    expect("pread behind the end", CALL(SYS_pread64, fd, buffer, 5, 100), 0);
    expect("pread at -1: EINVAL", CALL(SYS_pread64, fd, buffer, 1, -1), -EINVAL);
    expect("pwrite at -1: EINVAL", CALL(SYS_pwrite64, fd, buffer, 1, -1), -EINVAL);
    expect("pread bad descriptor: EBADF", CALL(SYS_pread64, 99, buffer, 1, 0), -EBADF);
    CALL(SYS_close, fd);
}

static void seeking(void)
{
    char buffer[4] = "xxx";
    long fd = make("t/seek", "0123456789");
    expect("lseek set", CALL(SYS_lseek, fd, 3, SEEK_SET), 3);
    expect("lseek current", CALL(SYS_lseek, fd, 2, SEEK_CUR), 5);
    expect("lseek end", CALL(SYS_lseek, fd, -1, SEEK_END), 9);
    expect("lseek before the start: EINVAL", CALL(SYS_lseek, fd, -11, SEEK_END), -EINVAL);
    expect("lseek of -1: EINVAL", CALL(SYS_lseek, fd, -1, SEEK_SET), -EINVAL);
    expect("lseek unknown origin: EINVAL", CALL(SYS_lseek, fd, 0, 99), -EINVAL);
    expect("lseek overflow: not taken", CALL(SYS_lseek, fd, INT64_MAX, SEEK_CUR) < 0, 1);
    expect("failed lseek leaves the position", CALL(SYS_lseek, fd, 0, SEEK_CUR), 9);
    expect("lseek bad descriptor: EBADF", CALL(SYS_lseek, 99, 0, SEEK_SET), -EBADF);
    expect("lseek behind the end", CALL(SYS_lseek, fd, 100000, SEEK_SET), 100000);
    expect("read behind the end", CALL(SYS_read, fd, buffer, 1), 0);
    expect("write behind the end", CALL(SYS_write, fd, "z", 1), 1);
    expect("size with a hole", size_of("t/seek"), 100001);
    expect("read the hole", CALL(SYS_pread64, fd, buffer, 3, 50000), 3);
    holds("the hole reads as zeros", !buffer[0] && !buffer[1] && !buffer[2]);
    CALL(SYS_close, fd);
    if (on_seed)
        expect("lseek console: ESPIPE", CALL(SYS_lseek, 1, 0, SEEK_CUR), -ESPIPE);
}

static void truncating(void)
{
    char buffer[8] = "xxxxxxx";
    long fd = make("t/truncate", "0123456789");
    expect("ftruncate shrinks", CALL(SYS_ftruncate, fd, 4), 0);
    expect("shrunk size", size_of("t/truncate"), 4);
    expect("ftruncate grows", CALL(SYS_ftruncate, fd, 8), 0);
    expect("read of the grown", CALL(SYS_pread64, fd, buffer, 8, 0), 8);
    holds("grown with zeros", !memcmp(buffer, "0123\0\0\0\0", 8));
    expect("ftruncate to 1 MiB", CALL(SYS_ftruncate, fd, 1 << 20), 0);
    expect("grown size", size_of("t/truncate"), 1 << 20);
    expect("ftruncate to -1: EINVAL", CALL(SYS_ftruncate, fd, -1), -EINVAL);
    expect("ftruncate bad descriptor: EBADF", CALL(SYS_ftruncate, 99, 0), -EBADF);
    CALL(SYS_close, fd);
    fd = CALL(SYS_open, "in/data", O_RDONLY);
    expect("ftruncate read-only descriptor: EINVAL", CALL(SYS_ftruncate, fd, 0), -EINVAL);
    CALL(SYS_close, fd);
}

static void duplicating(void)
{
    long fd = make("t/dup", "0123456789");
    long copy = CALL(SYS_dup, fd);
    expect("dup takes the lowest", copy, fd + 1);
    CALL(SYS_lseek, fd, 5, SEEK_SET);
    expect("copies share the position", CALL(SYS_lseek, copy, 0, SEEK_CUR), 5);
    expect("dup2 to a number", CALL(SYS_dup2, fd, 40), 40);
    expect("dup2 to itself", CALL(SYS_dup2, fd, fd), fd);
    expect("dup2 of closed to itself: EBADF", CALL(SYS_dup2, 41, 41), -EBADF);
    expect("dup2 of closed: EBADF", CALL(SYS_dup2, 99, 40), -EBADF);
    expect("dup2 to -1: EBADF", CALL(SYS_dup2, fd, -1), -EBADF);
    expect("dup of closed: EBADF", CALL(SYS_dup, 99), -EBADF);
    expect("fcntl duplicates from a minimum", CALL(SYS_fcntl, fd, F_DUPFD, 30), 30);
    expect("fcntl duplicates, closing on exec", CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 30), 31);
    expect("its close-on-exec flag", CALL(SYS_fcntl, 31, F_GETFD), FD_CLOEXEC);
    expect("the other's", CALL(SYS_fcntl, 30, F_GETFD), 0);
    expect("fcntl sets the flag", CALL(SYS_fcntl, 30, F_SETFD, FD_CLOEXEC), 0);
    expect("fcntl reads it back", CALL(SYS_fcntl, 30, F_GETFD), FD_CLOEXEC);
    expect("the flag belongs to the descriptor", CALL(SYS_fcntl, fd, F_GETFD), 0);
    expect("fcntl reads the mode", CALL(SYS_fcntl, fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
    expect("fcntl sets append", CALL(SYS_fcntl, fd, F_SETFL, O_APPEND), 0);
    expect("append belongs to the open file",
           CALL(SYS_fcntl, copy, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
    expect("fcntl bad descriptor: EBADF", CALL(SYS_fcntl, 99, F_GETFD), -EBADF);
    expect("fcntl unknown command: EINVAL", CALL(SYS_fcntl, fd, 9999), -EINVAL);
    expect("fcntl negative minimum: EINVAL", CALL(SYS_fcntl, fd, F_DUPFD, -1), -EINVAL);
    CALL(SYS_close, fd);
    holds("a copy outlives the original", has(copy, "0123456789"));
    CALL(SYS_close, copy);
    CALL(SYS_close, 30);
    CALL(SYS_close, 31);
    CALL(SYS_close, 40);
}

static long getcwd_at(unsigned long buffer) { return CALL(SYS_getcwd, buffer, 4096); }
static long chdir_at(unsigned long path) { return CALL(SYS_chdir, path); }

static void directories(void)
{
    char home[4096], here[4096];
    long length = CALL(SYS_getcwd, home, sizeof home);
    expect("getcwd counts its zero", length, (long)strlen(home) + 1);
    if (on_seed)
        holds("a program starts at the root", !strcmp(home, "/"));
    expect("getcwd into one byte: ERANGE", CALL(SYS_getcwd, here, 1), -ERANGE);
    expect_efault("getcwd", getcwd_at);
    expect_efault("chdir", chdir_at);
    expect("chdir to missing: ENOENT", CALL(SYS_chdir, "missing"), -ENOENT);
    expect("chdir to file: ENOTDIR", CALL(SYS_chdir, "in/data"), -ENOTDIR);
    expect("chdir", CALL(SYS_chdir, "in/dir"), 0);
    CALL(SYS_getcwd, here, sizeof here);
    holds("getcwd after chdir", strlen(here) >= 7 && !strcmp(here + strlen(here) - 7, "/in/dir"));
    expect("relative path after chdir", CALL(SYS_access, "../data", F_OK), 0);
    expect("chdir back", CALL(SYS_chdir, home), 0);

    expect("mkdir", CALL(SYS_mkdir, "t/d", 0755), 0);
    expect("mkdir again: EEXIST", CALL(SYS_mkdir, "t/d", 0755), -EEXIST);
    expect("mkdir over file: EEXIST", CALL(SYS_mkdir, "in/data", 0755), -EEXIST);
    expect("mkdir in missing: ENOENT", CALL(SYS_mkdir, "t/missing/d", 0755), -ENOENT);
    expect("mkdir below file: ENOTDIR", CALL(SYS_mkdir, "in/data/d", 0755), -ENOTDIR);
    expect("mkdir with slash", CALL(SYS_mkdir, "t/d/e/", 0755), 0);
    expect("mkdirat", CALL(SYS_mkdirat, AT_FDCWD, "t/d/f", 0755), 0);
    expect("unlink directory: EISDIR", CALL(SYS_unlink, "t/d"), -EISDIR);
    expect("rmdir full: ENOTEMPTY", CALL(SYS_rmdir, "t/d"), -ENOTEMPTY);
    expect("rmdir file: ENOTDIR", CALL(SYS_rmdir, "in/data"), -ENOTDIR);
    expect("rmdir missing: ENOENT", CALL(SYS_rmdir, "t/missing"), -ENOENT);
    expect("rmdir .: EINVAL", CALL(SYS_rmdir, "t/d/."), -EINVAL);
    expect("rmdir", CALL(SYS_rmdir, "t/d/e"), 0);
    expect("unlinkat removes directories when told",
           CALL(SYS_unlinkat, AT_FDCWD, "t/d/f", AT_REMOVEDIR), 0);
    expect("unlinkat unknown flag: EINVAL", CALL(SYS_unlinkat, AT_FDCWD, "t/d", 1), -EINVAL);
    expect("rmdir emptied", CALL(SYS_rmdir, "t/d"), 0);
    expect("removed directory is gone", size_of("t/d"), -ENOENT);
}

static long list(const char *path, char *names, size_t size, long step)
{
    char buffer[4096];
    long fd = CALL(SYS_open, path, O_RDONLY | O_DIRECTORY), got;
    names[0] = 0;
    while ((got = CALL(SYS_getdents64, fd, buffer, step)) > 0) {
        for (long at = 0; at < got;) {
            struct dirent64 {
                uint64_t ino;
                int64_t off;
                uint16_t length;
                uint8_t type;
                char name[];
            } *entry = (void *)(buffer + at);
            size_t used = strlen(names);
            if (strcmp(entry->name, ".") && strcmp(entry->name, ".."))
                snprintf(names + used, size - used, "%s:%d ", entry->name, entry->type);
            else
                snprintf(names + used, size - used, "%s", "");
            if (!entry->ino || entry->length % 8)
                got = -1;
            at += entry->length;
        }
    }
    CALL(SYS_close, fd);
    return got;
}

static void listing(void)
{
    char names[400], again[400], buffer[8];
    CALL(SYS_mkdir, "t/list", 0755);
    CALL(SYS_mkdir, "t/list/b", 0755);
    CALL(SYS_close, make("t/list/c", "1"));
    CALL(SYS_close, make("t/list/a", "2"));
    expect("getdents64 ends with 0", list("t/list", names, sizeof names, 4096), 0);
    holds("every entry once, with its type",
          strlen(names) == 12 && strstr(names, "a:8 ") && strstr(names, "b:4 ") && strstr(names, "c:8 "));
    expect("getdents64 in small steps", list("t/list", again, sizeof again, 32), 0);
    holds("small steps tell the same", !strcmp(names, again));
    if (on_seed)
        holds("directories are sorted", !strcmp(names, "a:8 b:4 c:8 "));
    long fd = CALL(SYS_open, "t/list", O_RDONLY);
    expect("getdents64 into 8 bytes: EINVAL", CALL(SYS_getdents64, fd, buffer, 8), -EINVAL);
    CALL(SYS_close, fd);
    fd = CALL(SYS_open, "in/data", O_RDONLY);
    expect("getdents64 of file: ENOTDIR", CALL(SYS_getdents64, fd, names, sizeof names), -ENOTDIR);
    expect("getdents64 bad descriptor: EBADF", CALL(SYS_getdents64, 99, names, sizeof names), -EBADF);
    CALL(SYS_close, fd);
    fd = CALL(SYS_open, "t/list", O_RDONLY);
    long first = CALL(SYS_getdents64, fd, names, sizeof names);
    holds("getdents64 reads on to the end", first > 0 && !CALL(SYS_getdents64, fd, names, sizeof names));
    expect("lseek rewinds a directory", CALL(SYS_lseek, fd, 0, SEEK_SET), 0);
    expect("and it is read again", CALL(SYS_getdents64, fd, names, sizeof names), first);
    CALL(SYS_close, fd);
}

static void renaming(void)
{
    CALL(SYS_close, make("t/one", "one"));
    CALL(SYS_close, make("t/two", "two!"));
    CALL(SYS_mkdir, "t/empty", 0755);
    CALL(SYS_mkdir, "t/full", 0755);
    CALL(SYS_close, make("t/full/file", "x"));
    expect("rename missing: ENOENT", CALL(SYS_rename, "t/missing", "t/x"), -ENOENT);
    expect("rename into missing: ENOENT", CALL(SYS_rename, "t/one", "t/missing/x"), -ENOENT);
    expect("rename file over directory: EISDIR", CALL(SYS_rename, "t/one", "t/empty"), -EISDIR);
    expect("rename directory over file: ENOTDIR", CALL(SYS_rename, "t/empty", "t/one"), -ENOTDIR);
    expect("rename directory into itself: EINVAL", CALL(SYS_rename, "t/full", "t/full/x"), -EINVAL);
    expect("rename over full directory: ENOTEMPTY", CALL(SYS_rename, "t/empty", "t/full"), -ENOTEMPTY);
    expect("rename to itself", CALL(SYS_rename, "t/one", "t/one"), 0);
    expect("which leaves it", size_of("t/one"), 3);
    long fd = CALL(SYS_open, "t/one", O_RDONLY);
    expect("rename over file", CALL(SYS_rename, "t/two", "t/one"), 0);
    expect("the new one is there", size_of("t/one"), 4);
    expect("the old name is gone", size_of("t/two"), -ENOENT);
    holds("an open file outlives being replaced", has(fd, "one"));
    CALL(SYS_close, fd);
    expect("rename directory over empty one", CALL(SYS_rename, "t/full", "t/empty"), 0);
    expect("with what is in it", size_of("t/empty/file"), 1);
    expect("renameat", CALL(SYS_renameat, AT_FDCWD, "t/empty/file", AT_FDCWD, "t/file"), 0);
    expect("renameat2 without flags", CALL(SYS_renameat2, AT_FDCWD, "t/file", AT_FDCWD, "t/file2", 0), 0);
    expect("renameat2 without replacing: EEXIST",
           CALL(SYS_renameat2, AT_FDCWD, "t/file2", AT_FDCWD, "t/one", 1), -EEXIST);
}

static void unlinking(void)
{
    struct stat status;
    long fd = make("t/gone", "still here");
    expect("unlink", CALL(SYS_unlink, "t/gone"), 0);
    expect("unlinked name is gone", size_of("t/gone"), -ENOENT);
    holds("unlinked file is still read", has(fd, "still here"));
    expect("and written", CALL(SYS_pwrite64, fd, "STILL", 5, 0), 5);
    holds("unlinked file took the bytes", has(fd, "STILL here"));
    expect("fstat unlinked", CALL(SYS_fstat, fd, &status), 0);
    expect("it has no links", (long)status.st_nlink, 0);
    CALL(SYS_close, fd);
    expect("unlink missing: ENOENT", CALL(SYS_unlink, "t/gone"), -ENOENT);
    expect("unlink below file: ENOTDIR", CALL(SYS_unlink, "in/data/x"), -ENOTDIR);
    fd = make("t/gone", "new");
    holds("the name can be used again", has(fd, "new"));
    CALL(SYS_close, fd);
}

static long stat_at(unsigned long path) { struct stat status; return CALL(SYS_stat, path, &status); }
static long stat_into(unsigned long buffer) { return CALL(SYS_stat, "in/data", buffer); }
static long access_at(unsigned long path) { return CALL(SYS_access, path, F_OK); }

static void stating(void)
{
    struct stat by_name, by_fd, other;
    char target[64] = "";
    expect("stat", CALL(SYS_stat, "in/data", &by_name), 0);
    expect("a regular file", by_name.st_mode & S_IFMT, S_IFREG);
    expect("its size", by_name.st_size, 10);
    expect("its link", (long)by_name.st_nlink, 1);
    holds("its blocks", by_name.st_blksize > 0);
    long fd = CALL(SYS_open, "in/data", O_RDONLY);
    expect("fstat", CALL(SYS_fstat, fd, &by_fd), 0);
    holds("the same file", by_fd.st_ino == by_name.st_ino && by_fd.st_dev == by_name.st_dev);
    expect("newfstatat of the descriptor itself",
           CALL(SYS_newfstatat, fd, "", &other, AT_EMPTY_PATH), 0);
    holds("the same again", other.st_ino == by_name.st_ino && other.st_size == 10);
    expect("newfstatat of an empty path: ENOENT", CALL(SYS_newfstatat, fd, "", &other, 0), -ENOENT);
    CALL(SYS_close, fd);
    expect("stat directory", CALL(SYS_stat, "in", &other), 0);
    expect("a directory", other.st_mode & S_IFMT, S_IFDIR);
    holds("another file", other.st_ino != by_name.st_ino);
    expect("stat follows a link", CALL(SYS_stat, "in/link", &other), 0);
    holds("to its target", other.st_ino == by_name.st_ino);
    expect("lstat does not", CALL(SYS_lstat, "in/link", &other), 0);
    expect("a link", other.st_mode & S_IFMT, S_IFLNK);
    expect("its length", other.st_size, 4);
    expect("newfstatat without following",
           CALL(SYS_newfstatat, AT_FDCWD, "in/link", &other, AT_SYMLINK_NOFOLLOW), 0);
    expect("a link again", other.st_mode & S_IFMT, S_IFLNK);
    expect("stat missing: ENOENT", CALL(SYS_stat, "missing", &other), -ENOENT);
    expect("fstat bad descriptor: EBADF", CALL(SYS_fstat, 99, &other), -EBADF);
    expect_efault("stat path", stat_at);
    expect_efault("stat buffer", stat_into);
    if (on_seed) {
        expect("fstat console", CALL(SYS_fstat, 1, &other), 0);
        expect("a character device", other.st_mode & S_IFMT, S_IFCHR);
    }

    expect("access", CALL(SYS_access, "in/data", F_OK), 0);
    expect("access to read and write", CALL(SYS_access, "in/data", R_OK | W_OK), 0);
    expect("access to run a plain file: EACCES", CALL(SYS_access, "in/data", X_OK), -EACCES);
    expect("access to run a program", CALL(SYS_access, "init", X_OK), 0);
    expect("access missing: ENOENT", CALL(SYS_access, "missing", F_OK), -ENOENT);
    expect("access unknown mode: EINVAL", CALL(SYS_access, "in/data", 8), -EINVAL);
    expect("faccessat", CALL(SYS_faccessat, AT_FDCWD, "in/data", R_OK), 0);
    expect_efault("access", access_at);
    expect("readlink", CALL(SYS_readlink, "in/link", target, sizeof target), 4);
    holds("its target", !memcmp(target, "data", 5));
    expect("readlink cut short", CALL(SYS_readlink, "in/link", target, 2), 2);
    expect("readlink of file: EINVAL", CALL(SYS_readlink, "in/data", target, sizeof target), -EINVAL);
    expect("readlink missing: ENOENT", CALL(SYS_readlink, "missing", target, sizeof target), -ENOENT);
    expect("readlink into nothing: EINVAL", CALL(SYS_readlink, "in/link", target, 0), -EINVAL);
    expect("readlinkat", CALL(SYS_readlinkat, AT_FDCWD, "in/link", target, sizeof target), 4);
}

// Whether the kernel, on the program's behalf, may read or write a byte there.
static int readable(void *address)
{
    return CALL(SYS_pwrite64, shared_fd, address, 1, 0) == 1;
}

static int writable(void *address)
{
    return CALL(SYS_pread64, shared_fd, address, 1, 0) == 1;
}

static void mapping(void)
{
    const int both = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    shared_fd = make("t/probe", "p");
    volatile char *area = (char *)CALL(SYS_mmap, 0, 5 * 4096, both, anonymous, -1, 0);
    holds("mmap", (unsigned long)area < 1ul << 47 && !((long)area & 4095));
    long sum = 0;
    for (int i = 0; i < 5 * 4096; i += 512)
        sum += area[i];
    expect("fresh memory is zero", sum, 0);
    for (int i = 0; i < 5; i++)
        area[i * 4096] = (char)(i + 1);
    expect("mprotect read-only", CALL(SYS_mprotect, area + 4096, 4096, PROT_READ), 0);
    holds("read-only: readable", readable((void *)(area + 4096)));
    holds("read-only: not writable", !writable((void *)(area + 4096)));
    expect("its bytes stay", area[4096], 2);
    holds("its neighbours stay writable", writable((void *)area) && writable((void *)(area + 8192)));
    expect("mprotect none", CALL(SYS_mprotect, area + 4096, 4096, PROT_NONE), 0);
    holds("none: not readable", !readable((void *)(area + 4096)));
    expect("mprotect back", CALL(SYS_mprotect, area + 4096, 4096, both), 0);
    expect("its bytes are still there", area[4096], 2);
    expect("munmap in the middle", CALL(SYS_munmap, area + 2 * 4096, 4096), 0);
    holds("unmapped: not readable", !readable((void *)(area + 2 * 4096)));
    holds("its neighbours stay", readable((void *)(area + 4096)) && readable((void *)(area + 3 * 4096)));
    expect("mprotect over the hole: ENOMEM", CALL(SYS_mprotect, area, 5 * 4096, both), -ENOMEM);
    expect("munmap over the hole", CALL(SYS_munmap, area, 4 * 4096), 0);
    holds("the last page stays", readable((void *)(area + 4 * 4096)) && area[4 * 4096] == 5);

    long fixed = CALL(SYS_mmap, area + 4 * 4096, 4096, both, anonymous | MAP_FIXED, -1, 0);
    expect("mmap at a fixed place", fixed, (long)(area + 4 * 4096));
    expect("replaces what was there", area[4 * 4096], 0);
    CALL(SYS_munmap, area + 4 * 4096, 4096);
    expect("mmap nothing: EINVAL", CALL(SYS_mmap, 0, 0, both, anonymous, -1, 0), -EINVAL);
    expect("mmap neither shared nor private: EINVAL",
           CALL(SYS_mmap, 0, 4096, both, MAP_ANONYMOUS, -1, 0), -EINVAL);
    expect("mmap fixed, not aligned: EINVAL",
           CALL(SYS_mmap, 0x700000000001, 4096, both, anonymous | MAP_FIXED, -1, 0), -EINVAL);
    holds("mmap fixed beyond the user half fails",
          CALL(SYS_mmap, 0xffff800000000000, 4096, both, anonymous | MAP_FIXED, -1, 0) < 0);
    holds("mmap of half the address space fails", CALL(SYS_mmap, 0, 1l << 62, both, anonymous, -1, 0) < 0);
    expect("mmap of a bad descriptor: EBADF", CALL(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 99, 0), -EBADF);
    expect("munmap not aligned: EINVAL", CALL(SYS_munmap, area + 1, 4096), -EINVAL);
    expect("munmap nothing: EINVAL", CALL(SYS_munmap, area, 0), -EINVAL);
    expect("munmap beyond the user half: EINVAL", CALL(SYS_munmap, 0xffff800000000000, 4096), -EINVAL);
    expect("munmap where nothing is", CALL(SYS_munmap, area, 4096), 0);
    expect("mprotect not aligned: EINVAL", CALL(SYS_mprotect, area + 1, 4096, both), -EINVAL);
    expect("mprotect where nothing is: ENOMEM", CALL(SYS_mprotect, area, 4096, both), -ENOMEM);

    volatile char *large = (char *)CALL(SYS_mmap, 0, 64l << 20, both, anonymous, -1, 0);
    sum = 0;
    for (long i = 0; i < 64l << 20; i += 1 << 20)
        sum += large[i], large[i] = 1;
    expect("64 MiB are zero", sum, 0);
    expect("munmap 64 MiB", CALL(SYS_munmap, large, 64l << 20), 0);

    long start = CALL(SYS_brk, 0);
    holds("brk tells the break", start > 0);
    expect("brk grows", CALL(SYS_brk, start + 10000), start + 10000);
    expect("fresh heap is zero", *(char *)(start + 9999), 0);
    *(char *)(start + 9999) = 1;
    expect("brk shrinks", CALL(SYS_brk, start), start);
    expect("brk grows again", CALL(SYS_brk, start + 10000), start + 10000);
    // The page that the old break was in keeps its bytes; the one behind it is fresh.
    expect("given back heap is zero", *(char *)(((start + 4095) & ~4095) + 4096), 0);
    expect("brk too far leaves the break", CALL(SYS_brk, 1l << 62), start + 10000);
    expect("brk too low leaves the break", CALL(SYS_brk, 1), start + 10000);
    CALL(SYS_close, shared_fd);
}

static long random_into(unsigned long buffer) { return CALL(SYS_getrandom, buffer, 16, 0); }
static long clock_into(unsigned long buffer) { return CALL(SYS_clock_gettime, CLOCK_REALTIME, buffer); }
static long uname_into(unsigned long buffer) { return CALL(SYS_uname, buffer); }

static void asking(void)
{
    unsigned char bytes[64] = {0}, more[64] = {0};
    expect("getrandom", CALL(SYS_getrandom, bytes, sizeof bytes, 0), 64);
    CALL(SYS_getrandom, more, sizeof more, 0);
    holds("random bytes differ", memcmp(bytes, more, sizeof bytes) != 0);
    expect("getrandom unknown flag: EINVAL", CALL(SYS_getrandom, bytes, 1, 64), -EINVAL);
    expect_efault("getrandom", random_into);
    if (on_seed) {
        printf("random");
        for (int i = 0; i < 16; i++)
            printf(" %02x", bytes[i]);
        printf("\n");
    }

    struct timespec real = {-1, -1}, first = {-1, -1}, second = {-1, -1};
    expect("clock_gettime real", CALL(SYS_clock_gettime, CLOCK_REALTIME, &real), 0);
    holds("nanoseconds in range", real.tv_nsec >= 0 && real.tv_nsec < 1000000000);
    expect("clock_gettime monotonic", CALL(SYS_clock_gettime, CLOCK_MONOTONIC, &first), 0);
    CALL(SYS_clock_gettime, CLOCK_MONOTONIC, &second);
    holds("monotonic", second.tv_sec > first.tv_sec
                           || (second.tv_sec == first.tv_sec && second.tv_nsec >= first.tv_nsec));
    expect("clock_gettime unknown clock: EINVAL", CALL(SYS_clock_gettime, 99, &real), -EINVAL);
    expect_efault("clock_gettime", clock_into);
    if (on_seed)
        printf("clock %lld.%09ld\n", (long long)real.tv_sec, real.tv_nsec);

    struct utsname name;
    expect("uname", CALL(SYS_uname, &name), 0);
    holds("Linux", !strcmp(name.sysname, "Linux"));
    holds("x86_64", !strcmp(name.machine, "x86_64"));
    expect_efault("uname", uname_into);

    long self = CALL(SYS_getpid);
    holds("getpid", self > 0);
    expect("gettid", CALL(SYS_gettid), self);
    expect("set_tid_address", CALL(SYS_set_tid_address, &self), self);
    expect("getuid", CALL(SYS_getuid), 0);
    expect("geteuid", CALL(SYS_geteuid), 0);
    expect("getgid", CALL(SYS_getgid), 0);
    expect("getegid", CALL(SYS_getegid), 0);

    struct rlimit limit = {0, 0};
    expect("prlimit64", CALL(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit), 0);
    holds("a stack limit", limit.rlim_cur >= 1 << 20);
    expect("prlimit64 unknown resource: EINVAL", CALL(SYS_prlimit64, 0, 99, 0, &limit), -EINVAL);

    long fd = CALL(SYS_open, "in/data", O_RDONLY);
    char settings[64];
    expect("ioctl of a file: ENOTTY", CALL(SYS_ioctl, fd, 0x5401, settings), -ENOTTY);
    expect("ioctl bad descriptor: EBADF", CALL(SYS_ioctl, 99, 0x5401, settings), -EBADF);
    CALL(SYS_close, fd);

    unsigned long base = 0;
    expect("arch_prctl reads FS", CALL(SYS_arch_prctl, 0x1003, &base), 0);
    holds("FS is the thread's", base != 0 && *(unsigned long *)base == base);
    expect("arch_prctl sets GS", CALL(SYS_arch_prctl, 0x1001, 0x123456789000), 0);
    expect("arch_prctl reads GS", CALL(SYS_arch_prctl, 0x1004, &base), 0);
    expect("GS reads back", (long)base, 0x123456789000);
    expect("arch_prctl unknown code: EINVAL", CALL(SYS_arch_prctl, 0x9999, &base), -EINVAL);
    expect("arch_prctl FS beyond the user half: EPERM",
           CALL(SYS_arch_prctl, 0x1002, 0xffff800000000000), -EPERM);
}

static void signalling(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = {SIG_IGN, 0, 0, 0}, old = {SIG_IGN, 0, 0, 0};
    expect("rt_sigaction", CALL(SYS_rt_sigaction, SIGUSR1, &action, &old, 8), 0);
    holds("the default came first", old.handler == SIG_DFL);
    expect("rt_sigaction asks", CALL(SYS_rt_sigaction, SIGUSR1, 0, &old, 8), 0);
    holds("what was set", old.handler == SIG_IGN);
    expect("rt_sigaction of SIGKILL: EINVAL", CALL(SYS_rt_sigaction, SIGKILL, &action, 0, 8), -EINVAL);
    expect("rt_sigaction of 0: EINVAL", CALL(SYS_rt_sigaction, 0, &action, 0, 8), -EINVAL);
    expect("rt_sigaction of 65: EINVAL", CALL(SYS_rt_sigaction, 65, &action, 0, 8), -EINVAL);
    expect("rt_sigaction, wrong size: EINVAL", CALL(SYS_rt_sigaction, SIGUSR1, 0, &old, 4), -EINVAL);
    unsigned long set = 1ul << (SIGUSR1 - 1), was = 0;
    expect("rt_sigprocmask blocks", CALL(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8), 0);
    expect("rt_sigprocmask asks", CALL(SYS_rt_sigprocmask, SIG_BLOCK, 0, &was, 8), 0);
    holds("what was blocked", was & set);
    expect("rt_sigprocmask frees", CALL(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, &was, 8), 0);
    expect("rt_sigprocmask unknown way: EINVAL", CALL(SYS_rt_sigprocmask, 99, &set, 0, 8), -EINVAL);
    expect("rt_sigprocmask, wrong size: EINVAL", CALL(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 4), -EINVAL);
}

static void missing(void)
{
    expect("call 9999: ENOSYS", CALL(9999), -ENOSYS);
    expect("call -1: ENOSYS", CALL(-1), -ENOSYS);
    expect("call 9999 with high bits set: ENOSYS", CALL(1l << 40 | 9999), -ENOSYS);
}

int main(int argc, char **argv)
{
    on_seed = argc > 1 && !strcmp(argv[1], "seed");
    memset(long_name, 'n', 256);
    for (int i = 0; i < 4200; i += 2)
        memcpy(long_path + i, "./", 3);
    CALL(SYS_mkdir, "t", 0755);
    opening();
    transfer();
    seeking();
    truncating();
    duplicating();
    directories();
    listing();
    renaming();
    unlinking();
    stating();
    mapping();
    asking();
    signalling();
    missing();
    return failures > 100 ? 100 : failures;
}
