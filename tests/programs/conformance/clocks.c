// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Clocks, sleeping, and timers of every kind.

#include "case.h"

#include <poll.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timerfd.h>
#include <sys/resource.h>

static int later(struct timespec a, struct timespec b)
{
    return b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec > a.tv_nsec);
}

// The clock of a process.
static word cpu_clock(long pid, word kind) { return ~(word)pid << 3 | kind; }

static void asking(void)
{
    struct timespec one, two;
    char found[40] = "..............";
    for (long clock = -1; clock <= 12; clock++) {
        // Clocks that wake the machine need hardware that not every host has.
        if (clock == 8 || clock == 9)
            continue;
        long result = CALL(clock_gettime, clock, &one);
        found[clock + 1] = result == 0 && one.tv_nsec >= 0 && one.tv_nsec < 1000000000 ? 'y' : 'n';
    }
    text("clock_gettime of each clock", "%s", found);
    CALL(clock_gettime, CLOCK_MONOTONIC, &one);
    rest_ms(5);
    CALL(clock_gettime, CLOCK_MONOTONIC, &two);
    fact("clock_gettime goes on", later(one, two));
    fact("clock_gettime of a monotonic clock went on by what was slept",
         (two.tv_sec - one.tv_sec) * 1000000000 + two.tv_nsec - one.tv_nsec >= 5000000);
    OK(clock_gettime, "of a process", cpu_clock(CALL(getpid), 2), &one);
    OK(clock_gettime, "of a thread", cpu_clock(CALL(getpid), 6), &one);
    T(clock_gettime, "of a missing process", cpu_clock(1 << 22, 2), &one);
    FAULTS(clock_gettime, "to a bad pointer", CLOCK_REALTIME, bad);
    T(clock_getres, "of a clock", CLOCK_MONOTONIC, &one);
    text("clock_getres tells", "%ld %ld", (long)one.tv_sec, one.tv_nsec);
    T(clock_getres, "without a place", CLOCK_REALTIME, 0);
    T(clock_getres, "of an unknown clock", 99, &one);
    FAULTS_BUT_NULL(clock_getres, "to a bad pointer", CLOCK_REALTIME, bad);
    one = (struct timespec){0, 0};
    T(clock_settime, "of a monotonic clock", CLOCK_MONOTONIC, &one);
    struct timeval now;
    T(gettimeofday, "of the time", &now, 0);
    fact("gettimeofday tells microseconds", now.tv_usec >= 0 && now.tv_usec < 1000000);
    FAULTS_BUT_NULL(gettimeofday, "to a bad pointer", bad, 0);
    long place = 0, seconds = OK(time, "of the time", &place);
    fact("time tells what it returns", seconds == place && seconds - now.tv_sec < 5);
    FAULTS_BUT_NULL(time, "to a bad pointer", bad);
    struct tms times_;
    OK(times, "of the process", &times_);
    FAULTS_BUT_NULL(times, "to a bad pointer", bad);
    struct rusage usage;
    T(getrusage, "of the process", RUSAGE_SELF, &usage);
    T(getrusage, "of its children", RUSAGE_CHILDREN, &usage);
    T(getrusage, "of the thread", 1, &usage);
    T(getrusage, "of an unknown kind", 99, &usage);
    FAULTS(getrusage, "to a bad pointer", RUSAGE_SELF, bad);
}

// What never takes that long, however busy the host.
#define ROUNDS_MAX 1000000

// Uses some processor time, by calls and otherwise, as long as a word stays what it is.
static void work_while(volatile int *word_, int value, int rounds)
{
    for (int i = 0; *word_ == value && i < rounds; i++) {
        for (volatile int j = 0; j < 3000; j++)
            ;
        CALL(getppid);
    }
}

