// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What calls about users, capabilities, priorities and the process itself refuse, and what few
// programs ask for.

#include "case.h"

#include <sched.h>
#include <sys/resource.h>

static void groups_of_users(void)
{
    unsigned ids[4] = {0, 0, 0, 0};
    T(setgroups, "to group 0", 1, ids);
    T(getgroups, "of group 0, to count", 0, 0);
    ids[0] = 9;
    T(getgroups, "of group 0", 4, ids);
    text("getgroups tells", "%d", ids[0]);
    FAULTS(getgroups, "of group 0 to a bad pointer", 4, bad);
    long pid = CALL(fork);
    if (pid == 0) {
        T(getgroups, "is inherited", 0, 0);
        CALL(exit_group, 0);
    }
    finish(pid);
    T(setgroups, "of a negative count", -1, ids);
    T(setgroups, "to none again", 0, 0);
    T(getgroups, "of none", 4, ids);
    T(getgroups, "of none without room", 0, ids);
    T(setgid, "to a number that no group has", -1);
    FAULTS(getresuid, "to a bad second pointer", ids, bad, ids);
    FAULTS(getresuid, "to a bad third pointer", ids, ids, bad);
    FAULTS(getresgid, "to a bad third pointer", ids, ids, bad);
    T(setregid, "to nobody else", -1, -1);
    T(setresgid, "to nobody else", -1, -1, -1);
}

static void capabilities(void)
{
    int32_t header[2] = {0x20080522, 0};
    uint32_t data[6], none[6] = {0};
    header[1] = 1 << 22;
    T(capget, "of a missing process", header, data);
    T(capset, "of a missing process", header, data);
    header[1] = -1;
    T(capget, "of a negative process", header, data);
    T(capset, "of a negative process", header, data);
    header[1] = (int32_t)CALL(getppid);
    T(capget, "of the parent", header, data);
    T(capset, "of the parent", header, data);
    header[0] = 1;
    T(capget, "of an unknown version without a place", header, 0);
    header[0] = 1, header[1] = 0;
    T(capset, "of an unknown version", header, data);
    header[0] = 0x20080522;
    FAULTS_BUT_NULL(capget, "to a bad place", header, bad);
    FAULTS(capset, "of bad sets", header, bad);
    // More than what there is: what is permitted is 0 from here on.
    long pid = CALL(fork);
    if (pid == 0) {
        T(capset, "to nothing", header, none);
        none[0] = 1;
        T(capset, "to more than is permitted", header, none);
        CALL(exit_group, 0);
    }
    finish(pid);
}

static void priorities_and_policies(void)
{
    struct sched_param zero = {.sched_priority = 0}, negative = {.sched_priority = -1};
    struct timespec time;
    T(sched_rr_get_interval, "of a negative process", -1, &time);
    T(sched_getparam, "of a negative process", -1, &zero);
    T(sched_setparam, "of a negative process", -1, &zero);
    T(sched_setscheduler, "of a negative process", -1, SCHED_OTHER, &zero);
    T(sched_setscheduler, "to a negative policy", 0, -1, &zero);
    T(sched_setscheduler, "to a negative priority", 0, SCHED_OTHER, &negative);
    T(sched_setscheduler, "to fifos of priority 0", 0, SCHED_FIFO, &zero);
    FAULTS(sched_setparam, "of a bad pointer", 0, bad);
    FAULTS(sched_getparam, "to a bad pointer", 0, bad);
    T(sched_setparam, "without a place", 0, 0);
    T(sched_setscheduler, "without a place", 0, SCHED_OTHER, 0);
    T(sched_get_priority_max, "of a negative policy", -1);
    T(sched_getaffinity, "of a negative process", -1, 128, &time);
    T(sched_setaffinity, "of no bytes", 0, 0, &time);
    word far[16] = {[15] = 1ul << 63};
    T(sched_setaffinity, "to a processor that is not there", 0, 128, far);
    T(getpriority, "of a missing group", PRIO_PGRP, 1 << 22);
    T(getpriority, "of a missing user", PRIO_USER, 1 << 22);
    T(setpriority, "of a missing group", PRIO_PGRP, 1 << 22, 0);
    T(setpriority, "of a missing user", PRIO_USER, 1 << 22, 0);
    T(setpriority, "of its own group", PRIO_PGRP, 0, 3);
    T(getpriority, "of its own group", PRIO_PGRP, 0);
}

