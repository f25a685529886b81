// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every call that takes a path, with each kind of path that leads nowhere, and with each kind of name
// and slash behind it: a table of calls, and tables of paths.

#include "case.h"

// Stand for arguments that are not known until a row is tried: the path, the directory below which it
// is looked up, and room for a result.
#define PATH 0x5041544801
#define AT 0x5041544802
#define ROOM 0x5041544803

struct path_call {
    const char *name;
    long number;
    word arguments[6];
    // Whether a success changes what other paths lead to.
    int changes_ways;
};
#define ROW(call, ...) {#call " ", SYS_##call, {__VA_ARGS__}, 0}
#define CHANGING(call, ...) {#call " ", SYS_##call, {__VA_ARGS__}, 1}
// One of two paths.
#define ROW_OF(call, which, ...) {#call " " which " ", SYS_##call, {__VA_ARGS__}, 1}
#define OTHER (word) "other"

static const struct path_call calls[] = {
    ROW(open, PATH, O_RDONLY),
    ROW(openat, AT, PATH, O_RDONLY),
    CHANGING(creat, PATH, 0600),
    ROW(stat, PATH, ROOM),
    ROW(lstat, PATH, ROOM),
    ROW(newfstatat, AT, PATH, ROOM, 0),
    ROW(statx, AT, PATH, 0, 0x7ff, ROOM),
    ROW(statfs, PATH, ROOM),
    ROW(access, PATH, F_OK),
    ROW(faccessat, AT, PATH, F_OK),
    ROW(faccessat2, AT, PATH, F_OK, 0),
    ROW(chmod, PATH, 0600),
    ROW(fchmodat, AT, PATH, 0600),
    ROW(chown, PATH, 0, 0),
    ROW(lchown, PATH, 0, 0),
    ROW(fchownat, AT, PATH, 0, 0, 0),
    CHANGING(truncate, PATH, 0),
    CHANGING(chdir, PATH),
    CHANGING(mkdir, PATH, 0700),
    CHANGING(mkdirat, AT, PATH, 0700),
    CHANGING(mknod, PATH, S_IFREG | 0600, 0),
    CHANGING(mknodat, AT, PATH, S_IFREG | 0600, 0),
    CHANGING(rmdir, PATH),
    CHANGING(unlink, PATH),
    CHANGING(unlinkat, AT, PATH, 0),
    ROW(readlink, PATH, ROOM, PAGE),
    ROW(readlinkat, AT, PATH, ROOM, PAGE),
    ROW(utime, PATH, 0),
    ROW(utimes, PATH, 0),
    ROW(futimesat, AT, PATH, 0),
    ROW(utimensat, AT, PATH, 0, 0),
    CHANGING(symlink, OTHER, PATH),
    CHANGING(symlinkat, OTHER, AT, PATH),
    ROW_OF(rename, "from", PATH, OTHER),
    ROW_OF(rename, "to", OTHER, PATH),
    ROW_OF(renameat, "from", AT, PATH, AT_FDCWD, OTHER),
    ROW_OF(renameat, "to", AT_FDCWD, OTHER, AT, PATH),
    ROW_OF(renameat2, "from", AT, PATH, AT_FDCWD, OTHER, 0),
    ROW_OF(renameat2, "to", AT_FDCWD, OTHER, AT, PATH, 0),
    ROW_OF(link, "from", PATH, OTHER),
    ROW_OF(link, "to", OTHER, PATH),
    ROW_OF(linkat, "from", AT, PATH, AT_FDCWD, OTHER, 0),
    ROW_OF(linkat, "to", AT_FDCWD, OTHER, AT, PATH, 0),
    ROW(setxattr, PATH, (word) "user.a", ROOM, 1, 0),
    ROW(lsetxattr, PATH, (word) "user.a", ROOM, 1, 0),
    ROW(getxattr, PATH, (word) "user.a", ROOM, PAGE),
    ROW(lgetxattr, PATH, (word) "user.a", ROOM, PAGE),
    ROW(listxattr, PATH, ROOM, PAGE),
    ROW(llistxattr, PATH, ROOM, PAGE),
    ROW(removexattr, PATH, (word) "user.a"),
    ROW(lremovexattr, PATH, (word) "user.a"),
    ROW(execve, PATH, 0, 0),
    ROW(execveat, AT, PATH, 0, 0, 0),
};

#define NR(table) (sizeof table / sizeof *table)

