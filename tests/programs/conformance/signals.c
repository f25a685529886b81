// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signals: sending, blocking, handling, waiting, and what they interrupt.

#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile int nr_caught, order[16];
static volatile siginfo_t last;

static void note(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (nr_caught < 16)
        order[nr_caught] = signal;
    nr_caught++;
    shared[6]++;
    last = *info;
}

static void told_last(const char *name)
{
    siginfo_t info = *(siginfo_t *)&last;
    text(name, "signal %d, code %d, sender %s, user %d, value %d", info.si_signo, info.si_code,
         info.si_pid == CALL(getpid) ? "right" : info.si_pid ? "wrong" : "none", info.si_uid,
         info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
}

static void sending(void)
{
    long self = CALL(getpid);
    T(kill, "of a missing process", 1 << 22, SIGTERM);
    T(kill, "of an unknown signal", self, 65);
    T(kill, "of a negative signal", self, -1);
    T(kill, "of nothing", self, 0);
    T(kill, "of a missing group", -(1 << 22), 0);
    T(tkill, "of number 0", 0, SIGTERM);
    T(tkill, "of a missing thread", 1 << 22, SIGTERM);
    T(tkill, "of an unknown signal", self, 65);
    T(tgkill, "of number 0", 0, self, SIGTERM);
    T(tgkill, "of a thread of another process", CALL(getppid), self, SIGTERM);
    T(tgkill, "of nothing", self, self, 0);
    set_handler(SIGUSR1, 0, note);
    T(kill, "of itself", self, SIGUSR1);
    told_last("kill tells");
    T(tkill, "of itself", self, SIGUSR1);
    told_last("tkill tells");
    T(tgkill, "of itself", self, self, SIGUSR1);
    told_last("tgkill tells");
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE, .si_pid = (int)self, .si_uid = 3};
    info.si_value.sival_int = 1234;
    T(rt_sigqueueinfo, "of itself", self, SIGUSR1, &info);
    told_last("rt_sigqueueinfo tells");
    T(rt_sigqueueinfo, "of a missing process", 1 << 22, SIGUSR1, &info);
    T(rt_sigqueueinfo, "of an unknown signal", self, 65, &info);
    FAULTS(rt_sigqueueinfo, "of a bad pointer", self, SIGUSR1, bad);
    T(rt_tgsigqueueinfo, "of itself", self, self, SIGUSR1, &info);
    T(rt_tgsigqueueinfo, "of a missing thread", self, 1 << 22, SIGUSR1, &info);
    T(rt_tgsigqueueinfo, "of number 0", self, 0, SIGUSR1, &info);
    info.si_code = SI_USER;
    T(rt_sigqueueinfo, "that pretends to be kill, of another", CALL(getppid), 0, &info);
    info.si_code = 5;
    T(rt_sigqueueinfo, "that pretends to be the kernel, of another", CALL(getppid), 0, &info);
}

static void handling(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = {SIG_IGN, 0, 0, 0}, old = {SIG_IGN, 0, 0, 0};
    T(rt_sigaction, "of a signal", SIGUSR1, &action, &old, 8);
    fact("rt_sigaction tells the default", old.handler == SIG_DFL);
    T(rt_sigaction, "to ask", SIGUSR1, 0, &old, 8);
    fact("rt_sigaction tells what was set", old.handler == SIG_IGN);
    T(rt_sigaction, "of SIGKILL", SIGKILL, &action, 0, 8);
    T(rt_sigaction, "to ask of SIGKILL", SIGKILL, 0, &old, 8);
    T(rt_sigaction, "of SIGSTOP", SIGSTOP, &action, 0, 8);
    T(rt_sigaction, "of 0", 0, &action, 0, 8);
    T(rt_sigaction, "of 64", 64, &action, 0, 8);
    T(rt_sigaction, "of 65", 65, &action, 0, 8);
    T(rt_sigaction, "of the wrong size", SIGUSR1, 0, &old, 4);
    FAULTS_BUT_NULL(rt_sigaction, "of a bad pointer", SIGUSR1, bad, 0, 8);
    FAULTS_BUT_NULL(rt_sigaction, "to a bad pointer", SIGUSR1, 0, bad, 8);
    set_handler(SIGUSR2, SA_RESETHAND, note);
    CALL(tkill, CALL(getpid), SIGUSR2);
    CALL(rt_sigaction, SIGUSR2, 0, &old, 8);
    fact("rt_sigaction with SA_RESETHAND is used once", old.handler == SIG_DFL && nr_caught == 1);
    action.mask = ~0ul;
    CALL(rt_sigaction, SIGUSR1, &action, 0, 8);
    CALL(rt_sigaction, SIGUSR1, 0, &old, 8);
    text("rt_sigaction never masks", "%#lx", ~old.mask);
}

