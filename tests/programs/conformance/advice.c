// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What mappings refuse, and advice about them: holes, overflows, locks, and what is behind files.

#include "case.h"

#define BOTH (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

// Three pages, the middle one a hole.
static char *holey(void)
{
    char *area = (char *)CALL(mmap, 0, 3 * PAGE, BOTH, ANONYMOUS, -1, 0);
    CALL(munmap, area + PAGE, PAGE);
    return area;
}

// Calls on a range, each with an argument that would do.
static unsigned char resident[16];
static const struct {
    const char *name;
    long number;
    word argument;
} on_ranges[] = {
    {"mprotect", SYS_mprotect, BOTH}, {"msync", SYS_msync, MS_ASYNC}, {"madvise", SYS_madvise, MADV_NORMAL},
    {"mincore", SYS_mincore, (word)resident}, {"mlock", SYS_mlock, 0}, {"mlock2", SYS_mlock2, 0},
    {"munlock", SYS_munlock, 0}, {"munmap", SYS_munmap, 0},
};

static void ranges(void)
{
    static const struct {
        const char *what;
        long offset;
        word length;
    } forms[] = {
        {"around a hole", 0, 3 * PAGE},
        {"of a hole", PAGE, PAGE},
        {"from a hole on", PAGE, 2 * PAGE},
        {"up to a hole", 0, PAGE},
        {"of a byte", 0, 1},
        {"of nothing in a hole", PAGE, 0},
        {"from the middle of a page", 16, PAGE - 16},
        {"to behind the last address", 0, -2 * PAGE},
        {"of all addresses", 0, ~0ul},
        {"behind the user half", 1l << 47, PAGE},
    };
    char name[100];
    for (size_t call = 0; call < sizeof on_ranges / sizeof *on_ranges; call++)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            char *area = forms[i].offset >> 46 ? 0 : holey();
            snprintf(name, sizeof name, "%s %s", on_ranges[call].name, forms[i].what);
            tell(name, call6(on_ranges[call].number, (word)area + (word)forms[i].offset, forms[i].length,
                             on_ranges[call].argument, 0, 0, 0));
            if (area)
                CALL(munmap, area, 3 * PAGE);
        }
}

static void locked(void)
{
    char *area = (char *)CALL(mmap, 0, 3 * PAGE, BOTH, ANONYMOUS, -1, 0);
    CALL(mlock, area, PAGE);
    T(msync, "that forgets what is locked", area, PAGE, MS_INVALIDATE);
    T(msync, "that forgets what is not locked", area + PAGE, PAGE, MS_INVALIDATE);
    T(msync, "that writes and forgets what is locked", area, PAGE, MS_SYNC | MS_INVALIDATE);
    T(madvise, "that what is locked is not needed", area, PAGE, MADV_DONTNEED);
    T(madvise, "that what is locked may be freed", area, PAGE, MADV_FREE);
    T(munlock, "of what was locked", area, PAGE);
    T(msync, "that forgets what was locked", area, PAGE, MS_INVALIDATE);
    T(madvise, "that what was locked is not needed", area, PAGE, MADV_DONTNEED);
    T(mlockall, "of what comes and is there", MCL_CURRENT | MCL_FUTURE);
    char *later = (char *)CALL(mmap, 0, PAGE, BOTH, ANONYMOUS, -1, 0);
    T(madvise, "that what came locked is not needed", later, PAGE, MADV_DONTNEED);
    T(madvise, "that what was there is not needed", area, PAGE, MADV_DONTNEED);
    long pid = CALL(fork);
    if (pid == 0) {
        T(madvise, "that what was locked for the parent is not needed", later, PAGE, MADV_DONTNEED);
        CALL(exit_group, 0);
    }
    finish(pid);
    T(munlockall, "of what comes and is there");
    T(mlockall, "of what comes", MCL_FUTURE);
    T(munlockall, "of what comes");
    T(madvise, "that what is locked no more is not needed", later, PAGE, MADV_DONTNEED);
    later = (char *)CALL(mmap, 0, PAGE, BOTH, ANONYMOUS | MAP_LOCKED, -1, 0);
    T(madvise, "that what was mapped locked is not needed", later, PAGE, MADV_DONTNEED);
    T(madvise, "that what was mapped locked is cold", later, PAGE, 20);
}

