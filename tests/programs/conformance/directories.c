// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Directories: making, removing, listing and going to them.

#include "case.h"

static void making(void)
{
    file("data", "0123456789");
    CALL(symlink, "nowhere", "dangling");
    T(mkdir, "of a name", "d", 0755);
    T(mkdir, "of the same name", "d", 0755);
    T(mkdir, "over a file", "data", 0755);
    T(mkdir, "over a dangling link", "dangling", 0755);
    T(mkdir, "in a missing directory", "missing/d", 0755);
    T(mkdir, "below a file", "data/d", 0755);
    T(mkdir, "of an empty path", "", 0755);
    T(mkdir, "of the root", "/", 0755);
    T(mkdir, "of .", ".", 0755);
    T(mkdir, "of ..", "..", 0755);
    T(mkdir, "of a long name", long_name, 0755);
    T(mkdir, "with a slash", "d/e/", 0755);
    T(mkdirat, "below the working directory", AT_FDCWD, "d/f", 0755);
    T(mkdirat, "below a bad descriptor", 99, "x", 0755);
    T(mkdirat, "below a file", CALL(open, "data", O_RDONLY), "x", 0755);
    FAULTS(mkdir, "of a bad path", bad, 0755);
    FAULTS(mkdirat, "of a bad path", AT_FDCWD, bad, 0755);
    struct stat status;
    CALL(mkdir, "modes", 07777);
    CALL(stat, "modes", &status);
    text("mkdir applies the umask", "%o, %d links", status.st_mode, (int)status.st_nlink);
    CALL(stat, "d", &status);
    text("mkdir adds a link to the parent", "%d", (int)status.st_nlink);
}

static void removing(void)
{
    file("data", "0123456789");
    CALL(mkdir, "d", 0755);
    CALL(mkdir, "d/e", 0755);
    CALL(symlink, "d", "link");
    T(unlink, "of a directory", "d");
    T(rmdir, "of a full directory", "d");
    T(rmdir, "of a file", "data");
    T(rmdir, "of a link to a directory", "link");
    T(rmdir, "of a link to a directory with a slash", "link/");
    T(rmdir, "of a missing directory", "missing");
    T(rmdir, "of .", "d/.");
    T(rmdir, "of ..", "d/..");
    T(rmdir, "of the root", "/");
    T(rmdir, "of an empty path", "");
    T(rmdir, "below a file", "data/x");
    FAULTS(rmdir, "of a bad path", bad);
    T(rmdir, "of an empty directory", "d/e");
    T(unlinkat, "of a directory without the flag", AT_FDCWD, "d", 0);
    T(unlinkat, "of a file as a directory", AT_FDCWD, "data", AT_REMOVEDIR);
    T(unlinkat, "with an unknown flag", AT_FDCWD, "d", 1);
    T(unlinkat, "of a bad descriptor", 99, "d", 0);
    FAULTS(unlinkat, "of a bad path", AT_FDCWD, bad, 0);
    T(unlinkat, "of a directory", AT_FDCWD, "d", AT_REMOVEDIR);
    tell("rmdir leaves nothing", size_of("d"));
    CALL(mkdir, "here", 0755);
    CALL(chdir, "here");
    T(rmdir, "of the working directory", "../here");
    T(open, "of . where it was removed", ".", O_RDONLY);
    T(open, "of a file where all was removed", "x", O_RDWR | O_CREAT, 0600);
    T(mkdir, "where all was removed", "x", 0755);
    char buffer[4096];
    T(getcwd, "where all was removed", buffer, sizeof buffer);
}

static void going(void)
{
    char home[4096], here[4096];
    file("data", "0123456789");
    CALL(mkdir, "dir", 0755);
    CALL(symlink, "dir", "link");
    long length = CALL(getcwd, home, sizeof home);
    fact("getcwd counts its zero", length == (long)strlen(home) + 1);
    T(getcwd, "into one byte", here, 1);
    T(getcwd, "into nothing", here, 0);
    FAULTS(getcwd, "to a bad pointer", bad, 4096);
    FAULTS(chdir, "to a bad path", bad);
    T(chdir, "to a missing directory", "missing");
    T(chdir, "to a file", "data");
    T(chdir, "to an empty path", "");
    T(chdir, "to a long name", long_name);
    T(chdir, "through a link", "link");
    CALL(getcwd, here, sizeof here);
    fact("getcwd tells where a link leads", !strcmp(here + strlen(here) - 4, "/dir"));
    T(access, "of a relative path after chdir", "../data", F_OK);
    T(chdir, "to where it was", home);
    long fd = CALL(open, "dir", O_RDONLY);
    T(fchdir, "to a directory", fd);
    T(fchdir, "to a place", CALL(open, ".", O_PATH));
    T(fchdir, "to a file", CALL(open, "../data", O_RDONLY));
    T(fchdir, "to a bad descriptor", 99);
}