static void masking(void)
{
    word set = 1ul << (SIGUSR1 - 1), was = 0;
    T(rt_sigprocmask, "that blocks", SIG_BLOCK, &set, 0, 8);
    T(rt_sigprocmask, "to ask", 99, 0, &was, 8);
    text("rt_sigprocmask tells", "%#lx", was);
    T(rt_sigprocmask, "in an unknown way", 99, &set, 0, 8);
    T(rt_sigprocmask, "of the wrong size", SIG_BLOCK, &set, 0, 4);
    FAULTS_BUT_NULL(rt_sigprocmask, "of a bad pointer", SIG_BLOCK, bad, 0, 8);
    FAULTS_BUT_NULL(rt_sigprocmask, "to a bad pointer", SIG_BLOCK, 0, bad, 8);
    set_handler(SIGUSR1, 0, note);
    CALL(kill, CALL(getpid), SIGUSR1);
    CALL(kill, CALL(getpid), SIGUSR1);
    T(rt_sigpending, "to ask", &was, 8);
    text("rt_sigpending tells", "%#lx", was);
    T(rt_sigpending, "of the wrong size", &was, 16);
    FAULTS(rt_sigpending, "to a bad pointer", bad, 8);
    text("rt_sigprocmask holds signals back", "%d", nr_caught);
    T(rt_sigprocmask, "that frees", SIG_UNBLOCK, &set, &was, 8);
    text("rt_sigprocmask lets one of two through", "%d", nr_caught);
    set = ~0ul;
    CALL(rt_sigprocmask, SIG_SETMASK, &set, 0, 8);
    CALL(rt_sigprocmask, SIG_BLOCK, 0, &was, 8);
    text("rt_sigprocmask never blocks", "%#lx", ~was);
}