static volatile int nothing_changes;
static long microseconds(struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 + usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}
static long nanoseconds(long clock)
{
    struct timespec time;
    CALL(clock_gettime, clock, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

#define MEMORY (8l << 20)
static void works_and_takes_memory(void)
{
    work_while(&nothing_changes, 0, 300);
    char *area = (char *)CALL(mmap, 0, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long at = 0; at < MEMORY; at += PAGE)
        area[at] = 1;
}

static void using(void)
{
    struct rusage before, after, children, of_child;
    CALL(getrusage, RUSAGE_SELF, &before);
    fact("getrusage tells memory", before.ru_maxrss > 0);
    CALL(getrusage, RUSAGE_CHILDREN, &children);
    text("getrusage without children", "%ld, %ld", microseconds(&children), children.ru_maxrss);
    long pid = start(works_and_takes_memory);
    siginfo_t info;
    CALL(waitid, P_PID, pid, &info, WEXITED | WNOWAIT, 0);
    CALL(getrusage, RUSAGE_CHILDREN, &children);
    text("getrusage of a child that was not waited for", "%ld", microseconds(&children));
    memset(&of_child, 0, sizeof of_child);
    CALL(waitid, P_PID, pid, &info, WEXITED | WNOWAIT, &of_child);
    fact("waitid tells time", microseconds(&of_child) > 0);
    memset(&of_child, 0, sizeof of_child);
    CALL(wait4, pid, 0, 0, &of_child);
    fact("wait4 tells time", microseconds(&of_child) > 0);
    fact("wait4 tells memory", of_child.ru_maxrss >= MEMORY / 1024);
    CALL(getrusage, RUSAGE_CHILDREN, &children);
    fact("getrusage of a child is what wait4 told", microseconds(&children) == microseconds(&of_child) && children.ru_maxrss == of_child.ru_maxrss);
    CALL(getrusage, RUSAGE_SELF, &after);
    fact("getrusage of itself leaves out what children took", after.ru_maxrss < before.ru_maxrss + MEMORY / 1024 / 2);
    long time = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), all = nanoseconds(CLOCK_MONOTONIC);
    rest_ms(30);
    time = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - time, all = nanoseconds(CLOCK_MONOTONIC) - all;
    fact("clock_gettime of processor time leaves out what was slept", time > 0 && time < all / 2);
    works_and_takes_memory();
    CALL(getrusage, RUSAGE_SELF, &after);
    fact("getrusage tells time", microseconds(&after) > microseconds(&before));
    fact("getrusage tells more memory", after.ru_maxrss >= before.ru_maxrss + MEMORY / 1024 / 2);
    struct tms times_;
    CALL(times, &times_);
    fact("times tells what getrusage tells", (times_.tms_utime + times_.tms_stime) * 10000 <= microseconds(&after) + 20000);
}

static void exceeds_its_limit(void) { limit(RLIMIT_CPU, 0, 1), work_while(&nothing_changes, 0, ROUNDS_MAX); }
static void exceeds_its_hard_limit(void) { limit(RLIMIT_CPU, 0, 0), work_while(&nothing_changes, 0, ROUNDS_MAX); }

static void limiting(void)
{
    word limits[2];
    tell("setrlimit of processor time", limit(RLIMIT_CPU, 1000, 2000));
    CALL(getrlimit, RLIMIT_CPU, limits);
    text("getrlimit of processor time", "%lu %lu", limits[0], limits[1]);
    ends("prlimit64 of processor time that is used up", exceeds_its_limit);
    ends("prlimit64 of processor time that is used up for good", exceeds_its_hard_limit);
}

static void sleeping(void)
{
    struct timespec time = {0, 3000000}, wrong = {0, 1000000000}, negative = {-1, 0}, past = {1, 0};
    T(nanosleep, "of some time", &time, 0);
    T(nanosleep, "of too many nanoseconds", &wrong, 0);
    T(nanosleep, "of negative seconds", &negative, 0);
    FAULTS(nanosleep, "of a bad pointer", bad, 0);
    T(clock_nanosleep, "of some time", CLOCK_REALTIME, 0, &time, 0);
    T(clock_nanosleep, "until the past", CLOCK_MONOTONIC, TIMER_ABSTIME, &past, 0);
    T(clock_nanosleep, "of an unknown clock", 99, 0, &time, 0);
    T(clock_nanosleep, "of the clock of a thread", CLOCK_THREAD_CPUTIME_ID, 0, &time, 0);
    T(clock_nanosleep, "of a coarse clock", 6, 0, &time, 0);
    T(clock_nanosleep, "of too many nanoseconds", CLOCK_REALTIME, 0, &wrong, 0);
    FAULTS(clock_nanosleep, "of a bad pointer", CLOCK_REALTIME, 0, bad, 0);
}

static volatile int nr_alarms;
static volatile siginfo_t last;
static void count(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    nr_alarms++;
    last = *info;
}

static void alarms(void)
{
    struct itimerval soon = {{0, 0}, {0, 5000}}, often = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}}, old;
    set_handler(SIGALRM, 0, count);
    T(alarm, "of some seconds", 10);
    T(getitimer, "of an alarm", ITIMER_REAL, &old);
    fact("getitimer tells an alarm", old.it_value.tv_sec == 9 && old.it_interval.tv_sec == 0);
    T(alarm, "of no seconds tells what was left", 0);
    T(alarm, "of no seconds", 0);
    T(setitimer, "of real time", ITIMER_REAL, &soon, 0);
    CALL(pause);
    text("setitimer sends", "%d, code %d", nr_alarms, last.si_code);
    CALL(setitimer, ITIMER_REAL, &often, 0);
    for (int i = 0; i < 3; i++)
        CALL(pause);
    fact("setitimer sends again", nr_alarms >= 4);
    T(setitimer, "tells the old one", ITIMER_REAL, &none, &old);
    fact("setitimer tells the interval", old.it_interval.tv_usec >= 5000);
    T(setitimer, "of an unknown kind", 9, &soon, 0);
    T(getitimer, "of an unknown kind", 9, &old);
    soon.it_value.tv_usec = 1000000;
    T(setitimer, "of too many microseconds", ITIMER_REAL, &soon, 0);
    soon.it_value.tv_usec = -1;
    T(setitimer, "of negative microseconds", ITIMER_REAL, &soon, 0);
    FAULTS_BUT_NULL(setitimer, "of a bad pointer", ITIMER_REAL, bad, 0);
    FAULTS_BUT_NULL(getitimer, "to a bad pointer", ITIMER_REAL, bad);
    T(getitimer, "of virtual time", ITIMER_VIRTUAL, &old);
    T(getitimer, "of profiling time", ITIMER_PROF, &old);
    T(setitimer, "of no virtual time", ITIMER_VIRTUAL, &none, 0);
    const int kinds[2] = {ITIMER_VIRTUAL, ITIMER_PROF}, signals_[2] = {SIGVTALRM, SIGPROF};
    for (int i = 0; i < 2; i++) {
        struct itimerval brief = {{0, 0}, {0, 1000}}, repeated = {{0, 1000}, {0, 1000}};
        char name[80];
        set_handler(signals_[i], 0, count);
        nr_alarms = 0;
        CALL(setitimer, kinds[i], &brief, 0);
        work_while(&nr_alarms, 0, ROUNDS_MAX);
        snprintf(name, sizeof name, "setitimer of processor time %d sends", kinds[i]);
        text(name, "%d of %d, code %d", nr_alarms, last.si_signo, last.si_code);
        CALL(getitimer, kinds[i], &old);
        snprintf(name, sizeof name, "getitimer of processor time %d that was sent", kinds[i]);
        text(name, "%ld %ld", (long)old.it_value.tv_usec, (long)old.it_interval.tv_usec);
        CALL(setitimer, kinds[i], &repeated, 0);
        for (int n = 0; n < 100 && nr_alarms < 4; n++)
            work_while(&nr_alarms, nr_alarms, ROUNDS_MAX);
        snprintf(name, sizeof name, "setitimer of processor time %d sends again", kinds[i]);
        fact(name, nr_alarms >= 4);
        CALL(setitimer, kinds[i], &often, 0);
        rest_ms(20);
        CALL(setitimer, kinds[i], &none, &old);
        snprintf(name, sizeof name, "setitimer of processor time %d leaves out what was slept", kinds[i]);
        fact(name, old.it_value.tv_usec > 0 && old.it_interval.tv_usec >= 5000);
    }
    CALL(alarm, 100);
    long pid = CALL(fork);
    if (pid == 0) {
        T(alarm, "is not inherited", 0);
        CALL(exit_group, 0);
    }
    finish(pid);
}

