// SPDX-License-Identifier: Apache-2.0 OR MIT
//
//     fuzz FAMILY FIRST COUNT     one line for each seed: a digest of what it tells
//     fuzz FAMILY SEED            all that this seed tells
//
// Each seed runs in a process and an empty folder of its own, which must be on a tmpfs.

#include "fuzz.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/prctl.h>

static const struct family *const families[] = {&files, &tree, &garbage};

// Folders above the one that a seed works in, so that few paths with `..` lead out.
#define DEPTH 12
#define LOG_BYTES (8ul << 20)

// What the seed tells, shared with the process that runs it.
static struct {
    volatile size_t used;
    char text[LOG_BYTES];
} *told;
static char pending[2048];
static size_t nr_pending;
static uint64_t state;

static uint64_t random_word(void)
{
    // SplitMix64.
    uint64_t mixed = state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

word below(word limit) { return random_word() % limit; }

int chance(word percent) { return below(100) < percent; }

word some_of(word percent, const word *bits, size_t nr_bits)
{
    word sum = 0;
    for (size_t i = 0; i < nr_bits; i++)
        sum |= chance(percent) ? bits[i] : 0;
    return sum;
}

word some_size(void)
{
    switch (below(20)) {
    case 0 ... 7: return below(100);
    case 8 ... 12: return below(4) * PAGE;
    case 13 ... 15: return below(5) * PAGE + below(5) - 2;
    case 16 ... 18: return below(20000);
    default: return ONE_OF(1ul << 20, 1ul << 31, 1ul << 38, INT64_MAX, -1ul, -PAGE, INT64_MIN);
    }
}

static void add(char *text, size_t *used, size_t limit, const char *format, va_list arguments)
{
    int length = vsnprintf(text + *used, limit - *used, format, arguments);
    if (*used + (size_t)length < limit)
        *used += (size_t)length;
}

void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t used = told->used;
    add(told->text, &used, LOG_BYTES, format, arguments);
    told->used = used;
    va_end(arguments);
}

void detail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(pending, &nr_pending, sizeof pending, format, arguments);
    va_end(arguments);
}

long tell(const char *name, long number, const word a[6])
{
    note("%s %.*s(%lx %lx %lx %lx %lx %lx)", name, (int)nr_pending, pending, a[0], a[1], a[2], a[3],
         a[4], a[5]);
    nr_pending = 0;
    long result = call6(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result < 0 && result >= -4095)
        note(" = %s\n", strerror((int)-result));
    else
        note(" = %lx\n", result);
    return result;
}

uint64_t digest(const void *bytes, size_t nr_bytes)
{
    // FNV-1a, by bytes.
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < nr_bytes; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3;
    return hash;
}

void got(const void *bytes, long nr_bytes)
{
    if (nr_bytes > 0)
        note("  %016lx\n", digest(bytes, (size_t)nr_bytes));
}

static void run(const struct family *family, uint64_t seed)
{
    state = seed * 0xd1342543de82ef95;
    CALL(prctl, PR_SET_DUMPABLE, 0);
    family->begin();
    for (int step = 0; step < family->nr_steps; step++)
        family->step();
    family->end();
    _exit(0);
}

static int forget(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void seed(const struct family *family, uint64_t seed)
{
    told->used = 0;
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < DEPTH; i++)
            if (mkdir("work", 0755) || chdir("work"))
                _exit(125);
        run(family, seed);
    }
    int status;
    waitpid(pid, &status, 0);
    nftw("work", forget, 16, FTW_DEPTH | FTW_PHYS);
    note("ended with %x\n", (unsigned)status);
}

int main(int argc, char **argv)
{
    const struct family *family = 0;
    for (size_t i = 0; argc > 2 && i < sizeof families / sizeof *families; i++)
        if (!strcmp(argv[1], families[i]->name))
            family = families[i];
    if (!family)
        return 2;
    told = mmap(0, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CALL(umask, 022);
    CALL(close_range, 3, -1u, 0);
    uint64_t first = strtoul(argv[2], 0, 10);
    if (argc == 3) {
        seed(family, first);
        fwrite(told->text, 1, told->used, stdout);
        return 0;
    }
    for (uint64_t i = first, end = first + strtoul(argv[3], 0, 10); i < end; i++) {
        seed(family, i);
        printf("%s %lu %016lx\n", family->name, i, digest(told->text, told->used));
        fflush(stdout);
    }
}
