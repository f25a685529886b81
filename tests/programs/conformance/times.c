// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What calls about time refuse, by the clock, the time and the place that they are given.

#include "case.h"

#include <sys/time.h>
#include <sys/timerfd.h>

#define CLOCK_MONOTONIC_RAW_ 4
#define CLOCK_REALTIME_COARSE_ 5

// The clock of a process, and that of a device that is open.
static word cpu_clock(long pid) { return ~(word)pid << 3 | 2; }
static word device_clock(long fd) { return ~(word)fd << 3 | 3; }

static const struct {
    const char *what;
    word clock;
} kinds[] = {
    {"the real time", CLOCK_REALTIME}, {"monotonic time", CLOCK_MONOTONIC}, {"the process", CLOCK_PROCESS_CPUTIME_ID},
    {"the thread", CLOCK_THREAD_CPUTIME_ID}, {"raw time", CLOCK_MONOTONIC_RAW_}, {"coarse time", CLOCK_REALTIME_COARSE_},
    {"coarse monotonic time", 6}, {"time since the start", CLOCK_BOOTTIME}, {"atomic time", CLOCK_TAI}, {"number 10", 10},
    {"number 16", 16}, {"no device", ~0ul << 3 | 3},
};

static void clocks_of_calls(void)
{
    struct timespec time = {0, 1000}, now;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    char name[100];
    int timer;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        word clock = kinds[i].clock;
#define ON_CLOCK(call, ...)                                            \
    snprintf(name, sizeof name, "%s on the clock of %s", #call, kinds[i].what); \
    works(name, CALL(call, __VA_ARGS__));
        ON_CLOCK(clock_gettime, clock, &now)
        ON_CLOCK(clock_getres, clock, &now)
        ON_CLOCK(timer_create, clock, &event, &timer)
        ON_CLOCK(timerfd_create, clock, 0)
        // The process may need long to use any time.
        if (i != 2 && i != 3) {
            ON_CLOCK(clock_nanosleep, clock, 0, &time, 0)
        }
        // Nobody sets the host's clock.
        if (clock != CLOCK_REALTIME) {
            ON_CLOCK(clock_settime, clock, &time)
        }
    }
    T(clock_settime, "of a bad pointer", CLOCK_REALTIME, 1);
    time.tv_nsec = 1000000000;
    T(clock_settime, "of too many nanoseconds", CLOCK_REALTIME, &time);
    time.tv_nsec = -1;
    T(clock_settime, "of negative nanoseconds", CLOCK_REALTIME, &time);
    T(clock_settime, "of a missing process", cpu_clock(1 << 22), &time);
    T(clock_gettime, "of a descriptor of another kind", device_clock(1), &now);
    T(clock_getres, "of a descriptor of another kind", device_clock(1), &now);
    T(clock_getres, "of a missing process", cpu_clock(1 << 22), &now);
    T(clock_nanosleep, "of a missing process", cpu_clock(1 << 22), 0, &now, 0);
    T(timer_create, "of a missing process", cpu_clock(1 << 22), &event, &timer);
    T(gettimeofday, "of the time zone", 0, &now);
    FAULTS_BUT_NULL(gettimeofday, "of the time zone to a bad pointer", 0, bad);
}

static void sleeps(void)
{
    struct timespec long_ = {100, 0}, negative = {-1, 0}, none = {0, 0}, now;
    T(clock_nanosleep, "of negative seconds", CLOCK_MONOTONIC, 0, &negative, 0);
    T(clock_nanosleep, "until before the beginning", CLOCK_MONOTONIC, TIMER_ABSTIME, &negative, 0);
    T(clock_nanosleep, "with an unknown flag", CLOCK_MONOTONIC, 2, &none, 0);
    alarm_soon();
    T(nanosleep, "until an alarm, telling a bad place", &long_, 1);
    alarm_soon();
    T(clock_nanosleep, "until an alarm, telling a bad place", CLOCK_MONOTONIC, 0, &long_, 1);
    CALL(clock_gettime, CLOCK_MONOTONIC, &now);
    now.tv_sec += 100;
    alarm_soon();
    T(clock_nanosleep, "until a time and an alarm, telling a bad place", CLOCK_MONOTONIC, TIMER_ABSTIME, &now, 1);
    T(nanosleep, "of no time", &none, 0);
    alarm_soon();
    T(pause, "until an alarm");
}