static void timers(void)
{
    int timer = -1, other;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    struct itimerspec soon = {{0, 0}, {0, 5000000}}, often = {{0, 5000000}, {0, 5000000}}, none = {{0, 0}, {0, 0}}, old;
    set_handler(SIGUSR1, 0, count);
    set_handler(SIGALRM, 0, count);
    T(timer_create, "of a signal", CLOCK_MONOTONIC, &event, &timer);
    T(timer_settime, "of some time", timer, 0, &soon, 0);
    CALL(pause);
    text("timer_settime sends", "%d, code %d, value %d", nr_alarms, last.si_code, last.si_value.sival_int);
    T(timer_gettime, "of one that is over", timer, &old);
    text("timer_gettime tells that it is over", "%ld", old.it_value.tv_nsec);
    T(timer_settime, "again and again", timer, 0, &often, 0);
    CALL(pause), CALL(pause);
    fact("timer_settime sends again", nr_alarms >= 3);
    T(timer_settime, "of nothing", timer, 0, &none, &old);
    fact("timer_settime tells the interval", old.it_interval.tv_nsec == 5000000);
    T(timer_getoverrun, "of one that was not late", timer);
    T(timer_create, "without an event", CLOCK_REALTIME, 0, &other);
    CALL(timer_settime, other, 0, &soon, 0);
    CALL(pause);
    text("timer_create without an event sends", "%d", last.si_signo);
    T(timer_create, "of an unknown clock", 99, &event, &other);
    event.sigev_signo = 99;
    T(timer_create, "of an unknown signal", CLOCK_MONOTONIC, &event, &other);
    event.sigev_notify = 99;
    T(timer_create, "of an unknown kind", CLOCK_MONOTONIC, &event, &other);
    event.sigev_notify = SIGEV_NONE;
    T(timer_create, "of no notice", CLOCK_MONOTONIC, &event, &other);
    T(timer_settime, "of a missing timer", 99, 0, &soon, 0);
    soon.it_value.tv_nsec = 1000000000;
    T(timer_settime, "of too many nanoseconds", timer, 0, &soon, 0);
    FAULTS(timer_settime, "of a bad pointer", timer, 0, bad, 0);
    T(timer_gettime, "of a missing timer", 99, &old);
    T(timer_getoverrun, "of a missing timer", 99);
    T(timer_delete, "of a timer", timer);
    T(timer_delete, "twice", timer);
}

