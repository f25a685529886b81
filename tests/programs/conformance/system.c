// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The system itself: its name, its numbers, calls that are not there.

#include "case.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void naming(void)
{
    struct utsname name;
    T(uname, "of the system", &name);
    text("uname tells", "%s %s", name.sysname, name.machine);
    FAULTS(uname, "to a bad pointer", bad);
    struct sysinfo info;
    T(sysinfo, "of the system", &info);
    fact("sysinfo tells memory", info.totalram >= info.freeram && info.freeram > 0 && info.mem_unit > 0);
    fact("sysinfo tells processes", info.procs > 0);
    FAULTS(sysinfo, "to a bad pointer", bad);
}

static void randomness(void)
{
    unsigned char bytes[64] = {0}, more[64] = {0};
    static unsigned char many[1000];
    T(getrandom, "of some bytes", bytes, 64, 0);
    CALL(getrandom, more, 64, 0);
    fact("getrandom gives different bytes", memcmp(bytes, more, 64));
    T(getrandom, "of many bytes", many, 1000, 0);
    T(getrandom, "of nothing", 0, 0, 0);
    T(getrandom, "with an unknown flag", bytes, 1, 64);
    T(getrandom, "with flags that exclude each other", bytes, 1, 6);
    FAULTS(getrandom, "to a bad pointer", bad, 16, 0);
}

static void missing(void)
{
    tell("9999 is no call", CALL_(9999, 0, 0, 0, 0, 0, 0, 0));
    tell("-1 is no call", CALL_(-1, 0, 0, 0, 0, 0, 0, 0));
    tell("400 is no call", CALL_(400, 0, 0, 0, 0, 0, 0, 0));
    tell("1ul<<40 with high bits is no call", CALL_(1l << 40 | 9999, 0, 0, 0, 0, 0, 0, 0));
    T(rseq, "of the wrong size", shared, 1, 0, 0);
}

const struct group system_[] = {GROUP(naming), GROUP(randomness), GROUP(missing), END_OF_GROUPS};
