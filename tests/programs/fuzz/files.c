// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What files hold: reading and writing in every way by several descriptors and mappings of few files.

#include "fuzz.h"

#include <setjmp.h>

#define NR_DESCRIPTORS 8
#define FIRST 3l
#define BUFFER_BYTES (8 * PAGE)
// Where mappings lie: at the same place in every run.
#define NR_MAPPINGS 3
#define MAPPING_BYTES (4 * PAGE)
#define MAPPING(i) ((char *)0x200000000 + (i) * 16 * PAGE)
#define PRIVATE MAPPING(2)

static char buffer[BUFFER_BYTES] __attribute__((aligned(4096)));
static struct iovec pieces[4];
static sigjmp_buf out_of_fault;
// Whether this seed maps files and allocates room in them, or asks for holes: what is allocated or
// mapped and then read is a hole no longer on Linux.
static int maps;

static void fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    note("  signal %d code %d at %p\n", signal, info->si_code, info->si_addr);
    siglongjmp(out_of_fault, 1);
}

static long descriptor(void) { return chance(96) ? FIRST + (long)below(NR_DESCRIPTORS) : (long)ONE_OF(-1, 99); }

static const char *name(void) { return (const char *[]){"a", "b", "c"}[below(3)]; }

static void fill(void)
{
    static unsigned char next;
    memset(buffer, ++next, sizeof buffer);
    for (size_t i = 0; i < sizeof buffer; i += 64)
        buffer[i] = (char)below(256);
}

// The buffer, or private memory, which may end before the bytes do.
static char *target(void)
{
    return chance(92) ? buffer + below(70) : PRIVATE + below(70);
}

// The buffer: how much of what lies before a fault is written, and what becomes of the file then, is a
// matter of the file system, and so is what a file gets that is written from a mapping of itself.
static char *source(void) { return buffer + below(70); }

static word amount(void) { return chance(97) ? some_size() % (BUFFER_BYTES - 70) : some_size(); }

static int vector(char *(*choose)(void))
{
    int count = (int)below(4) + 1;
    for (int i = 0; i < count; i++)
        pieces[i] = (struct iovec){choose(), chance(98) ? below(3000) : some_size()};
    return count;
}

static void open_one(void)
{
    word flags = ONE_OF(O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, 3);
    flags |= SOME_OF(12, O_TRUNC, O_APPEND, O_EXCL, O_CLOEXEC, O_NONBLOCK) | (chance(60) ? O_CREAT : 0);
    const char *path = name();
    detail("%s", path);
    T(openat, AT_FDCWD, path, flags, 0644);
}

static void status(void)
{
    static struct stat found;
    if (T(fstat, descriptor(), &found) == 0)
        note("  mode %o links %lu size %ld\n", found.st_mode, found.st_nlink, found.st_size);
}

static void read_one(void)
{
    char *to = target();
    long result;
    switch (below(4)) {
    case 0: result = T(read, descriptor(), to, amount()); break;
    case 1: result = T(pread64, descriptor(), to, amount(), some_size()); break;
    case 2: result = T(readv, descriptor(), pieces, vector(target)), to = buffer; break;
    default: result = T(preadv2, descriptor(), pieces, vector(target), some_size(), 0, 0), to = buffer;
    }
    if (to >= buffer && to < buffer + sizeof buffer)
        got(buffer, result > 0 ? BUFFER_BYTES : 0);
}

static void write_one(void)
{
    fill();
    switch (below(4)) {
    case 0: T(write, descriptor(), source(), amount()); break;
    case 1: T(pwrite64, descriptor(), source(), amount(), some_size()); break;
    case 2: T(writev, descriptor(), pieces, vector(source)); break;
    default: T(pwritev2, descriptor(), pieces, vector(source), some_size(), 0, SOME_OF(10, 0x10));
    }
}

static void move_one(void) { T(lseek, descriptor(), some_size(), maps ? ONE_OF(0, 0, 1, 2, 5) : below(6)); }

static void resize(void)
{
    word size = some_size();
    // The largest file is larger on Linux.
    size = size == INT64_MAX ? 5 : size;
    if (chance(70)) {
        T(ftruncate, descriptor(), size);
        return;
    }
    const char *path = name();
    detail("%s", path);
    T(truncate, path, size);
}

static void allocate(void)
{
    word punch = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
    word mode = maps ? ONE_OF(0, punch, FALLOC_FL_PUNCH_HOLE, 1 << 20) : punch;
    word length = mode & FALLOC_FL_PUNCH_HOLE ? some_size() : below(3 * PAGE);
    T(fallocate, descriptor(), mode, some_size() % (1 << 20), length);
}

// Whether two descriptors are of one file: when that is sent to itself, it grows under the eyes of the
// call, and in pipes Linux has the file's pages, not copies.
static int are_same(long one, long other)
{
    struct stat a = {0}, b = {0};
    fstat((int)one, &a), fstat((int)other, &b);
    return a.st_ino == b.st_ino;
}

static void copy(void)
{
    static off_t from, to;
    from = (off_t)some_size(), to = (off_t)some_size();
    detail("%lx %lx", from, to);
    off_t *in = chance(50) ? &from : 0, *out = chance(50) ? &to : 0;
    long source = descriptor(), sink = descriptor();
    if (chance(50) || are_same(source, sink))
        T(copy_file_range, source, in, sink, out, below(30000), chance(97) ? 0 : 1);
    else
        T(sendfile, sink, source, in, below(30000));
    note("  to %lx %lx\n", from, to);
}