static void readable(void)
{
    uint64_t count_ = 0;
    struct itimerspec soon = {{0, 0}, {0, 5000000}}, none = {{0, 0}, {0, 0}}, old, past = {{0, 0}, {1, 0}};
    long fd = OK(timerfd_create, "that closes on exec", CLOCK_MONOTONIC, TFD_CLOEXEC);
    T(fcntl, "tells what timerfd_create set", fd, F_GETFD);
    T(timerfd_create, "of an unknown clock", 99, 0);
    T(timerfd_create, "of a clock of a process", CLOCK_PROCESS_CPUTIME_ID, 0);
    T(timerfd_create, "with an unknown flag", CLOCK_MONOTONIC, 1);
    T(timerfd_settime, "of some time", fd, 0, &soon, 0);
    struct pollfd poll_ = {(int)fd, POLLIN, 0};
    T(poll, "of a timer that is not over", &poll_, 1, 0);
    T(read, "of a timer", fd, &count_, 8);
    text("read of a timer tells", "%ld", (long)count_);
    T(timerfd_gettime, "of one that is over", fd, &old);
    text("timerfd_gettime tells", "%ld", old.it_value.tv_nsec);
    T(timerfd_settime, "of a time that has passed", fd, TFD_TIMER_ABSTIME, &past, &old);
    T(poll, "of a timer that is over", &poll_, 1, 0);
    T(read, "of too few bytes of a timer", fd, &count_, 4);
    CALL(fcntl, fd, F_SETFL, O_NONBLOCK);
    CALL(read, fd, &count_, 8);
    T(read, "of a timer that was read", fd, &count_, 8);
    T(timerfd_settime, "of nothing", fd, 0, &none, 0);
    T(timerfd_settime, "with an unknown flag", fd, 64, &soon, 0);
    soon.it_value.tv_nsec = 1000000000;
    T(timerfd_settime, "of too many nanoseconds", fd, 0, &soon, 0);
    T(timerfd_settime, "of a bad descriptor", 99, 0, &none, 0);
    T(timerfd_settime, "of another kind of descriptor", 1, 0, &none, 0);
    FAULTS(timerfd_settime, "of a bad pointer", fd, 0, bad, 0);
    T(timerfd_gettime, "of a bad descriptor", 99, &old);
    FAULTS(timerfd_gettime, "to a bad pointer", fd, bad);
    T(write, "to a timer", fd, &count_, 8);
}

const struct group clocks[] = {
    GROUP(asking), GROUP(using), GROUP(limiting), GROUP(sleeping), GROUP(alarms), GROUP(timers), GROUP(readable), END_OF_GROUPS,
};
