// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The conformance program: runs every group of cases, each in a process and an empty folder of its
// own, one after the other. `conformance seed` adds what only the seed kernel promises; `conformance
// NAME...` runs the groups with these names alone.
//
// Wants to be user 0, in a folder where it may write.

#include "case.h"

static const struct group *const areas[] = {
    files, paths, full, interrupted, elsewhere, each, positions, directories, names, attributes,
    descriptors, memory, processes, signals, pipes, polling, sockets, locks, clocks, credentials,
    scheduling, proc, system_, programs, children, messages_, advice, times_, rights, waits,
    shortages, kept, edges, families, handlers, dying,
};
#define NR_AREAS (sizeof areas / sizeof *areas)

// What a process may have inherited from whoever started it.
static void start_afresh(void)
{
    const word none = 0;
    CALL(close_range, 3, ~0u, 0);
    CALL(umask, 022);
    CALL(setpriority, 0, 0, 0);
    const word by_default[4] = {0};
    // Not by the C library, which keeps some to itself. Two of them nobody can set.
    for (int signal = 1; signal <= 64; signal++)
        CALL(rt_sigaction, signal, by_default, 0, 8);
    CALL(rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
    memset(long_name, 'n', sizeof long_name - 1);
    for (size_t at = 0; at + 3 < sizeof long_path; at += 2)
        memcpy(long_path + at, "./", 3);
}

static void run(const struct group *group)
{
    memset((void *)shared, 0, PAGE);
    CALL(mkdir, group->name, 0755);
    long pid = CALL(fork);
    if (pid == 0) {
        CALL(setpgid, 0, 0);
        CALL(chdir, group->name);
        group->run();
        CALL(exit_group, 0);
    }
    int status = finish(pid);
    // Nobody who was left behind may disturb the next group.
    CALL(kill, -pid, SIGKILL);
    if (status)
        text(group->name, "did not get to its end: status %#x", status);
}

static int is_wanted(const char *name, int nr_names, char **names_)
{
    for (int i = 0; i < nr_names; i++)
        if (!strcmp(name, names_[i]))
            return 1;
    return nr_names == 0;
}

int main(int argc, char **argv)
{
    int is_seed = argc > 1 && !strcmp(argv[1], "seed");
    int skipped = 1 + is_seed;
    for (const struct group *group = executed; group->run; group++)
        if (argc > 1 && !strcmp(argv[1], group->name)) {
            group->run();
            return 0;
        }
    start_afresh();
    shared = (volatile long *)CALL(mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < NR_AREAS + is_seed; i++)
        for (const struct group *group = i < NR_AREAS ? areas[i] : seed; group->run; group++)
            if (is_wanted(group->name, argc - skipped, argv + skipped))
                run(group);
    return 0;
}