static void queueing(void)
{
    const int low = 36, high = 40;
    long self = CALL(getpid);
    block(low), block(high), block(SIGUSR1);
    set_handler(low, 0, note), set_handler(high, 0, note), set_handler(SIGUSR1, 0, note);
    siginfo_t info = {.si_code = SI_QUEUE, .si_pid = (int)self};
    for (int i = 1; i <= 3; i++) {
        info.si_value.sival_int = i;
        CALL(rt_sigqueueinfo, self, high, &info);
        CALL(rt_sigqueueinfo, self, low, &info);
        CALL(rt_sigqueueinfo, self, SIGUSR1, &info);
    }
    siginfo_t got;
    word set = 1ul << (low - 1) | 1ul << (high - 1) | 1ul << (SIGUSR1 - 1);
    struct timespec none = {0, 0};
    char found[300] = "";
    long number;
    while ((number = CALL(rt_sigtimedwait, &set, &got, &none, 8)) > 0) {
        char one[40];
        snprintf(one, sizeof one, "%ld:%d ", number, got.si_value.sival_int);
        strcat(found, one);
    }
    text("rt_sigqueueinfo queues", "%s", found);
    tell("rt_sigtimedwait of nothing more", number);
    CALL(tkill, self, high), CALL(tkill, self, low), CALL(tkill, self, high), CALL(tkill, self, SIGUSR1);
    // Frames are stacked, so the last one delivered runs first.
    CALL(rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
    text("rt_sigprocmask delivers in order", "%d: %d %d %d %d", nr_caught, order[0], order[1], order[2], order[3]);
    T(rt_sigtimedwait, "of the wrong size", &set, &got, &none, 4);
    FAULTS(rt_sigtimedwait, "of a bad set", bad, &got, &none, 8);
    FAULTS_BUT_NULL(rt_sigtimedwait, "of a bad time", &set, &got, bad, 8);
    none.tv_nsec = -1;
    T(rt_sigtimedwait, "of a negative time", &set, &got, &none, 8);
}

// Waits until a process waits for something.
static void until_it_waits(long pid)
{
    char name[40], line[256];
    const char *state = 0;
    snprintf(name, sizeof name, "/proc/%ld/stat", pid);
    while (!state || state[2] != 'S') {
        rest_ms(1);
        long fd = CALL(open, name, O_RDONLY), length = CALL(read, fd, line, sizeof line - 1);
        CALL(close, fd);
        line[length > 0 ? length : 0] = 0;
        state = strrchr(line, ')');
    }
}

// Sends a signal to its parent when that waits. What ends its call otherwise, if anything does, comes when
// it has gone on.
static void interrupts(int signal)
{
    long parent = CALL(getpid), before = shared[6];
    if (CALL(fork) == 0) {
        until_it_waits(parent);
        CALL(kill, parent, signal);
        wait_while(&shared[6], before);
        if (shared[2])
            CALL(write, shared[2], "w", 1);
        CALL(exit_group, 0);
    }
}

static void over(void) { CALL(wait4, -1, 0, 0, 0); }

// What a signal with this handler flag does to calls that wait.
static void interrupting_with(unsigned long flags, const char *how)
{
    char name[100], byte;
    int ends_[2];
    set_handler(SIGUSR1, flags, note);
    CALL(pipe, ends_);
    shared[2] = ends_[1];
#define INTERRUPTED(call, ...)                                          \
    snprintf(name, sizeof name, "%s interrupted %s", #call, how);      \
    interrupts(SIGUSR1);                                               \
    tell(name, CALL(call, __VA_ARGS__));                                \
    over();
    INTERRUPTED(read, ends_[0], &byte, 1)
    // What was not read is in the way of the next.
    CALL(fcntl, ends_[0], F_SETFL, O_NONBLOCK);
    while (CALL(read, ends_[0], &byte, 1) > 0)
        ;
    CALL(fcntl, ends_[0], F_SETFL, 0);
    shared[2] = 0;
    struct timespec time = {2, 0};
    INTERRUPTED(nanosleep, &time, 0)
    INTERRUPTED(clock_nanosleep, CLOCK_MONOTONIC, 0, &time, 0)
    struct pollfd poll_ = {ends_[0], POLLIN, 0};
    INTERRUPTED(poll, &poll_, 1, 2000)
    INTERRUPTED(ppoll, &poll_, 1, &time, 0, 8)
    time = (struct timespec){2, 0};
    word bits = 1ul << ends_[0];
    struct timeval wait_ = {2, 0};
    INTERRUPTED(select, ends_[0] + 1, &bits, 0, 0, &wait_)
    bits = 1ul << ends_[0];
    INTERRUPTED(pselect6, ends_[0] + 1, &bits, 0, 0, &time, 0)
    time = (struct timespec){2, 0};
    long set = CALL(epoll_create1, 0);
    struct epoll_event event = {EPOLLIN, {0}};
    CALL(epoll_ctl, set, EPOLL_CTL_ADD, ends_[0], &event);
    INTERRUPTED(epoll_wait, set, &event, 1, 2000)
    INTERRUPTED(epoll_pwait, set, &event, 1, 2000, 0, 8)
    INTERRUPTED(pause, 0)
    word nobody = 1ul << (SIGUSR2 - 1);
    INTERRUPTED(rt_sigtimedwait, &nobody, 0, &time, 8)
    snprintf(name, sizeof name, "wait4 interrupted %s", how);
    interrupts(SIGUSR1);
    long result = CALL(wait4, -1, 0, 0, 0);
    text(name, "%s", result > 0 ? "child" : result == -EINTR ? "EINTR" : "other");
    over();
    volatile int *word_ = (int *)shared + 20;
    *word_ = 0;
    INTERRUPTED(futex, word_, 0, 0, &time, 0, 0)
    CALL(close, ends_[0]);
    CALL(close, ends_[1]);
    CALL(close, set);
}

static void interrupting(void) { interrupting_with(0, "without SA_RESTART"); }
static void restarting(void) { interrupting_with(SA_RESTART, "with SA_RESTART"); }

static void remaining(void)
{
    struct timespec time = {10, 0}, left = {0, 0};
    set_handler(SIGUSR1, SA_RESTART, note);
    interrupts(SIGUSR1);
    T(nanosleep, "interrupted for what remains", &time, &left);
    fact("nanosleep tells what remains", left.tv_sec == 9 && left.tv_nsec > 0);
    over();
    left.tv_sec = 0;
    interrupts(SIGUSR1);
    T(clock_nanosleep, "interrupted for what remains", CLOCK_MONOTONIC, 0, &time, &left);
    fact("clock_nanosleep tells what remains", left.tv_sec == 9);
    over();
    left.tv_sec = 77;
    CALL(clock_gettime, CLOCK_MONOTONIC, &time);
    time.tv_sec += 10;
    interrupts(SIGUSR1);
    T(clock_nanosleep, "interrupted until a time", CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left);
    text("clock_nanosleep until a time tells nothing", "%ld", (long)left.tv_sec);
    over();
}

// A stop and going on end no call but those that signal(7) names, and handlers still run.
static void stopping_at(const char *name, long (*call)(void))
{
    int status;
    long pid = CALL(fork);
    if (pid == 0) {
        nr_caught = 0;
        shared[5] = 1;
        long result = call();
        word after;
        CALL(rt_sigprocmask, 0, 0, &after, 8);
        char line[60];
        snprintf(line, sizeof line, "%s%ld, mask %#lx", result < 0 ? "error " : "", result < 0 ? -result : result, after);
        text(name, "%s", line);
        CALL(exit_group, 0);
    }
    wait_while(&shared[5], 0);
    shared[5] = 0;
    rest_ms(30);
    CALL(kill, pid, SIGSTOP);
    CALL(wait4, pid, &status, WUNTRACED, 0);
    CALL(kill, pid, SIGCONT);
    rest_ms(30);
    CALL(kill, pid, SIGUSR1);
    CALL(wait4, pid, &status, 0, 0);
}

static const word usr1 = 1ul << (SIGUSR1 - 1), nobody_blocked;
static long stopped_poll(void) { return CALL(poll, 0, 0, 200); }
static long stopped_ppoll(void)
{
    struct timespec time = {10, 0};
    set_handler(SIGUSR1, 0, note);
    block(SIGUSR1), block(SIGTERM);
    return CALL(ppoll, 0, 0, &time, &nobody_blocked, 8);
}
static long stopped_suspend(void)
{
    set_handler(SIGUSR1, 0, note);
    block(SIGUSR1), block(SIGTERM);
    return CALL(rt_sigsuspend, &nobody_blocked, 8);
}
static long stopped_pselect(void)
{
    struct timespec time = {10, 0};
    word mask[2] = {(word)&nobody_blocked, 8};
    set_handler(SIGUSR1, 0, note);
    block(SIGUSR1), block(SIGTERM);
    return CALL(pselect6, 0, 0, 0, 0, &time, mask);
}
static long stopped_epoll(void)
{
    long set = CALL(epoll_create1, 0);
    struct epoll_event event;
    block(SIGTERM);
    return CALL(epoll_pwait, set, &event, 1, 2000, &nobody_blocked, 8);
}
static long stopped_sleep(void)
{
    struct timespec time = {0, 200000000};
    return CALL(nanosleep, &time, 0);
}
static long stopped_pause(void)
{
    set_handler(SIGUSR1, 0, note);
    return CALL(pause);
}
static long stopped_wait(void)
{
    struct timespec time = {10, 0};
    block(SIGUSR1);
    return CALL(rt_sigtimedwait, &usr1, 0, &time, 8);
}

static void stopped_in_calls(void)
{
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    stopping_at("poll that is stopped", stopped_poll);
    stopping_at("ppoll that is stopped", stopped_ppoll);
    stopping_at("pselect6 that is stopped", stopped_pselect);
    stopping_at("rt_sigsuspend that is stopped", stopped_suspend);
    stopping_at("epoll_pwait that is stopped", stopped_epoll);
    stopping_at("nanosleep that is stopped", stopped_sleep);
    stopping_at("pause that is stopped", stopped_pause);
    stopping_at("rt_sigtimedwait that is stopped", stopped_wait);
}

static void suspending(void)
{
    word all = ~0ul, after;
    set_handler(SIGUSR1, 0, note);
    block(SIGUSR1), block(SIGTERM);
    CALL(kill, CALL(getpid), SIGUSR1);
    T(rt_sigsuspend, "with a signal at hand", &nobody_blocked, 8);
    CALL(rt_sigprocmask, 0, 0, &after, 8);
    text("rt_sigsuspend brings the mask back", "%#lx, %d", after, nr_caught);
    T(rt_sigsuspend, "of the wrong size", &all, 4);
    FAULTS(rt_sigsuspend, "of a bad pointer", bad, 8);
    struct timespec none = {0, 0};
    CALL(kill, CALL(getpid), SIGUSR1);
    T(ppoll, "with a signal at hand and no time", 0, 0, &none, &nobody_blocked, 8);
    text("ppoll with no time leaves the signal", "%d", nr_caught);
    T(ppoll, "with a mask of the wrong size", 0, 0, &none, &nobody_blocked, 4);
    interrupts(SIGUSR1);
    T(rt_sigsuspend, "until a signal", &nobody_blocked, 8);
    text("rt_sigsuspend until a signal handled", "%d", nr_caught);
    over();
}

// Waits until so many signals were caught, but not for ever.
static void await(int count)
{
    for (int i = 0; nr_caught < count && i < 2000; i++)
        rest_ms(1);
}

static void of_children(void)
{
    siginfo_t info;
    set_handler(SIGCHLD, 0, note);
    long pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, 5);
    await(1);
    info = *(siginfo_t *)&last;
    text("fork sends SIGCHLD of an exit", "code %d, status %d, %d", info.si_code, info.si_status, info.si_pid == pid);
    over();
    nr_caught = 0;
    pid = CALL(fork);
    if (pid == 0)
        for (;;)
            CALL(pause);
    CALL(kill, pid, SIGSTOP);
    await(1);
    text("kill sends SIGCHLD of a stop", "code %d, status %d", last.si_code, last.si_status);
    CALL(kill, pid, SIGCONT);
    await(2);
    text("kill sends SIGCHLD of going on", "code %d, status %d", last.si_code, last.si_status);
    set_handler(SIGCHLD, SA_NOCLDSTOP, note);
    nr_caught = 0;
    CALL(kill, pid, SIGSTOP);
    CALL(wait4, pid, 0, WUNTRACED, 0);
    CALL(kill, pid, SIGCONT);
    CALL(wait4, pid, 0, WCONTINUED, 0);
    text("rt_sigaction with SA_NOCLDSTOP hears of stops", "%d", nr_caught);
    CALL(kill, pid, SIGKILL);
    await(1);
    text("kill sends SIGCHLD of a kill", "code %d, status %d", last.si_code, last.si_status);
    over();
    set_handler(SIGCHLD, SA_NOCLDWAIT, note);
    nr_caught = 0;
    pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, 0);
    T(wait4, "with SA_NOCLDWAIT", pid, 0, 0, 0);
    text("rt_sigaction with SA_NOCLDWAIT hears of ends", "%d", nr_caught);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, 0);
    T(wait4, "with SIGCHLD ignored", -1, 0, 0, 0);
    sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, 0);
    CALL(prctl, 1, SIGUSR2, 0, 0, 0);
    int signal = 0;
    T(prctl, "asks what the parent's end sends", 2, &signal);
    text("prctl tells what the parent's end sends", "%d", signal);
}