static void through_a_pipe(void)
{
    static int ends[2];
    static off_t position;
    CALL(pipe2, ends, O_NONBLOCK);
    // Other numbers than those that the seed has: what `open` finds is the same all the time.
    position = (off_t)below(3 * PAGE);
    long source = descriptor(), sink = descriptor();
    long moved = T(splice, source, chance(50) ? &position : 0, ends[1], 0, below(20000), SPLICE_F_NONBLOCK);
    if (moved > 0 && chance(50))
        got(buffer, CALL(read, ends[0], buffer, below(BUFFER_BYTES)));
    if (!are_same(source, sink))
        T(splice, ends[0], 0, sink, chance(50) ? &position : 0, below(20000), SPLICE_F_NONBLOCK);
    note("  to %lx\n", position);
    CALL(close, ends[0]);
    CALL(close, ends[1]);
}

static void numbers(void)
{
    switch (below(8)) {
    case 0: T(dup, descriptor()); break;
    case 1: T(dup2, descriptor(), FIRST + below(NR_DESCRIPTORS)); break;
    case 2: T(dup3, descriptor(), FIRST + below(NR_DESCRIPTORS), ONE_OF(0, O_CLOEXEC, 1)); break;
    case 3: T(fcntl, descriptor(), ONE_OF(F_DUPFD, F_DUPFD_CLOEXEC), below(12)); break;
    case 4: T(fcntl, descriptor(), ONE_OF(F_GETFD, F_GETFL)); break;
    case 5: T(fcntl, descriptor(), F_SETFD, below(2)); break;
    case 6: T(fcntl, descriptor(), F_SETFL, SOME_OF(40, O_APPEND, O_NONBLOCK)); break;
    default: T(close, descriptor());
    }
}

static void map_one(void)
{
    if (!maps)
        return;
    char *start = MAPPING(below(NR_MAPPINGS));
    word kind = start == PRIVATE ? MAP_PRIVATE : MAP_SHARED, rights = ONE_OF(1, 2, 3, 3, 3);
    T(mmap, start, PAGE * (1 + (long)below(4)), rights, kind | MAP_FIXED, descriptor(),
      chance(97) ? PAGE * (long)below(3) : (long)some_size());
}

static void use_mapping(void)
{
    volatile char *byte = MAPPING(below(NR_MAPPINGS)) + below(MAPPING_BYTES);
    note("byte %p\n", (void *)byte);
    if (sigsetjmp(out_of_fault, 1))
        return;
    if (chance(50))
        note("  is %x\n", (unsigned char)*byte);
    else
        *byte = (char)below(256);
}

static void mapping_calls(void)
{
    char *start = MAPPING(below(NR_MAPPINGS));
    switch (below(4)) {
    case 0: T(munmap, start, PAGE * (long)below(5)); break;
    case 1: T(msync, start, PAGE * (long)below(5), below(8)); break;
    case 2: T(mprotect, start, PAGE * (long)below(5), below(4)); break;
    default: T(madvise, start, PAGE * (long)below(5), ONE_OF(MADV_DONTNEED, MADV_WILLNEED)); break;
    }
}

// Which times a call changes, seen from times of long ago.
static void times(void)
{
    static struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    struct stat found;
    long fd = descriptor();
    T(utimensat, fd, 0, long_ago, 0);
    switch (below(6)) {
    case 0: T(read, fd, buffer, below(100)); break;
    case 1: T(write, fd, buffer, below(100)); break;
    case 2: T(ftruncate, fd, below(3) * PAGE); break;
    case 3: T(fallocate, fd, maps ? ONE_OF(0, 3) : 3, 0, below(3) * PAGE); break;
    case 4: T(fchmod, fd, 0700 | below(0100)); break;
    default: T(copy_file_range, descriptor(), 0, fd, 0, below(1000), 0);
    }
    if (CALL(fstat, fd, &found) == 0)
        note("  %s changed\n", found.st_mtime == 1000 ? "not" : "is");
}

static void names(void)
{
    const char *old = name(), *new = name();
    detail("%s %s", old, new);
    switch (below(3)) {
    case 0: T(unlink, old); break;
    case 1: T(link, old, new); break;
    default: T(rename, old, new);
    }
}

static void begin(void)
{
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    maps = chance(60);
    for (int i = 0; i < 3; i++)
        open_one();
}

static void step(void)
{
    static void (*const steps[])(void) = {
        open_one, open_one, status, status, read_one, read_one, read_one, read_one, write_one, write_one,
        write_one, write_one, move_one, move_one, resize, resize, allocate, copy, copy, through_a_pipe,
        numbers, numbers, numbers, map_one, map_one, use_mapping, use_mapping, use_mapping,
        mapping_calls, times, names,
    };
    steps[below(sizeof steps / sizeof *steps)]();
}

// Every file as its descriptors show it, holes included.
static void end(void)
{
    for (long fd = FIRST; fd < FIRST + NR_DESCRIPTORS; fd++) {
        long data = 0, hole = 0;
        static struct stat found;
        if (T(fstat, fd, &found) == 0)
            note("  links %lu size %ld\n", found.st_nlink, found.st_size);
        for (long at = 0; at < 64 * PAGE; at += (long)sizeof buffer)
            got(buffer, CALL(pread64, fd, buffer, sizeof buffer, at));
        for (int i = 0; i < 20 && data >= 0 && !maps; i++) {
            data = T(lseek, fd, hole, SEEK_DATA);
            hole = data < 0 ? data : T(lseek, fd, data, SEEK_HOLE);
        }
    }
}

const struct family files = {"files", begin, step, end, 120};
