// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory: mappings, what may be done with them, the heap, the stack, and limits.

#include "case.h"

#include <sys/resource.h>

#define BOTH (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static long probe;

// Whether the kernel, on the program's behalf, may read or write a byte there.
static int readable(volatile void *address) { return CALL(pwrite64, probe, address, 1, 0) == 1; }
static int writable(volatile void *address) { return CALL(pread64, probe, address, 1, 0) == 1; }

static char *map(long pages, int protection)
{
    return (char *)CALL(mmap, 0, pages * PAGE, protection, ANONYMOUS, -1, 0);
}

static char *map_file(long fd, long pages, int protection, int flags)
{
    return (char *)CALL(mmap, 0, pages * PAGE, protection, flags, fd, 0);
}

static void mapping(void)
{
    probe = make("probe", "p");
    volatile char *area = map(5, BOTH);
    long sum = 0;
    for (int i = 0; i < 5 * PAGE; i += 512)
        sum += area[i];
    text("mmap gives zeros", "%ld", sum);
    for (int i = 0; i < 5; i++)
        area[i * PAGE] = (char)(i + 1);
    T(mprotect, "to reading", area + PAGE, PAGE, PROT_READ);
    text("mprotect to reading leaves", "%d %d %d", readable(area + PAGE), writable(area + PAGE), area[PAGE]);
    text("mprotect leaves the neighbours", "%d %d", writable(area), writable(area + 2 * PAGE));
    T(mprotect, "to nothing", area + PAGE, PAGE, PROT_NONE);
    text("mprotect to nothing leaves", "%d", readable(area + PAGE));
    T(mprotect, "to both", area + PAGE, PAGE, BOTH);
    text("mprotect keeps what is there", "%d", area[PAGE]);
    T(munmap, "in the middle", area + 2 * PAGE, PAGE);
    text("munmap in the middle leaves", "%d %d %d", readable(area + PAGE), readable(area + 2 * PAGE), readable(area + 3 * PAGE));
    T(mprotect, "over a hole", area, 5 * PAGE, BOTH);
    T(munmap, "over a hole", area, 4 * PAGE);
    text("munmap leaves the rest", "%d", area[4 * PAGE]);
    long fixed = CALL(mmap, area + 4 * PAGE, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    text("mmap replaces what is there", "%d %d", fixed == (long)(area + 4 * PAGE), area[4 * PAGE]);
    T(mmap, "where something is, without replacing", area + 4 * PAGE, PAGE, BOTH, ANONYMOUS | 0x100000, -1, 0);
    fact("mmap without replacing where nothing is",
         CALL(mmap, area, PAGE, BOTH, ANONYMOUS | 0x100000, -1, 0) == (long)area);
    fact("mmap takes a hint", CALL(mmap, area + PAGE, PAGE, BOTH, ANONYMOUS, -1, 0) == (long)(area + PAGE));
    T(munmap, "of all", area, 5 * PAGE);
    T(munmap, "where nothing is", area, PAGE);
    T(munmap, "of an odd address", area + 1, PAGE);
    T(munmap, "of nothing", area, 0);
    T(munmap, "beyond the user half", 0xffff800000000000, PAGE);
    T(mprotect, "of an odd address", area + 1, PAGE, BOTH);
    T(mprotect, "where nothing is", area, PAGE, BOTH);
    T(mprotect, "of nothing", area, 0, BOTH);
    T(mprotect, "to unknown rights", map(1, BOTH), PAGE, 0x40);
}

static void mapping_refused(void)
{
    long fd = make("data", "0123456789"), only = CALL(open, "data", O_RDONLY);
    T(mmap, "of nothing", 0, 0, BOTH, ANONYMOUS, -1, 0);
    T(mmap, "neither shared nor private", 0, PAGE, BOTH, MAP_ANONYMOUS, -1, 0);
    T(mmap, "at an odd place", 0x700000000001, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    T(mmap, "beyond the user half", 0xffff800000000000, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    T(mmap, "of half of all addresses", 0, 1l << 62, BOTH, ANONYMOUS, -1, 0);
    T(mmap, "of more than all addresses", 0, -1, BOTH, ANONYMOUS, -1, 0);
    T(mmap, "of a bad descriptor", 0, PAGE, PROT_READ, MAP_PRIVATE, 99, 0);
    T(mmap, "at an odd offset", 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 1);
    T(mmap, "of what was opened for reading, shared, to write", 0, PAGE, BOTH, MAP_SHARED, only, 0);
    T(mmap, "of what was opened for writing", 0, PAGE, PROT_READ, MAP_PRIVATE, CALL(open, "data", O_WRONLY), 0);
    T(mmap, "of a directory", 0, PAGE, PROT_READ, MAP_PRIVATE, CALL(open, ".", O_RDONLY), 0);
    int ends_[2];
    CALL(pipe, ends_);
    T(mmap, "of a pipe", 0, PAGE, PROT_READ, MAP_PRIVATE, ends_[0], 0);
    T(mmap, "validated, of an unknown flag", 0, PAGE, PROT_READ, 3 | 1 << 25, fd, 0);
    fact("mmap ignores unknown flags", CALL(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | 1 << 25, fd, 0) > 0);
    fact("mmap of what was opened for reading, private, to write",
         CALL(mmap, 0, PAGE, BOTH, MAP_PRIVATE, only, 0) > 0);
    char *shared_ = map_file(only, 1, PROT_READ, MAP_SHARED);
    T(mprotect, "of what was opened for reading, shared, to write", shared_, PAGE, BOTH);
}

static volatile char *target;
static void reads(void) { (void)*target; }
static void writes(void) { *target = 1; }
static void executes(void) { ((void (*)(void))target)(); }

static void leave(int signal, siginfo_t *info, void *context)
{
    (void)context;
    text((char *)shared + 1024, "signal %d, code %d, address %s", signal, info->si_code,
         info->si_addr == (void *)target ? "right" : "wrong");
    CALL(exit_group, 7);
}

// Faults with a handler that tells of it.
static void tell_fault(const char *name, void (*body)(void), volatile char *address)
{
    target = address;
    strcpy((char *)shared + 1024, name);
    long pid = CALL(fork);
    if (pid == 0) {
        set_handler(SIGSEGV, 0, leave);
        set_handler(SIGBUS, 0, leave);
        body();
        CALL(exit_group, 0);
    }
    if (WEXITSTATUS(finish(pid)) != 7)
        text(name, "no fault");
}

static void faulting(void)
{
    volatile char *area = map(3, BOTH);
    CALL(mprotect, area, PAGE, PROT_READ);
    CALL(mprotect, area + 2 * PAGE, PAGE, PROT_NONE);
    target = area;
    ends("mprotect ends who writes to what is read", writes);
    tell_fault("mprotect writing to what is read", writes, area);
    tell_fault("mprotect reading what is guarded", reads, area + 2 * PAGE + 5);
    tell_fault("mprotect executing what is not executable", executes, area + PAGE);
    tell_fault("munmap reading at page 0", reads, (char *)8);
    tell_fault("mmap reading what is mapped", reads, area);
    long fd = make("data", "0123456789");
    volatile char *past = map_file(fd, 3, BOTH, MAP_SHARED);
    tell_fault("mmap reading behind the end of a file", reads, past + 2 * PAGE);
    tell_fault("mmap reading the last page of a file", reads, past + 100);
    CALL(ftruncate, fd, 0);
    tell_fault("ftruncate leaves nothing to read", reads, past);
    CALL(munmap, area, PAGE);
    tell_fault("munmap reading what was unmapped", reads, area);
}

static void sharing(void)
{
    char bytes[8] = "";
    long fd = make("data", "0123456789");
    volatile char *first = map_file(fd, 1, BOTH, MAP_SHARED), *private = map_file(fd, 1, BOTH, MAP_PRIVATE);
    first[0] = 'A';
    CALL(pread64, fd, bytes, 1, 0);
    text("mmap shared is seen by pread64", "%c", bytes[0]);
    CALL(pwrite64, fd, "B", 1, 1);
    text("mmap shared sees pwrite64", "%c", first[1]);
    private[2] = 'P';
    text("mmap private is not seen", "%c", first[2]);
    first[2] = 'S';
    text("mmap private keeps its own", "%c", private[2]);
    long pid = CALL(fork);
    if (pid == 0) {
        first[3] = 'C';
        private[4] = 'C';
        CALL(exit_group, 0);
    }
    finish(pid);
    text("mmap shared is seen after fork", "%c, private %c", first[3], private[4]);
    text("mmap of the last page ends in zeros", "%d", first[100]);
    first[200] = 'x';
    tell("mmap writing behind the end leaves the size", size_of("data"));
    T(msync, "of a file", first, PAGE, MS_SYNC);
    T(msync, "of both kinds", first, PAGE, MS_SYNC | MS_ASYNC);
    T(msync, "of an unknown flag", first, PAGE, 64);
    T(msync, "of an odd address", first + 1, PAGE, MS_SYNC);
    CALL(munmap, first, PAGE);
    T(msync, "where nothing is", first, PAGE, MS_SYNC);
    char *both = (char *)CALL(mmap, 0, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid = CALL(fork);
    if (pid == 0) {
        *both = 'C';
        CALL(exit_group, 0);
    }
    finish(pid);
    text("mmap shared without a file is seen after fork", "%c", *both);
    long removed = make("removed", "still");
    char *kept = map_file(removed, 1, PROT_READ, MAP_SHARED);
    CALL(close, removed);
    CALL(unlink, "removed");
    text("mmap keeps an unlinked file", "%.5s", kept);
}

static void moving(void)
{
    volatile char *area = map(4, BOTH), *moved;
    area[0] = 1, area[3 * PAGE] = 4;
    T(mremap, "to nothing", area, PAGE, 0, 0);
    T(mremap, "of an odd address", area + 1, PAGE, PAGE, 0);
    T(mremap, "of an unknown flag", area, PAGE, PAGE, 64);
    T(mremap, "to a fixed place without moving", area, PAGE, PAGE, 2, area);
    T(mremap, "of what is not mapped", PAGE, PAGE, 2 * PAGE, 1);
    fact("mremap that shrinks stays", CALL(mremap, area, 4 * PAGE, 3 * PAGE, 0) == (long)area);
    char *guard = (char *)CALL(mmap, area + 3 * PAGE, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    CALL(mprotect, guard, PAGE, PROT_NONE);
    T(mremap, "that has no room", area, 3 * PAGE, 5 * PAGE, 0);
    moved = (char *)CALL(mremap, area, 3 * PAGE, 5 * PAGE, 1);
    text("mremap moves", "%d, keeps %d, new %d", moved != area, moved[0], moved[4 * PAGE]);
    volatile char *place = map(5, BOTH);
    fact("mremap to a fixed place", CALL(mremap, moved, 2 * PAGE, 2 * PAGE, 3, place) == (long)place && *place == 1);
    T(mremap, "to an odd place", place, PAGE, PAGE, 3, place + 1);
    T(mremap, "onto itself", place, 2 * PAGE, 2 * PAGE, 3, place + PAGE);
    T(mremap, "over a border of mappings", guard - PAGE, 2 * PAGE, 3 * PAGE, 1);
    fact("mremap that keeps its size", CALL(mremap, place, PAGE, PAGE, 0) == (long)place);
    volatile char *kept = map(1, BOTH);
    *kept = 9;
    volatile char *other = (char *)CALL(mremap, kept, PAGE, PAGE, 1 | 4);
    text("mremap that keeps the old place", "%d", other != kept && *other == 9 && *kept == 0);
    T(mremap, "that keeps the old place, growing", other, PAGE, 2 * PAGE, 1 | 4);
    T(mremap, "that keeps the old place, staying", other, PAGE, PAGE, 4);
    volatile char *both = (char *)CALL(mmap, 0, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *both = 5;
    volatile char *twice = (char *)CALL(mremap, both, 0, PAGE, 1);
    text("mremap of what is shared, a second time", "%d", twice != both && (word)twice < 1ul << 47 && *twice == 5);
    T(mremap, "of what is private, a second time", other, 0, PAGE, 1);
    long fd = make("data", "");
    for (int page = 0; page < 3; page++)
        CALL(pwrite64, fd, &"abc"[page], 1, page * PAGE);
    char *file_ = map_file(fd, 1, PROT_READ, MAP_PRIVATE);
    file_ = (char *)CALL(mremap, file_, PAGE, 3 * PAGE, 1);
    text("mremap of a file shows more of it", "%c%c%c", file_[0], file_[PAGE], file_[2 * PAGE]);
}

static void advising(void)
{
    volatile char *area = map(3, BOTH);
    unsigned char resident[3] = {9, 9, 9};
    area[0] = 1, area[PAGE] = 2;
    T(madvise, "that nothing is needed", area, PAGE, MADV_DONTNEED);
    text("madvise forgets", "%d, keeps %d", area[0], area[PAGE]);
    T(madvise, "of unknown advice", area, PAGE, 999);
    T(madvise, "of an odd address", area + 1, PAGE, MADV_DONTNEED);
    T(madvise, "of nothing", area, 0, MADV_DONTNEED);
    T(madvise, "that may be freed", area + PAGE, PAGE, MADV_FREE);
    T(madvise, "that all is needed", area, PAGE, MADV_WILLNEED);
    T(madvise, "that is read at random", area, PAGE, MADV_RANDOM);
    T(madvise, "that populates", area, 3 * PAGE, 23);
    area[2 * PAGE] = 7;
    CALL(munmap, area + PAGE, PAGE);
    T(madvise, "over a hole", area, 3 * PAGE, MADV_DONTNEED);
    text("madvise over a hole does its work", "%d", area[2 * PAGE]);
    T(madvise, "where nothing is", area + PAGE, PAGE, MADV_NORMAL);
    long fd = make("data", "0123456789");
    volatile char *private = map_file(fd, 1, BOTH, MAP_PRIVATE);
    private[0] = 'X';
    CALL(madvise, private, PAGE, MADV_DONTNEED);
    text("madvise brings a file back", "%c", private[0]);
    volatile char *both = map_file(fd, 1, BOTH, MAP_SHARED);
    both[0] = 'Y';
    CALL(madvise, both, PAGE, MADV_DONTNEED);
    text("madvise keeps what is shared", "%c", both[0]);

    volatile char *fresh = map(3, BOTH);
    fresh[PAGE] = 1;
    T(mincore, "of some pages", fresh, 3 * PAGE, resident);
    text("mincore tells what was touched", "%d", resident[1] & 1);
    T(mincore, "where nothing is", area + PAGE, PAGE, resident);
    T(mincore, "of an odd address", fresh + 1, PAGE, resident);
    FAULTS(mincore, "to a bad pointer", fresh, PAGE, bad);
    T(mlock, "of some pages", fresh, 2 * PAGE);
    T(mlock, "where nothing is", area + PAGE, PAGE);
    T(mlock2, "on fault", fresh, PAGE, 1);
    T(mlock2, "of an unknown flag", fresh, PAGE, 2);
    T(munlock, "of some pages", fresh, 2 * PAGE);
    T(munlock, "where nothing is", area + PAGE, PAGE);
    T(mlockall, "of what is there", MCL_CURRENT);
    T(mlockall, "of nothing", 0);
    T(mlockall, "of an unknown flag", 64);
    T(mlockall, "on fault alone", 4);
    T(munlockall, "of all");
}

static void heap(void)
{
    long first = CALL(brk, 0);
    fact("brk tells the break", first > 0);
    fact("brk grows", CALL(brk, first + 10000) == first + 10000);
    text("brk gives zeros", "%d", *(char *)(first + 9999));
    *(char *)(first + 9999) = 1;
    fact("brk shrinks", CALL(brk, first) == first);
    CALL(brk, first + 10000);
    text("brk gives zeros again", "%d", *(char *)(((first + 4095) & ~4095) + PAGE));
    fact("brk too far leaves the break", CALL(brk, 1l << 62) == first + 10000);
    fact("brk too low leaves the break", CALL(brk, 1) == first + 10000);
    limit(RLIMIT_DATA, 1 << 20, 1 << 20);
    fact("brk beyond RLIMIT_DATA leaves the break", CALL(brk, first + (4 << 20)) == first + 10000);
    T(mmap, "beyond RLIMIT_DATA", 0, 4 << 20, BOTH, ANONYMOUS, -1, 0);
    fact("mmap to read beyond RLIMIT_DATA", CALL(mmap, 0, 4 << 20, PROT_READ, ANONYMOUS, -1, 0) > 0);
}

// Uses `pages` pages of stack.
static long deepen(long pages)
{
    volatile char frame[PAGE];
    frame[0] = (char)pages;
    return pages ? deepen(pages - 1) + frame[0] : 0;
}
static void uses_4_mib(void) { deepen(1000); }
static void uses_16_mib(void) { deepen(4000); }
static void uses_too_much_for_its_limit(void)
{
    limit(RLIMIT_STACK, 1 << 20, 8 << 20);
    deepen(1000);
}
static void uses_what_a_raised_limit_allows(void)
{
    limit(RLIMIT_STACK, 1 << 20, 8 << 20);
    limit(RLIMIT_STACK, 8 << 20, 8 << 20);
    deepen(1000);
}
#define GROWING ((char *)0x20000000)
static void touches_below_what_grows(void)
{
    CALL(mmap, GROWING, PAGE, BOTH, ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    for (long at = 0; at > -(4 << 20); at -= PAGE)
        GROWING[at] = 1;
}
static void touches_too_far_below_what_grows(void)
{
    limit(RLIMIT_STACK, 1 << 20, 8 << 20);
    touches_below_what_grows();
}
static void touches_what_is_near_below(void)
{
    CALL(mmap, GROWING - (2 << 20), PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    touches_below_what_grows();
}
static void touches_below_what_does_not_grow(void)
{
    CALL(mmap, GROWING, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    GROWING[-1] = 1;
}
static void reads_below_what_grows(void)
{
    int ends_[2];
    CALL(mmap, GROWING, PAGE, BOTH, ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    CALL(pipe, ends_);
    CALL(write, ends_[1], "abc", 3);
    T(read, "below what grows", ends_[0], GROWING - 2, 3);
    T(mprotect, "below what grows", GROWING - (6 << 20), PAGE, PROT_READ);
}
static void runs_out_of_stack(void)
{
    stack_t stack = {.ss_sp = map(8, BOTH), .ss_size = 8 * PAGE};
    CALL(sigaltstack, &stack, 0);
    set_handler(SIGSEGV, SA_ONSTACK, leave);
    strcpy((char *)shared + 1024, "sigaltstack takes what the stack has no room for");
    deepen(4000);
}
static void runs_out_of_stack_for_a_handler(void)
{
    set_handler(SIGSEGV, 0, leave);
    deepen(4000);
}

static void limits(void)
{
    limit(RLIMIT_STACK, 8 << 20, 8 << 20);
    ends("getrlimit lets a stack grow to 4 MiB", uses_4_mib);
    ends("getrlimit ends a stack of 16 MiB", uses_16_mib);
    ends("prlimit64 makes a stack shorter", uses_too_much_for_its_limit);
    ends("prlimit64 makes a stack longer", uses_what_a_raised_limit_allows);
    ends("mmap of what grows down", touches_below_what_grows);
    ends("mmap of what grows down to its limit", touches_too_far_below_what_grows);
    ends("mmap of what grows down to something else", touches_what_is_near_below);
    ends("mmap of what does not grow down", touches_below_what_does_not_grow);
    ends("mmap of what grows down for a call", reads_below_what_grows);
    T(mmap, "of shared memory that grows down", 0, PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
    ends("sigaltstack after a stack that ran out", runs_out_of_stack);
    ends("rt_sigaction without a stack for the handler", runs_out_of_stack_for_a_handler);
    tell("prlimit64 of addresses", limit(RLIMIT_AS, 1l << 30, 1l << 30));
    fact("mmap within RLIMIT_AS", CALL(mmap, 0, 64 << 20, BOTH, ANONYMOUS, -1, 0) > 0);
    T(mmap, "beyond RLIMIT_AS", 0, 2l << 30, BOTH, ANONYMOUS, -1, 0);
    char *area = map(1, BOTH);
    T(mremap, "beyond RLIMIT_AS", area, PAGE, 2l << 30, 1);
    long first = CALL(brk, 0);
    fact("brk beyond RLIMIT_AS leaves the break", CALL(brk, first + (2l << 30)) == first);
}

const struct group memory[] = {
    GROUP(mapping), GROUP(mapping_refused), GROUP(faulting), GROUP(sharing), GROUP(moving),
    GROUP(advising), GROUP(heap), GROUP(limits), END_OF_GROUPS,
};