static void by_descriptor(void)
{
    struct {
        uint32_t number;
        int32_t error, code;
        uint32_t pid, uid;
        int32_t fd;
        uint32_t timer, band, overrun, trap;
        int32_t status, value;
        uint8_t rest[80];
    } read_[2];
    word set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGCHLD - 1), other = 1ul << (SIGUSR2 - 1);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    long fd = OK(signalfd4, "of a set", -1, &set, 8, O_NONBLOCK | O_CLOEXEC);
    T(fcntl, "tells what signalfd4 set", fd, F_GETFD);
    T(read, "of a signalfd without signals", fd, read_, sizeof read_);
    struct pollfd poll_ = {(int)fd, POLLIN, 0};
    T(poll, "of a signalfd without signals", &poll_, 1, 0);
    CALL(kill, CALL(getpid), SIGUSR1);
    T(poll, "of a signalfd with a signal", &poll_, 1, 0);
    T(read, "of too few bytes of a signalfd", fd, read_, 100);
    memset(read_, 0xff, sizeof read_);
    T(read, "of a signalfd", fd, read_, sizeof read_);
    text("read of a signalfd tells", "%d, code %d, sender %d, rest %d", read_[0].number, read_[0].code,
         read_[0].pid == CALL(getpid), read_[0].rest[79]);
    word pending;
    CALL(rt_sigpending, &pending, 8);
    text("read of a signalfd takes the signal", "%#lx", pending);
    long pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, 6);
    finish(pid);
    CALL(read, fd, read_, sizeof read_);
    text("read of a signalfd tells of a child", "%d, code %d, status %d, %d", read_[0].number, read_[0].code,
         read_[0].status, read_[0].pid == pid);
    T(signalfd4, "of another set for the same", fd, &other, 8, 0);
    CALL(kill, CALL(getpid), SIGUSR1);
    T(read, "of a signalfd of another set", fd, read_, sizeof read_);
    T(signalfd4, "of an unknown flag", -1, &set, 8, 1);
    T(signalfd4, "of the wrong size", -1, &set, 4, 0);
    T(signalfd4, "of a bad descriptor", 99, &set, 8, 0);
    T(signalfd4, "of a descriptor of another kind", 1, &set, 8, 0);
    FAULTS(signalfd4, "of a bad set", -1, bad, 8, 0);
    OK(signalfd, "of a set", -1, &set, 8);
    T(write, "to a signalfd", fd, read_, 128);
    T(lseek, "of a signalfd", fd, 0, SEEK_SET);
    // One that waits until a signal comes.
    long waits = CALL(signalfd4, -1, &other, 8, 0);
    block(SIGUSR2);
    interrupts(SIGUSR2);
    T(read, "of a signalfd that waits", waits, read_, sizeof read_);
    shared[6]++;
    text("read of a signalfd that waits tells", "%d", read_[0].number);
}

const struct group signals[] = {
    GROUP(sending), GROUP(handling), GROUP(masking), GROUP(queueing), GROUP(interrupting),
    GROUP(restarting), GROUP(remaining), GROUP(stopped_in_calls), GROUP(suspending),
    GROUP(of_children), GROUP(by_descriptor),
    END_OF_GROUPS,
};
