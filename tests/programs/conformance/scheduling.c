// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Priorities, policies and processors.

#include "case.h"

#include <sched.h>

static void priorities(void)
{
    T(setpriority, "to nice 0", 0, 0, 0);
    T(getpriority, "of itself", 0, 0);
    T(setpriority, "to nice 5", 0, 0, 5);
    T(getpriority, "of nice 5", 0, 0);
    T(setpriority, "to more than the highest", 0, 0, 100);
    T(getpriority, "of the highest", 0, 0);
    T(getpriority, "of an unknown kind", 9, 0);
    T(getpriority, "of a missing process", 0, 1 << 22);
    T(setpriority, "of an unknown kind", 9, 0, 0);
    T(setpriority, "of a missing process", 0, 1 << 22, 0);
    long pid = CALL(fork);
    if (pid == 0) {
        T(getpriority, "is inherited", 0, 0);
        CALL(exit_group, 0);
    }
    finish(pid);
}

static void policies(void)
{
    struct sched_param param = {.sched_priority = 0}, one = {.sched_priority = 1};
    T(sched_getscheduler, "of itself", 0);
    T(sched_getscheduler, "of a missing process", 1 << 22);
    T(sched_getscheduler, "of a negative number", -1);
    T(sched_setscheduler, "to what it is", 0, SCHED_OTHER, &param);
    T(sched_setscheduler, "to a priority without meaning", 0, SCHED_OTHER, &one);
    T(sched_setscheduler, "to an unknown policy", 0, 99, &param);
    T(sched_setscheduler, "of a missing process", 1 << 22, SCHED_OTHER, &param);
    FAULTS(sched_setscheduler, "of a bad pointer", 0, SCHED_OTHER, bad);
    T(sched_setscheduler, "to batches", 0, SCHED_BATCH, &param);
    T(sched_getscheduler, "of batches", 0);
    long pid = CALL(fork);
    if (pid == 0) {
        T(sched_getscheduler, "is inherited", 0);
        T(sched_setscheduler, "to idleness", 0, SCHED_IDLE, &param);
        T(sched_getscheduler, "of idleness", CALL(getpid));
        CALL(exit_group, 0);
    }
    finish(pid);
    T(sched_setscheduler, "to batches with a priority", 0, SCHED_BATCH, &one);
    T(sched_getparam, "of itself", 0, &param);
    T(sched_getparam, "of a missing process", 1 << 22, &param);
    T(sched_getparam, "without a place", 0, 0);
    T(sched_setparam, "of itself", 0, &param);
    T(sched_setparam, "to a priority without meaning", 0, &one);
    T(sched_setparam, "of a missing process", 1 << 22, &param);
    T(sched_get_priority_max, "of fifos", SCHED_FIFO);
    T(sched_get_priority_min, "of fifos", SCHED_FIFO);
    T(sched_get_priority_max, "of others", SCHED_OTHER);
    T(sched_get_priority_max, "of an unknown policy", 99);
    T(sched_get_priority_min, "of an unknown policy", 99);
    T(sched_yield, "of the processor");
    struct timespec time;
    T(sched_rr_get_interval, "of itself", 0, &time);
    T(sched_rr_get_interval, "of a missing process", 1 << 22, &time);
    FAULTS(sched_rr_get_interval, "to a bad pointer", 0, bad);
}

static void processors(void)
{
    word set[16] = {1};
    OK(sched_setaffinity, "to the first processor", 0, 128, set);
    T(sched_getaffinity, "of itself", 0, 8, set);
    text("sched_getaffinity tells", "%#lx", set[0]);
    T(sched_getaffinity, "of too few bytes", 0, 1, set);
    T(sched_getaffinity, "of an odd number of bytes", 0, 12, set);
    T(sched_getaffinity, "of a missing process", 1 << 22, 128, set);
    FAULTS(sched_getaffinity, "to a bad pointer", 0, 128, bad);
    set[0] = 0;
    T(sched_setaffinity, "to no processor", 0, 128, set);
    T(sched_setaffinity, "of a missing process", 1 << 22, 128, set);
    FAULTS(sched_setaffinity, "of a bad pointer", 0, 128, bad);
    unsigned cpu = 9, node = 9;
    T(getcpu, "of the first", &cpu, &node, 0);
    text("getcpu tells", "%u", cpu);
    FAULTS_BUT_NULL(getcpu, "to a bad pointer", bad, 0, 0);
    T(membarrier, "of an unknown command", 1 << 30, 0, 0);
    OK(membarrier, "to ask", 0, 0, 0);
}

const struct group scheduling[] = {GROUP(priorities), GROUP(policies), GROUP(processors), END_OF_GROUPS};
