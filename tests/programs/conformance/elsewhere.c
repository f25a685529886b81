// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Names that cannot be changed: between file systems, in /proc, in use, and the program that runs;
// and what the calls with descriptors of directories refuse as the ones without do.

#include "case.h"

static void between_file_systems(void)
{
    long from = CALL(open, "/proc/self/stat", O_RDONLY), to = make("data", "x");
    T(rename, "to another file system", "data", "/proc/x");
    T(renameat, "to another file system", AT_FDCWD, "data", AT_FDCWD, "/proc/x");
    T(renameat2, "to another file system", AT_FDCWD, "data", AT_FDCWD, "/proc/x", 0);
    T(rename, "from another file system", "/proc/self/stat", "x");
    T(rename, "of a missing file to another file system", "missing", "/proc/x");
    T(link, "from another file system", "/proc/self/stat", "x");
    T(linkat, "from another file system", AT_FDCWD, "/proc/self/stat", AT_FDCWD, "x", 0);
    T(copy_file_range, "from another file system", from, 0, to, 0, 10, 0);
}

static void in_proc(void)
{
    long fd = CALL(open, "/proc/self/maps", O_RDONLY), self = CALL(open, "/proc/self", O_RDONLY),
         all = CALL(open, "/proc", O_RDONLY);
    T(rmdir, "in /proc", "/proc/self/fd");
    T(unlinkat, "in /proc", self, "maps", 0);
    T(unlinkat, "of a directory in /proc", self, "fd", AT_REMOVEDIR);
    T(rename, "in /proc", "/proc/self/maps", "/proc/self/stat");
    T(renameat, "in /proc", self, "maps", self, "stat");
    T(renameat2, "in /proc", self, "maps", self, "stat", 0);
    T(mkdir, "of a name in /proc", "/proc/self/x", 0700);
    T(mkdir, "over a name in /proc", "/proc/self/maps", 0700);
    T(symlink, "in /proc", "x", "/proc/self/x");
    T(mknod, "in /proc", "/proc/self/x", S_IFREG | 0600, 0);
    T(link, "in /proc", "/proc/self/maps", "/proc/self/x");
    T(creat, "in /proc", "/proc/self/x", 0600);
    T(open, "with O_TMPFILE in /proc", "/proc", O_TMPFILE | O_RDWR, 0600);
    T(openat, "with O_TMPFILE in /proc", all, ".", O_TMPFILE | O_RDWR, 0600);
    T(chmod, "in /proc", "/proc/self/maps", 0600);
    T(fchmod, "in /proc", fd, 0600);
    T(fchmodat, "in /proc", self, "maps", 0600);
    T(ftruncate, "in /proc", fd, 0);
    T(fallocate, "in /proc", fd, 0, 0, 1);
}

static void in_use(void)
{
    const char *program = "/proc/self/exe";
    T(open, "of the program that runs to write", program, O_WRONLY);
    T(openat, "of the program that runs for both", AT_FDCWD, program, O_RDWR);
    T(open, "that truncates the program that runs", program, O_RDONLY | O_TRUNC);
    T(creat, "over the program that runs", program, 0700);
    T(truncate, "of the program that runs", program, 0);
    T(access, "to write the program that runs", program, W_OK);
    T(unlinkat, "of the root", AT_FDCWD, "/", AT_REMOVEDIR);
    T(rmdir, "of where /proc is", "/proc");
    T(rename, "of where /proc is", "/proc", "x");
    T(renameat, "of .", AT_FDCWD, ".", AT_FDCWD, "x");
    T(renameat, "over the root", AT_FDCWD, ".", AT_FDCWD, "/");
    T(renameat2, "of .", AT_FDCWD, ".", AT_FDCWD, "x", 0);
    T(renameat2, "over ..", AT_FDCWD, ".", AT_FDCWD, "..", 0);
}

// What renaming below descriptors refuses.
static void rename_each(const char *call, long number, long dir)
{
    char name[80];
    const struct {
        const char *what, *from, *to;
    } names_[] = {
        {"of a directory into itself", "full", "full/x"},
        {"of a file over a directory", "data", "empty"},
        {"of a directory over a file", "empty", "data"},
        {"over a full directory", "empty", "full"},
        {"over what it is in", "full/inner", "full"},
        {"of a file to a name with a slash", "data", "x/"},
    };
    for (size_t i = 0; i < sizeof names_ / sizeof *names_; i++) {
        snprintf(name, sizeof name, "%s below a directory %s", call, names_[i].what);
        tell(name, call6(number, dir, (word)names_[i].from, dir, (word)names_[i].to, 0, 0));
    }
}

static void below_descriptors(void)
{
    char target[16];
    struct stat status;
    CALL(mkdir, "dir", 0700), CALL(mkdir, "dir/full", 0700), CALL(mkdir, "dir/empty", 0700);
    file("dir/data", "x"), file("dir/full/inner", "x");
    CALL(symlink, "loop", "dir/loop");
    long dir = CALL(open, "dir", O_PATH | O_DIRECTORY);
    rename_each("renameat", SYS_renameat, dir);
    rename_each("renameat2", SYS_renameat2, dir);
    T(openat, "that creates exclusively over a file", dir, "data", O_RDWR | O_CREAT | O_EXCL, 0600);
    T(openat, "of a directory to write", dir, "full", O_WRONLY);
    T(openat, "of a file as a directory", dir, "data", O_RDONLY | O_DIRECTORY);
    T(openat, "with O_TMPFILE for reading", dir, ".", O_TMPFILE | O_RDONLY, 0600);
    T(openat, "of a link without following", dir, "loop", O_RDONLY | O_NOFOLLOW);
    T(mkdirat, "over a file", dir, "data", 0700);
    T(mknodat, "over a file", dir, "data", S_IFREG | 0600, 0);
    T(mknodat, "of an unknown type", dir, "x", 0160600, 0);
    T(mknodat, "of a directory", dir, "x", S_IFDIR | 0700, 0);
    T(symlinkat, "over a file", "x", dir, "data");
    T(linkat, "over a file", dir, "full/inner", dir, "data", 0);
    T(linkat, "of a directory", dir, "full", dir, "x", 0);
    T(linkat, "of a descriptor of a directory", dir, "", AT_FDCWD, "x", AT_EMPTY_PATH);
    T(readlinkat, "of a file", dir, "data", target, sizeof target);
    T(readlinkat, "into nothing", dir, "loop", target, 0);
    FAULTS(readlinkat, "to a bad pointer", dir, "loop", bad, 1);
    FAULTS(newfstatat, "to a bad pointer", dir, "data", bad, 0);
    FAULTS(lstat, "to a bad pointer", "dir/loop", bad);
    FAULTS(fstatfs, "to a bad pointer", dir, bad);
    T(unlinkat, "of a full directory", dir, "full", AT_REMOVEDIR);
    T(unlinkat, "of . as a directory", dir, ".", AT_REMOVEDIR);
    T(faccessat, "of an unknown mode", dir, "data", 8);
    T(newfstatat, "of a path with a slash", dir, "data/", &status, 0);
    T(creat, "of an open directory", "dir", 0700);
}

static void nodes(void)
{
    T(mknod, "of a socket", "socket", S_IFSOCK | 0600, 0);
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    T(openat, "of a FIFO that nobody reads", AT_FDCWD, "fifo", O_WRONLY | O_NONBLOCK);
}

const struct group elsewhere[] = {
    GROUP(between_file_systems), GROUP(in_proc), GROUP(in_use), GROUP(below_descriptors),
    GROUP(nodes), END_OF_GROUPS,
};
