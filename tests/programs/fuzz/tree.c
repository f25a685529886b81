// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Names: random trees of files, directories and links, by paths of every shape from several directories.

#include "fuzz.h"

#include <dirent.h>

#define FIRST 3l
#define NR_DESCRIPTORS 6

static char long_name[257];

// Appends a component to a path.
static void component(char *path)
{
    static const char *const names[] = {"a", "b", "c", "d", "p", "q", "p", "q", "p", ".", ".."};
    if (chance(1))
        strncat(path, long_name, 255 + below(2));
    else
        strcat(path, names[below(sizeof names / sizeof *names)]);
}

// Puts a path into the next of a few places.
static char *path(void)
{
    static char places[4][2048];
    static unsigned next;
    char *made = places[next++ % 4];
    *made = 0;
    if (chance(1))
        return made;
    for (word left = ONE_OF(1, 1, 1, 2, 2, 3, 4); left; left--) {
        component(made);
        if (left > 1 || chance(7))
            strcat(made, chance(5) ? "//" : "/");
    }
    detail("\"%s\" ", made);
    return made;
}

static long folder(void) { return chance(70) ? AT_FDCWD : chance(95) ? FIRST + (long)below(NR_DESCRIPTORS) : -1; }

static void open_one(void)
{
    word flags = ONE_OF(O_RDWR, O_RDONLY, O_RDONLY, O_WRONLY, 3);
    flags |= SOME_OF(15, O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_CLOEXEC, O_APPEND);
    T(openat, folder(), path(), flags | (chance(40) ? O_CREAT : 0) | O_NONBLOCK, below(01000) | 0700);
}

static void numbers(void)
{
    long fd = FIRST + (long)below(NR_DESCRIPTORS);
    switch (below(4)) {
    case 0: T(close, fd); break;
    case 1: T(fchdir, fd); break;
    case 2: T(fcntl, fd, F_GETFL); break;
    default: T(write, fd, "some bytes", below(10));
    }
}

static void make_one(void)
{
    switch (below(8)) {
    case 0 ... 3: T(mkdirat, folder(), path(), below(01000) | 0700); break;
    case 4: T(mknodat, folder(), path(), ONE_OF(S_IFREG, S_IFIFO, 0, S_IFDIR, S_IFLNK, 0170000) | 0700, 0); break;
    default: {
        const char *target = path();
        T(symlinkat, target, folder(), path());
    }
    }
}

static void remove_one(void)
{
    switch (below(3)) {
    case 0: T(unlinkat, folder(), path(), SOME_OF(50, AT_REMOVEDIR) | SOME_OF(2, 1)); break;
    case 1: T(unlink, path()); break;
    default: T(rmdir, path());
    }
}

static void link_one(void)
{
    const char *old = path();
    word flags = SOME_OF(20, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH) | SOME_OF(2, 1);
    T(linkat, folder(), chance(90) ? old : "", folder(), path(), flags);
}

static void rename_one(void)
{
    const char *old = path();
    if (chance(40))
        T(renameat, folder(), old, folder(), path());
    else
        T(renameat2, folder(), old, folder(), path(), SOME_OF(35, 1, 2) | SOME_OF(2, 8));
}

static void read_link(void)
{
    static char target[64];
    memset(target, 0, sizeof target);
    long fd = folder();
    if (T(readlinkat, fd, chance(95) ? path() : "", target, ONE_OF(0, 1, 4, 63, 63, 63, -1)) > 0)
        note("  %s\n", target);
}

static void told(const struct stat *found)
{
    note("  mode %o links %lu size %ld owner %u\n", found->st_mode, found->st_nlink,
         S_ISDIR(found->st_mode) ? 0 : found->st_size, found->st_uid);
}

static void status(void)
{
    static struct stat found;
    static char wide[256];
    word flags = SOME_OF(30, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH) | SOME_OF(5, 0x800);
    if (chance(80)) {
        if (T(newfstatat, folder(), chance(90) ? path() : "", &found, flags) == 0)
            told(&found);
    } else if (T(statx, folder(), path(), flags | SOME_OF(5, 0x2000, 0x4000), 0x7ff, wide) == 0) {
        // Mode, links and size, where `struct statx` has them.
        note("  mode %o links %u\n", *(uint16_t *)(wide + 28), *(uint32_t *)(wide + 16));
    }
}

static void change(void)
{
    static struct timespec at[2];
    for (int i = 0; i < 2; i++)
        at[i] = (struct timespec){(long)below(1000), (long)ONE_OF(0, 5, UTIME_NOW, UTIME_OMIT, UTIME_OMIT, 1000000000)};
    switch (below(6)) {
    case 0: T(fchmodat, folder(), path(), below(010000) | 0700); break;
    case 1: T(fchmod, FIRST + below(NR_DESCRIPTORS), below(010000) | 0700); break;
    case 2: T(truncate, path(), below(5000)); break;
    case 3: T(utimensat, folder(), path(), at, SOME_OF(30, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH)); break;
    case 4: T(fchownat, folder(), path(), ONE_OF(0, -1), ONE_OF(0, -1), SOME_OF(30, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH)); break;
    default: T(faccessat2, folder(), path(), below(9), SOME_OF(30, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS));
    }
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// The names in a directory with their types, sorted.
static void list(long fd)
{
    static char entries[16384] __attribute__((aligned(8)));
    char *names[128];
    size_t nr_names = 0;
    long length = T(getdents64, fd, entries, sizeof entries);
    for (long at = 0; at < length && nr_names < 128; at += *(uint16_t *)(entries + at + 16))
        names[nr_names++] = entries + at + 19;
    qsort(names, nr_names, sizeof *names, by_name);
    for (size_t i = 0; i < nr_names; i++)
        note("  %d %s\n", names[i][-1], names[i]);
}

static void list_one(void)
{
    long fd = FIRST + (long)below(NR_DESCRIPTORS);
    T(lseek, fd, 0, SEEK_SET);
    list(fd);
}

static void go(void)
{
    static char here[600];
    if (chance(60)) {
        T(chdir, path());
        return;
    }
    long length = CALL(getcwd, here, ONE_OF(600, 600, 3, 0));
    // The name is the same everywhere.
    note("getcwd = %s\n", length < 0 ? strerror((int)-length) : strrchr(here, '/'));
}

static void begin(void)
{
    memset(long_name, 'l', 256);
    T(mkdir, "p", 0755);
    T(mkdir, "q", 0755);
    T(open, "p", O_RDONLY | O_DIRECTORY);
    T(open, "q", O_PATH);
}

static void step(void)
{
    static void (*const steps[])(void) = {
        open_one, open_one, open_one, numbers, numbers, make_one, make_one, make_one, remove_one, remove_one,
        link_one, rename_one, rename_one, rename_one, read_link, status, status, change, change, list_one, go,
    };
    steps[below(sizeof steps / sizeof *steps)]();
}

// A folder and what is below it, in the order of names.
static void show(const char *path)
{
    struct stat found;
    char target[80] = "", child[4096];
    struct dirent **entries;
    if (lstat(path, &found))
        return;
    if (S_ISLNK(found.st_mode) && readlink(path, target, sizeof target - 1) < 0)
        return;
    note("%s %s %ld\n", path, target, found.st_mtime < 1000 ? found.st_mtime : -1);
    told(&found);
    int nr_entries = S_ISDIR(found.st_mode) ? scandir(path, &entries, 0, alphasort) : 0;
    for (int i = 0; i < nr_entries; i++)
        if (strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, "..")) {
            snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
            show(child);
        }
}

static void end(void) { show("."); }

const struct family tree = {"tree", begin, step, end, 150};