static void about_itself(void)
{
    static const struct {
        const char *what;
        int option;
        word arguments[4];
    } asked[] = {
        {"asks for its secure bits", 27, {0}},
        {"asks for the reading of the time stamp", 25, {(word)&asked}},
        {"asks about large pages", 42, {0}},
        {"asks about large pages, with more", 42, {1}},
        {"asks for ambient capabilities of an unknown kind", 47, {99}},
        {"asks for an unknown ambient capability", 47, {1, 99}},
        {"asks for an ambient capability", 47, {1, 0}},
        {"raises an unknown ambient capability", 47, {2, 99}},
        {"raises what is not inherited", 47, {2, 0}},
        {"lowers an ambient capability", 47, {3, 0}},
        {"clears all ambient capabilities", 47, {4, 0}},
        {"clears all ambient capabilities but one", 47, {4, 1}},
        {"asks for speculation of an unknown kind", 52, {99}},
        {"sets speculation of an unknown kind", 53, {99}},
        {"drops an unknown capability", 24, {99}},
        {"keeps capabilities in an unknown way", 8, {2}},
        {"sets an unknown timing", 14, {2}},
        {"sets the timing", 14, {0}},
        {"lets timers be late", 29, {70000}},
        {"asks how late timers may be", 30, {0}},
        {"lets timers be as late as before", 29, {0}},
        {"asks how late timers may be by default", 30, {0}},
        {"keeps capabilities", 8, {1}},
        {"asks whether it keeps capabilities now", 7, {0}},
        {"lets the time stamp be read", 26, {1}},
        {"sets no secure bits", 28, {0}},
        {"wants large pages", 41, {0}},
        {"wants large pages, with more", 41, {0, 1}},
        {"enters an unknown mode of calls", 22, {9}},
        {"sets an unknown reading of the time stamp", 26, {9}},
        {"takes no signal of the parent's end", 1, {0}},
        {"sets a negative signal of the parent's end", 1, {-1ul}},
        {"gains no more rights, with more", 38, {1, 1}},
        {"gains rights", 38, {0}},
        {"of option -1", -1, {0}},
    };
    char name[100];
    // Nothing is inherited from here on.
    uint32_t header[2] = {0x20080522, 0}, sets[6];
    CALL(capget, header, sets);
    sets[2] = sets[5] = 0;
    CALL(capset, header, sets);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const word *with = asked[i].arguments;
        snprintf(name, sizeof name, "prctl %s", asked[i].what);
        tell(name, CALL(prctl, asked[i].option, with[0], with[1], with[2], with[3]));
    }
    FAULTS(prctl, "asks about orphans to a bad pointer", 37, bad);
    FAULTS(prctl, "asks for the signal of the parent's end to a bad pointer", 2, bad);
    word base;
    T(arch_prctl, "of code 0", 0, &base);
    T(arch_prctl, "sets GS beyond the user half", 0x1001, 1ul << 47);
    FAULTS(arch_prctl, "asks for GS to a bad pointer", 0x1004, bad);
    T(personality, "to Linux", 0);
    T(personality, "without chance", 0x40000);
    T(personality, "asked after chance", 0xffffffff);
    T(membarrier, "of one process, unregistered", 8, 0, 0);
    T(membarrier, "to register", 16, 0, 0);
    T(membarrier, "of one process", 8, 0, 0);
    T(membarrier, "of all processes", 1, 0, 0);
    T(membarrier, "of a command with flags", 8, 1, 0);
    T(membarrier, "of commands together", 24, 0, 0);
    T(set_robust_list, "of a bad pointer", 1, 24);
    T(set_robust_list, "of no size", 0, 0);
    T(getcpu, "without places", 0, 0, 0);
    FAULTS_BUT_NULL(getcpu, "to a bad second pointer", 0, bad, 0);
}

const struct group rights[] = {
    GROUP(groups_of_users), GROUP(capabilities), GROUP(priorities_and_policies), GROUP(about_itself), END_OF_GROUPS,
};
