// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the seed kernel promises beyond Linux: the same in every run.

#include "case.h"

static void repeats(void)
{
    unsigned char bytes[16];
    struct timespec now;
    char path[100] = "";
    CALL(getrandom, bytes, 16, 0);
    char found[33] = "";
    for (int i = 0; i < 16; i++)
        snprintf(found + 2 * i, 3, "%02x", bytes[i]);
    text("seed random bytes", "%s", found);
    CALL(clock_gettime, CLOCK_REALTIME, &now);
    text("seed clock", "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
    CALL(getcwd, path, sizeof path);
    text("seed working directory", "%s", path);
    T(lseek, "of the console", 1, 0, SEEK_CUR);
    text("seed has no disks", "%ld", CALL(mknod, "disk", S_IFBLK | 0600, 0x801));
}

static void sorts(void)
{
    struct {
        uint64_t ino;
        int64_t off;
        uint16_t length;
        uint8_t type;
        char name[];
    } *entry;
    char buffer[1000], found[100] = "";
    file("c", ""), file("a", ""), file("b", "");
    long got = CALL(getdents64, CALL(open, ".", O_RDONLY), buffer, sizeof buffer);
    for (long at = 0; at < got; at += entry->length) {
        entry = (void *)(buffer + at);
        strcat(strcat(found, entry->name), "/");
    }
    text("seed directories are sorted", "%s", found);
}

const struct group seed[] = {GROUP(repeats), GROUP(sorts), END_OF_GROUPS};