// Tries a call with a path below a directory.
static long attempt(const struct path_call *call, long at, word path)
{
    static word room[PAGE / sizeof(word)];
    word a[6];
    for (int i = 0; i < 6; i++) {
        word given = call->arguments[i];
        a[i] = given == PATH ? path : given == AT ? (word)at : given == ROOM ? (word)room : given;
    }
    return call6(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void tell_of(const struct path_call *call, const char *what, long result)
{
    char name[80];
    snprintf(name, sizeof name, "%sa path %s", call->name, what);
    tell(name, result);
}

static void make_ways(void)
{
    file("data", "0123456789");
    file("other", "other");
    CALL(mkdir, "dir", 0755);
    CALL(symlink, "loop", "loop");
    CALL(symlink, "nowhere", "dangling");
}

static void paths_that_lead_nowhere(void)
{
    const struct {
        const char *what, *path;
    } paths[] = {
        {"in a missing directory", "missing/x"},
        {"behind a dangling link", "dangling/x"},
        {"below a file", "data/x"},
        {"up from a file", "data/../dir"},
        {"below a loop", "loop/x"},
        {"of a file with a slash", "data/"},
        {"that is empty", ""},
        {"with a long name", long_name},
        {"through a long name", 0},
        {"that is too long", long_path},
    };
    char through[300];
    make_ways();
    snprintf(through, sizeof through, "%s/x", long_name);
    for (size_t i = 0; i < NR(calls); i++) {
        for (size_t j = 0; j < NR(paths); j++)
            tell_of(&calls[i], paths[j].what, attempt(&calls[i], AT_FDCWD, (word)(paths[j].path ?: through)));
        long found = -EFAULT;
        // Null is "no path" for the ones that set times by descriptor.
        for (int j = 1; j < NR_BAD_POINTERS && found == -EFAULT; j++)
            found = attempt(&calls[i], AT_FDCWD, bad_pointers[j]);
        tell_of(&calls[i], "by a bad pointer", found);
    }
}

// Whether a call is about extended attributes: which there are depends on the file system.
static int is_about_attributes(const struct path_call *call)
{
    return call->number >= SYS_setxattr && call->number <= SYS_fremovexattr;
}

// Goes to a folder with one name of each kind, below `home`.
static void make_tree(long home, int number)
{
    char name[20];
    snprintf(name, sizeof name, "tree-%d", number);
    CALL(close_range, home + 1, ~0u, 0);
    CALL(fchdir, home);
    CALL(mkdir, name, 0755);
    CALL(chdir, name);
    make_ways();
    file("dir/inner", "x");
    CALL(mkdir, "empty", 0755);
    CALL(symlink, "data", "link");
    CALL(symlink, "dir", "dirlink");
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    // Whoever opens it once more does not wait.
    CALL(open, "fifo", O_RDWR);
}

static void paths_that_lead_somewhere(void)
{
    static const char *const paths[] = {
        "data", "data/", "data/.", "dir", "dir/", "dir/.", "dir/..", ".", "..", "empty", "empty/", "link",
        "link/", "dirlink", "dirlink/", "dirlink/.", "dangling", "dangling/", "loop", "fifo", "fifo/",
        "new", "new/", "dir/new", "dirlink/new/", "dir/../other", "dir/inner", "dirlink/inner",
    };
    long home = CALL(open, ".", O_RDONLY);
    int nr_trees = 0;
    make_tree(home, nr_trees++);
    for (size_t i = 0; i < NR(calls); i++)
        for (size_t j = 0; !is_about_attributes(&calls[i]) && j < NR(paths); j++) {
            long result = attempt(&calls[i], AT_FDCWD, (word)paths[j]);
            tell_of(&calls[i], paths[j], result);
            // What failed has changed nothing.
            if (result >= 0 && calls[i].changes_ways)
                make_tree(home, nr_trees++);
        }
}

static int takes_a_directory(const struct path_call *call)
{
    for (int i = 0; i < 6; i++)
        if (call->arguments[i] == AT)
            return 1;
    return 0;
}

static void directories_that_are_none(void)
{
    make_ways();
    CALL(mkdir, "gone", 0700);
    int ends_[2];
    CALL(pipe, ends_);
    const struct {
        const char *what;
        long at;
    } below[] = {
        {"below a bad descriptor", 99},
        {"below -1", -1},
        {"below a file's descriptor", CALL(open, "data", O_RDONLY)},
        {"below a file's place", CALL(open, "data", O_PATH)},
        {"below a pipe", ends_[0]},
        {"below a removed directory", CALL(open, "gone", O_RDONLY)},
    };
    CALL(rmdir, "gone");
    for (size_t i = 0; i < NR(calls); i++)
        for (size_t j = 0; takes_a_directory(&calls[i]) && j < NR(below); j++)
            tell_of(&calls[i], below[j].what, attempt(&calls[i], below[j].at, (word) "x"));
}

const struct group paths[] = {
    GROUP(paths_that_lead_nowhere), GROUP(paths_that_lead_somewhere),
    GROUP(directories_that_are_none), END_OF_GROUPS,
};
