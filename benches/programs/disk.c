// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What moving a disk's bytes costs the host alone: disk read|write FILE. Fresh memory like a guest's,
// in large pages where the host has them, requests of 1 MiB, no guest.

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUEST_SIZE (512ul << 20)
#define REQUEST (1l << 20)

static long least(long a, long b)
{
    return a < b ? a : b;
}

static int read_all(int file, char *memory)
{
    long at = 0, length;
    while ((length = pread(file, memory + at, REQUEST, at)) > 0)
        at += length;
    return length < 0;
}

// As many bytes as the file is long, each written to memory before it goes to the file.
static int write_all(int file, char *memory)
{
    static char buffer[REQUEST];
    struct stat status;
    if (fstat(file, &status))
        return 1;
    for (long i = 0; i < REQUEST; i++)
        buffer[i] = (char)(i * 7 + i / 512);
    for (long at = 0; at < status.st_size; at += REQUEST)
        memcpy(memory + at, buffer, (unsigned long)least(REQUEST, status.st_size - at));
    for (long at = 0; at < status.st_size; at += REQUEST) {
        long length = least(REQUEST, status.st_size - at);
        if (pwrite(file, memory + at, (unsigned long)length, at) != length)
            return 1;
    }
    return fdatasync(file);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    int writes = strcmp(argv[1], "write") == 0;
    int file = open(argv[2], writes ? O_RDWR : O_RDONLY);
    char *memory = mmap(0, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file < 0 || memory == MAP_FAILED)
        return 1;
    // A wish.
    madvise(memory, GUEST_SIZE, MADV_HUGEPAGE);
    return writes ? write_all(file, memory) : read_all(file, memory);
}
