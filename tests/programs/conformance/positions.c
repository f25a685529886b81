// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Positions, sizes, holes, and what makes files durable.

#include "case.h"

static void seeking(void)
{
    char buffer[4] = "xxx";
    long fd = make("data", "0123456789");
    T(lseek, "from the start", fd, 3, SEEK_SET);
    T(lseek, "from the position", fd, 2, SEEK_CUR);
    T(lseek, "from the end", fd, -1, SEEK_END);
    T(lseek, "before the start", fd, -11, SEEK_END);
    T(lseek, "of -1", fd, -1, SEEK_SET);
    T(lseek, "from an unknown place", fd, 0, 99);
    T(lseek, "that overflows", fd, INT64_MAX, SEEK_CUR);
    T(lseek, "after failures", fd, 0, SEEK_CUR);
    T(lseek, "of a bad descriptor", 99, 0, SEEK_SET);
    T(lseek, "behind the end", fd, 100000, SEEK_SET);
    T(read, "behind the end", fd, buffer, 1);
    T(write, "behind the end", fd, "z", 1);
    tell("write behind the end makes it longer", size_of("data"));
    T(pread64, "of a hole", fd, buffer, 3, 50000);
    fact("pread64 of a hole gives zeros", !buffer[0] && !buffer[1] && !buffer[2]);
    int ends_[2];
    CALL(pipe, ends_);
    T(lseek, "of a pipe", ends_[0], 0, SEEK_CUR);
}

static void holes(void)
{
    long fd = make("sparse", "");
    CALL(pwrite64, fd, "x", 1, 16 * PAGE);
    CALL(ftruncate, fd, 32 * PAGE);
    T(lseek, "to data", fd, 0, SEEK_DATA);
    T(lseek, "to data inside of data", fd, 16 * PAGE + 5, SEEK_DATA);
    T(lseek, "to data behind the last", fd, 17 * PAGE, SEEK_DATA);
    T(lseek, "to a hole in a hole", fd, 5, SEEK_HOLE);
    T(lseek, "to a hole from data", fd, 16 * PAGE, SEEK_HOLE);
    T(lseek, "to a hole at the end", fd, 32 * PAGE, SEEK_HOLE);
    T(lseek, "to data behind the end", fd, 33 * PAGE, SEEK_DATA);
    T(lseek, "to data at -1", fd, -1, SEEK_DATA);
    struct stat status;
    CALL(fstat, fd, &status);
    text("fstat of a sparse file", "%ld bytes, %ld blocks", (long)status.st_size, (long)status.st_blocks);
    long whole = make("whole", "0123456789");
    T(lseek, "to a hole where there is none", whole, 3, SEEK_HOLE);
    T(lseek, "to data where all is", whole, 3, SEEK_DATA);
    long empty = make("empty", "");
    T(lseek, "to data of an empty file", empty, 0, SEEK_DATA);
    T(lseek, "to a hole of an empty file", empty, 0, SEEK_HOLE);
    long dir = CALL(open, ".", O_RDONLY);
    T(lseek, "of a directory to its start", dir, 0, SEEK_SET);
}

static void truncating(void)
{
    char buffer[9] = "xxxxxxxx";
    long fd = make("data", "0123456789");
    T(ftruncate, "to less", fd, 4);
    tell("ftruncate leaves", size_of("data"));
    T(ftruncate, "to more", fd, 8);
    CALL(pread64, fd, buffer, 8, 0);
    fact("ftruncate fills with zeros", !memcmp(buffer, "0123\0\0\0\0", 8));
    T(ftruncate, "to 1 MiB", fd, 1 << 20);
    tell("ftruncate to 1 MiB leaves", size_of("data"));
    T(ftruncate, "to -1", fd, -1);
    T(ftruncate, "of a bad descriptor", 99, 0);
    T(ftruncate, "of what was opened for reading", CALL(open, "data", O_RDONLY), 0);
    T(ftruncate, "of a directory", CALL(open, ".", O_RDONLY), 0);
    int ends_[2];
    CALL(pipe, ends_);
    T(ftruncate, "of a pipe", ends_[1], 0);
    T(truncate, "by name", "data", 3);
    tell("truncate by name leaves", size_of("data"));
    T(truncate, "of a missing file", "missing", 0);
    T(truncate, "of a directory", ".", 0);
    T(truncate, "below a file", "data/x", 0);
    T(truncate, "to -1", "data", -1);
    T(truncate, "of a long name", long_name, 0);
    CALL(mknod, "fifo", S_IFIFO | 0600, 0);
    T(truncate, "of a FIFO", "fifo", 0);
    FAULTS(truncate, "of a bad path", bad, 0);
}

