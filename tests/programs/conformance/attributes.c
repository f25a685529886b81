// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Extended attributes, as far as what is said of them does not depend on the file system.

#include "case.h"

static char buffer[PAGE];

// The calls that take a name, with what they do to it.
static const struct {
    const char *name;
    long number;
    int is_by_descriptor;
} calls[] = {
    {"setxattr", SYS_setxattr, 0},       {"lsetxattr", SYS_lsetxattr, 0},
    {"fsetxattr", SYS_fsetxattr, 1},     {"getxattr", SYS_getxattr, 0},
    {"lgetxattr", SYS_lgetxattr, 0},     {"fgetxattr", SYS_fgetxattr, 1},
    {"removexattr", SYS_removexattr, 0}, {"lremovexattr", SYS_lremovexattr, 0},
    {"fremovexattr", SYS_fremovexattr, 1},
};

static void names_of_attributes(void)
{
    static char longest[257] = "user.";
    char line[80];
    long fd = make("data", "x");
    memset(longest + 5, 'n', sizeof longest - 6);
    const struct {
        const char *what;
        word name;
    } given[] = {
        {"of an unknown space of names", (word) "nowhere.a"},
        {"without a name", (word) ""},
        {"of a long name", (word)longest},
        {"of a bad name", 1},
        {"of a name beyond the user half", 0xffff800000000000},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (size_t j = 0; j < sizeof given / sizeof *given; j++) {
            word file_ = calls[i].is_by_descriptor ? (word)fd : (word) "data";
            snprintf(line, sizeof line, "%s %s", calls[i].name, given[j].what);
            tell(line, call6(calls[i].number, file_, given[j].name, (word)buffer, 1, 0, 0));
        }
}

static void attributes_of_files(void)
{
    long fd = make("data", "x");
    T(getxattr, "of a missing file", "missing", "user.a", buffer, 8);
    T(lgetxattr, "of a missing file", "missing", "user.a", buffer, 8);
    T(fgetxattr, "of a bad descriptor", 99, "user.a", buffer, 8);
    T(setxattr, "of a missing file", "missing", "user.a", "v", 1, 0);
    T(lsetxattr, "of a missing file", "missing", "user.a", "v", 1, 0);
    T(fsetxattr, "of a bad descriptor", 99, "user.a", "v", 1, 0);
    T(setxattr, "with an unknown flag", "data", "user.a", "v", 1, 4);
    T(lsetxattr, "with an unknown flag", "data", "user.a", "v", 1, 4);
    T(fsetxattr, "with an unknown flag", fd, "user.a", "v", 1, 4);
    T(listxattr, "of a missing file", "missing", buffer, 8);
    T(llistxattr, "of a missing file", "missing", buffer, 8);
    T(flistxattr, "of a bad descriptor", 99, buffer, 8);
    T(removexattr, "of a missing file", "missing", "user.a");
    T(lremovexattr, "of a missing file", "missing", "user.a");
    T(fremovexattr, "of a bad descriptor", 99, "user.a");
    T(listxattr, "of a file without any", "data", buffer, 8);
    T(flistxattr, "of a file without any", fd, buffer, 8);
    T(flistxattr, "in /proc", CALL(open, "/proc/self/maps", O_RDONLY), 0, 0);
}

// What is neither a file nor a directory cannot have attributes that belong to users.
static void attributes_of_special_files(void)
{
    int ends_[2];
    CALL(pipe, ends_);
    CALL(symlink, "nowhere", "link");
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    T(setxattr, "of a FIFO", "fifo", "user.a", "v", 1, 0);
    T(getxattr, "of a FIFO", "fifo", "user.a", buffer, 8);
    T(removexattr, "of a FIFO", "fifo", "user.a");
    T(lsetxattr, "of a link", "link", "user.a", "v", 1, 0);
    T(lgetxattr, "of a link", "link", "user.a", buffer, 8);
    T(lremovexattr, "of a link", "link", "user.a");
    T(fsetxattr, "of a pipe", ends_[0], "user.a", "v", 1, 0);
    T(fgetxattr, "of a pipe", ends_[0], "user.a", buffer, 8);
    T(fremovexattr, "of a pipe", ends_[0], "user.a");
}

const struct group attributes[] = {
    GROUP(names_of_attributes), GROUP(attributes_of_files), GROUP(attributes_of_special_files),
    END_OF_GROUPS,
};