// A directory whose path is longer than any path that a call takes.
static void going_deep(void)
{
    char here[8000];
    long_name[255] = 0;
    for (int i = 0; i < 17; i++) {
        CALL(mkdir, long_name, 0755);
        CALL(chdir, long_name);
    }
    long_name[255] = 'n';
    T(getcwd, "of what no path leads to", here, sizeof here);
    T(stat, "of . that no path leads to", ".", here);
    T(chdir, "up from what no path leads to", "..");
    text("getcwd above what no path leads to", "%s", CALL(getcwd, here, sizeof here) > 0 ? "path" : "error");
}

struct entry {
    uint64_t ino;
    int64_t off;
    uint16_t length;
    uint8_t type;
    char name[];
};

// Lists a directory in calls of `step` bytes: how many entries have which type, or the error.
static long list(const char *path, long step, int counts[16])
{
    char buffer[4096];
    long fd = CALL(open, path, O_RDONLY | O_DIRECTORY), got;
    memset(counts, 0, 16 * sizeof *counts);
    while ((got = CALL(getdents64, fd, buffer, step)) > 0)
        for (long at = 0; at < got;) {
            struct entry *entry = (void *)(buffer + at);
            counts[entry->type & 15]++;
            counts[0] += !entry->ino || entry->length % 8 || !*entry->name;
            at += entry->length;
        }
    CALL(close, fd);
    return got;
}

static void listing(void)
{
    char buffer[4096];
    int counts[16], again[16];
    CALL(mkdir, "l", 0755);
    CALL(mkdir, "l/b", 0755);
    file("l/c", "1");
    file("l/a", "2");
    CALL(symlink, "a", "l/link");
    CALL(mknod, "l/fifo", S_IFIFO | 0600, 0);
    tell("getdents64 ends", list("l", 4096, counts));
    text("getdents64 tells types", "%d directories, %d files, %d links, %d FIFOs, %d bad", counts[4],
         counts[8], counts[10], counts[1], counts[0]);
    tell("getdents64 in small steps ends", list("l", 32, again));
    fact("getdents64 in small steps tells the same", !memcmp(counts, again, sizeof counts));
    long fd = CALL(open, "l", O_RDONLY);
    T(getdents64, "into 8 bytes", fd, buffer, 8);
    FAULTS(getdents64, "to a bad pointer", fd, bad, 4096);
    T(getdents64, "of a file", CALL(open, "l/a", O_RDONLY), buffer, 4096);
    T(getdents64, "of a bad descriptor", 99, buffer, 4096);
    long first = CALL(getdents64, fd, buffer, 4096);
    T(getdents64, "of the rest", fd, buffer, 4096);
    T(lseek, "of a directory rewinds", fd, 0, SEEK_SET);
    fact("getdents64 reads again what was rewound", CALL(getdents64, fd, buffer, 4096) == first);
    long other = CALL(open, "l", O_RDONLY);
    CALL(getdents64, other, buffer, 4096);
    CALL(unlink, "l/a");
    fact("getdents64 reads on where a name was removed", CALL(getdents64, other, buffer, 4096) == 0);
    fd = CALL(open, "l", O_RDONLY);
    OK(getdents, "of a directory", fd, buffer, 4096);
    T(getdents, "at the end", fd, buffer, 4096);
    T(getdents, "of a bad descriptor", 99, buffer, 4096);
    T(getdents, "of a file", CALL(open, "l/c", O_RDONLY), buffer, 4096);
    CALL(mkdir, "gone", 0755);
    fd = CALL(open, "gone", O_RDONLY);
    CALL(rmdir, "gone");
    T(getdents64, "of a removed directory", fd, buffer, 4096);
    T(getdents, "of a removed directory", fd, buffer, 4096);
    fd = CALL(open, "l", O_RDONLY);
    T(getdents, "into 8 bytes", fd, buffer, 8);
    FAULTS(getdents, "to a bad pointer", fd, bad, 4096);
}

const struct group directories[] = {
    GROUP(making), GROUP(removing), GROUP(going), GROUP(going_deep), GROUP(listing), END_OF_GROUPS,
};