#define KEEP_SIZE 1
#define PUNCH_HOLE 2
#define COLLAPSE 8
#define ZERO_RANGE 16

static void allocating(void)
{
    char bytes[10];
    long fd = make("data", "0123456789");
    T(fallocate, "makes a file longer", fd, 0, 0, 100);
    tell("fallocate leaves", size_of("data"));
    T(fallocate, "keeps the size", fd, KEEP_SIZE, 0, 1000);
    tell("fallocate that keeps the size leaves", size_of("data"));
    T(fallocate, "of nothing", fd, 0, 0, 0);
    T(fallocate, "at -1", fd, 0, -1, 10);
    T(fallocate, "with an unknown mode", fd, 1 << 20, 0, 10);
    T(fallocate, "of a bad descriptor", 99, 0, 0, 10);
    T(fallocate, "of what was opened for reading", CALL(open, "data", O_RDONLY), 0, 0, 10);
    T(fallocate, "too far", fd, 0, INT64_MAX, 10);
    T(fallocate, "that punches a hole", fd, PUNCH_HOLE | KEEP_SIZE, 2, 4);
    CALL(pread64, fd, bytes, 10, 0);
    fact("fallocate leaves zeros in a hole", !memcmp(bytes, "01\0\0\0\0006789", 10));
    T(fallocate, "that punches a hole and may resize", fd, PUNCH_HOLE, 0, 4);
    int ends_[2];
    CALL(pipe, ends_);
    T(fallocate, "of a pipe", ends_[1], 0, 0, 10);
    long sparse = make("sparse", "");
    for (int page = 0; page < 4; page++)
        CALL(pwrite64, sparse, "x", 1, page * PAGE);
    CALL(fallocate, sparse, PUNCH_HOLE | KEEP_SIZE, PAGE, 2 * PAGE);
    T(lseek, "to a punched hole", sparse, 0, SEEK_HOLE);
    T(lseek, "to data behind a punched hole", sparse, PAGE, SEEK_DATA);
    tell("fallocate punches no further than the end", size_of("sparse"));
}

static void durability(void)
{
    long fd = make("data", "0123456789");
    int ends_[2];
    CALL(pipe, ends_);
    T(fsync, "of a file", fd);
    T(fsync, "of a bad descriptor", 99);
    T(fsync, "of a pipe", ends_[0]);
    T(fsync, "of a directory", CALL(open, ".", O_RDONLY));
    T(fdatasync, "of a file", fd);
    T(fdatasync, "of a bad descriptor", 99);
    T(fdatasync, "of a pipe", ends_[0]);
    T(sync, "of everything");
    T(syncfs, "of a file", fd);
    T(syncfs, "of a bad descriptor", 99);
    T(sync_file_range, "of a file", fd, 0, 10, 7);
    T(sync_file_range, "of unknown flags", fd, 0, 10, 64);
    T(sync_file_range, "of a negative range", fd, -1, 10, 0);
    T(sync_file_range, "of a pipe", ends_[0], 0, 0, 0);
    T(sync_file_range, "of a bad descriptor", 99, 0, 0, 0);
    T(fadvise64, "of a file", fd, 0, 0, 4);
    T(fadvise64, "of unknown advice", fd, 0, 0, 99);
    T(fadvise64, "of a negative length", fd, 0, -1, 0);
    T(fadvise64, "of a pipe", ends_[0], 0, 0, 0);
    T(fadvise64, "of a bad descriptor", 99, 0, 0, 0);
    T(readahead, "of a file", fd, 0, 100);
    T(readahead, "of a pipe", ends_[0], 0, 100);
    T(readahead, "of a bad descriptor", 99, 0, 100);
    T(readahead, "of what was opened for writing", CALL(open, "data", O_WRONLY), 0, 100);
}