static void timers_refused(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec soon = {{0, 0}, {100, 0}}, wrong = {{0, -1}, {0, 1}}, old;
    int timer;
    T(timer_create, "of a timer", CLOCK_MONOTONIC, &event, &timer);
    FAULTS_BUT_NULL(timer_create, "of a bad event", CLOCK_MONOTONIC, bad, &timer);
    FAULTS(timer_create, "to a bad place", CLOCK_MONOTONIC, &event, bad);
    event.sigev_signo = 0;
    T(timer_create, "of signal 0", CLOCK_MONOTONIC, &event, &timer);
    event.sigev_signo = SIGUSR1, event.sigev_notify = SIGEV_THREAD_ID;
    *(int *)((char *)&event + 16) = (int)CALL(getppid);
    T(timer_create, "of a thread of another process", CLOCK_MONOTONIC, &event, &timer);
    *(int *)((char *)&event + 16) = (int)CALL(getpid);
    OK(timer_create, "of its own thread", CLOCK_MONOTONIC, &event, &timer);
    FAULTS_BUT_NULL(timer_settime, "of a bad time", timer, 0, bad, 0);
    T(timer_settime, "of no time at all", timer, 0, 0, 0);
    FAULTS_BUT_NULL(timer_settime, "telling a bad place", timer, 0, &soon, bad);
    T(timer_gettime, "of one that told a bad place", timer, &old);
    fact("timer_gettime tells that it was set all the same", old.it_value.tv_sec >= 99);
    T(timer_settime, "of a wrong interval", timer, 0, &wrong, 0);
    FAULTS(timer_gettime, "to a bad place", timer, bad);
    T(timer_settime, "with an unknown flag", timer, 8, &soon, 0);
    T(timer_gettime, "of a negative timer", -1, &old);
    T(timer_delete, "of a missing timer", 99);
    T(timer_delete, "of a negative timer", -1);
    T(timer_getoverrun, "of a negative timer", -1);
    const struct itimerval many = {{0, 1000000}, {1, 0}}, never = {{0, 0}, {0, 0}};
    T(setitimer, "of an interval of too many microseconds", ITIMER_REAL, &many, 0);
    FAULTS_BUT_NULL(setitimer, "telling a bad place", ITIMER_REAL, &never, bad);
    T(getitimer, "of a negative kind", -1, &old);
}

static void descriptors_of_timers(void)
{
    struct itimerspec soon = {{0, 0}, {100, 0}}, wrong = {{-1, 0}, {1, 0}}, old;
    long fd = OK(timerfd_create, "of the real time", CLOCK_REALTIME, 0), file_ = make("data", "");
    T(timerfd_create, "of a negative clock", -1, 0);
    T(timerfd_gettime, "of a file", file_, &old);
    T(timerfd_settime, "of a file", file_, 0, &soon, 0);
    T(timerfd_settime, "of a wrong interval", fd, 0, &wrong, 0);
    FAULTS_BUT_NULL(timerfd_settime, "telling a bad place", fd, 0, &soon, bad);
    T(timerfd_gettime, "of one that told a bad place", fd, &old);
    fact("timerfd_gettime tells that it was set all the same", old.it_value.tv_sec >= 99);
    T(timerfd_settime, "that the clock's setting cancels", fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &soon, 0);
    T(timerfd_settime, "that the clock's setting cancels, from now on", fd, TFD_TIMER_CANCEL_ON_SET, &soon, 0);
    T(timerfd_settime, "of a timer until an alarm", fd, 0, &soon, 0);
    uint64_t count;
    alarm_soon();
    T(read, "of a timer until an alarm", fd, &count, 8);
}

const struct group times_[] = {
    GROUP(clocks_of_calls), GROUP(sleeps), GROUP(timers_refused), GROUP(descriptors_of_timers), END_OF_GROUPS,
};
