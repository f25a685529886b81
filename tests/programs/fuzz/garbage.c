// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every call number with arguments that mean nothing, or nearly something: the kernel must go on.
//
// What they answer is not told, since it depends on what they did to their process; Linux would have to
// be kept from doing what they ask for. The family is for the seed kernel alone.

#include "fuzz.h"

#define CALLS_PER_VICTIM 60
#define NR_CALLS 461

static char page[4 * PAGE] __attribute__((aligned(4096)));

static word argument(void)
{
    switch (below(9)) {
    case 0: return below(8);
    case 1: return below(64);
    case 2: return 1ul << below(64);
    case 3: return -below(300);
    case 4: return ONE_OF(0x400000, 0x7fffffffe000, 0x7ffffffff000, 0x800000000000, 0xffff800000000000,
                          0xffffffff80000000, 0xfeb00000, 0x200000, 0xfff, 0x1000);
    case 5: return some_size();
    case 6 ... 7: return (word)page + (chance(50) ? 0 : below(sizeof page));
    default: return below(1ul << 32) << 32 | below(1ul << 32);
    }
}

// What would end the supervisor, or stop the victim for good.
static int is_spared(word number)
{
    static const short spared[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
                                   SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal};
    for (size_t i = 0; i < sizeof spared / sizeof *spared; i++)
        if (number == (word)spared[i])
            return 1;
    return 0;
}

static void victim(void)
{
    // What it writes is not to be taken for what is told.
    CALL(close_range, 0, -1u, 0);
    for (int i = 0; i < CALLS_PER_VICTIM; i++) {
        word number = chance(99) ? below(NR_CALLS) : ONE_OF(1024, 1025, -1, 1ul << 32, 999);
        for (size_t j = 0; j < sizeof page; j += 8)
            if (chance(2))
                *(word *)(page + j) = argument();
        if (!is_spared(number))
            call6((long)number, argument(), argument(), argument(), argument(), argument(), argument());
    }
    CALL(exit_group, 0);
}

static void step(void)
{
    long pid = CALL(fork);
    if (pid == 0)
        victim();
    struct timespec moment = {0, 1000000};
    for (int i = 0; i < 100; i++) {
        if (CALL(wait4, pid, 0, WNOHANG, 0) == pid)
            pid = 0;
        if (pid == 0)
            break;
        CALL(nanosleep, &moment, 0);
    }
    if (pid)
        CALL(kill, pid, SIGKILL);
    // Children that it left behind in other groups go on, or wait for ever.
    while (CALL(wait4, -1, 0, __WALL | WNOHANG, 0) > 0)
        ;
}

static void begin(void) {}

static void end(void) {}

const struct family garbage = {"garbage", begin, step, end, 20};