static void advised(void)
{
    static const struct {
        const char *what;
        int advice;
    } kinds[] = {
        {"in order", MADV_SEQUENTIAL}, {"that is cold", 20}, {"that goes out", 21}, {"that children do not get", 10},
        {"that children get", 11}, {"that children find empty", 18}, {"that children keep", 19},
        {"to forget though locked", 24}, {"to dump", 17},
        {"not to dump", 16}, {"of -1", -1}, {"to read in", 22}, {"to bring in to write", 23},
    };
    char name[80], *area = (char *)CALL(mmap, 0, PAGE, BOTH, ANONYMOUS, -1, 0);
    char *both = (char *)CALL(mmap, 0, 2 * PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(name, sizeof name, "madvise %s", kinds[i].what);
        tell(name, CALL(madvise, area, PAGE, kinds[i].advice));
    }
    memset(both, 'a', 2 * PAGE);
    T(madvise, "that removes what is private", area, PAGE, MADV_REMOVE);
    T(madvise, "that removes what is shared", both, PAGE, MADV_REMOVE);
    text("madvise that removes leaves", "%d %d", both[0], both[PAGE]);
    T(madvise, "that children find empty, of what is shared", both, PAGE, 18);
    T(madvise, "that may be freed, of what is shared", both, PAGE, MADV_FREE);
    long fd = make("data", "0123456789");
    char *reads = (char *)CALL(mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char *own = (char *)CALL(mmap, 0, 2 * PAGE, BOTH, MAP_PRIVATE, fd, 0);
    T(madvise, "that removes what is read", reads, PAGE, MADV_REMOVE);
    T(madvise, "that removes what is a file's and private", own, PAGE, MADV_REMOVE);
    T(madvise, "that populates what is read, to write", reads, PAGE, 23);
    T(madvise, "that populates behind the end of a file", own + PAGE, PAGE, 22);
    T(madvise, "that populates what is guarded",
      CALL(mmap, 0, PAGE, PROT_NONE, ANONYMOUS, -1, 0), PAGE, 22);
    T(madvise, "that may be freed, of a file", own, PAGE, MADV_FREE);
    char *hole = holey();
    T(madvise, "that populates over a hole", hole, 3 * PAGE, 22);
}

// What children find that was advised not to be theirs.
static void inherited(void)
{
    char *area = (char *)CALL(mmap, 0, 2 * PAGE, BOTH, ANONYMOUS, -1, 0);
    area[0] = 1, area[PAGE] = 2;
    CALL(madvise, area, PAGE, 18);
    CALL(madvise, area + PAGE, PAGE, 10);
    long pid = CALL(fork);
    if (pid == 0) {
        text("madvise lets children find", "%d", area[0]);
        unsigned char there;
        T(mincore, "of what children do not get", area + PAGE, PAGE, &there);
        CALL(exit_group, 0);
    }
    finish(pid);
    text("madvise leaves the parent", "%d %d", area[0], area[PAGE]);
}

static void files_mapped(void)
{
    long fd = make("data", "0123456789");
    T(mmap, "behind the last byte of all", 0, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0x7ffffffffffff000);
    T(mmap, "of a negative offset", 0, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, -PAGE);
    T(mmap, "of no descriptor", 0, PAGE, PROT_READ, MAP_SHARED, -1, 0);
    T(mmap, "of a path alone", 0, PAGE, PROT_READ, MAP_PRIVATE, CALL(open, "data", O_PATH), 0);
    T(mmap, "of what was opened for writing, shared", 0, PAGE, PROT_WRITE, MAP_SHARED,
      CALL(open, "data", O_WRONLY), 0);
    T(mmap, "of no type", 0, PAGE, PROT_READ, MAP_ANONYMOUS | 4, -1, 0);
    T(mmap, "of unknown rights", 0, PAGE, 0x40, MAP_PRIVATE, 99, 0);
    T(mmap, "validated, without a file, of an unknown flag", 0, PAGE, PROT_READ, 3 | MAP_ANONYMOUS, -1, 0);
    char *area = (char *)CALL(mmap, 0, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    T(mremap, "of more than there is of a mapping", area, 5 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
    T(mremap, "to beyond the user half", area, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 1l << 47);
    OK(mmap, "of unknown rights without a file", 0, PAGE, 0x40, ANONYMOUS, -1, 0);
    T(mprotect, "with the right of semaphores", area, PAGE, PROT_READ | 8);
    T(mprotect, "with rights that grow both ways", area, PAGE, PROT_READ | 0x01000000 | 0x02000000);
    T(mprotect, "that grows down what does not", area, PAGE, PROT_READ | 0x01000000);
    FAULTS(mincore, "of a file to a bad pointer", area, PAGE, bad);
}

const struct group advice[] = {
    GROUP(ranges), GROUP(locked), GROUP(advised), GROUP(inherited), GROUP(files_mapped), END_OF_GROUPS,
};