static void copying(void)
{
    char bytes[16] = "";
    long from = make("from", "0123456789"), to = make("to", "");
    long offset = 2, other = 5;
    T(copy_file_range, "at offsets", from, &offset, to, &other, 4, 0);
    text("copy_file_range moves offsets", "%ld, %ld", offset, other);
    CALL(pread64, to, bytes, 16, 0);
    fact("copy_file_range copies", !memcmp(bytes, "\0\0\0\0\0" "2345", 9));
    CALL(lseek, from, 0, SEEK_SET);
    T(copy_file_range, "at positions", from, 0, to, 0, 3, 0);
    T(lseek, "after copy_file_range", from, 0, SEEK_CUR);
    T(copy_file_range, "beyond the end", from, 0, to, 0, 100, 0);
    T(copy_file_range, "at the end", from, 0, to, 0, 100, 0);
    offset = 2, other = 15;
    T(copy_file_range, "of one file up to its end", from, &offset, from, &other, 100, 0);
    other = 12;
    T(copy_file_range, "of one file onto itself", from, &offset, from, &other, 100, 0);
    T(copy_file_range, "with flags", from, 0, to, 0, 1, 1);
    T(copy_file_range, "of a bad descriptor", 99, 0, to, 0, 1, 0);
    T(copy_file_range, "to what was opened for reading", from, 0, CALL(open, "to", O_RDONLY), 0, 1, 0);
    T(copy_file_range, "to what appends", from, 0, CALL(open, "to", O_WRONLY | O_APPEND), 0, 1, 0);
    T(copy_file_range, "of a directory", CALL(open, ".", O_RDONLY), 0, to, 0, 1, 0);
    offset = 0, other = 1;
    T(copy_file_range, "of ranges that overlap", from, &offset, from, &other, 4, 0);
    FAULTS_BUT_NULL(copy_file_range, "of a bad offset", from, bad, to, 0, 1, 0);
    int ends_[2];
    CALL(pipe, ends_);
    T(copy_file_range, "to a pipe", from, 0, ends_[1], 0, 1, 0);

    CALL(lseek, from, 0, SEEK_SET);
    offset = 3;
    T(sendfile, "at an offset", to, from, &offset, 4);
    text("sendfile moves the offset", "%ld", offset);
    T(lseek, "after sendfile at an offset", from, 0, SEEK_CUR);
    T(sendfile, "at the position", to, from, 0, 4);
    T(lseek, "after sendfile at the position", from, 0, SEEK_CUR);
    T(sendfile, "to a pipe", ends_[1], from, 0, 100);
    T(sendfile, "at the end", ends_[1], from, 0, 100);
    T(sendfile, "of a bad descriptor", to, 99, 0, 1);
    T(sendfile, "to a bad descriptor", 99, from, 0, 1);
    T(sendfile, "to what appends", CALL(open, "to", O_WRONLY | O_APPEND), from, 0, 1);
    T(sendfile, "of a pipe at an offset", to, ends_[0], &offset, 1);
    FAULTS_BUT_NULL(sendfile, "of a bad offset", to, from, bad, 1);
    offset = -1;
    T(sendfile, "at offset -1", to, from, &offset, 1);
}

const struct group positions[] = {
    GROUP(seeking), GROUP(holes), GROUP(truncating), GROUP(allocating), GROUP(durability),
    GROUP(copying), END_OF_GROUPS,
};
