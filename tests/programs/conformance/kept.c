// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a child has of its parent, and what a program that is executed has of the one before.

#include "case.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

#define PR_SET_PDEATHSIG_ 1
#define PR_GET_PDEATHSIG_ 2
#define PR_SET_DUMPABLE_ 4
#define PR_GET_DUMPABLE_ 3
#define PR_GET_KEEPCAPS_ 7
#define PR_SET_KEEPCAPS_ 8
#define PR_SET_NAME_ 15
#define PR_GET_NAME_ 16
#define PR_SET_TIMERSLACK_ 29
#define PR_GET_TIMERSLACK_ 30
#define PR_SET_CHILD_SUBREAPER_ 36
#define PR_GET_CHILD_SUBREAPER_ 37
#define PR_SET_NO_NEW_PRIVS_ 38
#define PR_GET_NO_NEW_PRIVS_ 39

static void caught(int signal, siginfo_t *info, void *context) { (void)signal, (void)info, (void)context; }

// Gives the process something of everything.
static void set_all(void)
{
    static char stack_area[32768];
    stack_t stack = {.ss_sp = stack_area, .ss_size = sizeof stack_area};
    struct itimerval far = {{7, 0}, {1000, 0}};
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    struct itimerspec timer_far = {{0, 0}, {1000, 0}};
    int timer;
    CALL(sigaltstack, &stack, 0);
    CALL(setitimer, ITIMER_REAL, &far, 0);
    CALL(timer_create, CLOCK_MONOTONIC, &event, &timer);
    CALL(timer_settime, timer, 0, &timer_far, 0);
    CALL(prctl, PR_SET_PDEATHSIG_, SIGUSR2, 0, 0, 0);
    CALL(prctl, PR_SET_DUMPABLE_, 0, 0, 0, 0);
    CALL(prctl, PR_SET_CHILD_SUBREAPER_, 1, 0, 0, 0);
    CALL(prctl, PR_SET_NO_NEW_PRIVS_, 1, 0, 0, 0);
    CALL(prctl, PR_SET_NAME_, "a name", 0, 0, 0);
    CALL(prctl, PR_SET_TIMERSLACK_, 70000, 0, 0, 0);
    CALL(prctl, PR_SET_KEEPCAPS_, 1, 0, 0, 0);
    CALL(setpriority, PRIO_PROCESS, 0, 6);
    CALL(personality, 0x40000);
    limit(RLIMIT_CORE, 5, 1000);
    set_handler(SIGUSR1, SA_ONSTACK | SA_RESTART, caught);
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    block(SIGTERM), block(SIGUSR1);
    CALL(kill, CALL(getpid), SIGTERM);
    CALL(kill, CALL(getpid), SIGUSR1);
    CALL(umask, 027);
    CALL(setpgid, 0, 0);
}

// Tells what is left of it.
static void tell_all(const char *who)
{
    char name[80], process_name[17] = "";
    stack_t stack;
    struct itimerval alarm_;
    struct itimerspec timer;
    struct sigaction one, two;
    struct rlimit core;
    word blocked, pending;
    int signal = 0, takes = 0;
    CALL(sigaltstack, 0, &stack);
    CALL(getitimer, ITIMER_REAL, &alarm_);
    CALL(prctl, PR_GET_PDEATHSIG_, &signal, 0, 0, 0);
    CALL(prctl, PR_GET_CHILD_SUBREAPER_, &takes, 0, 0, 0);
    CALL(prctl, PR_GET_NAME_, process_name, 0, 0, 0);
    sigaction(SIGUSR1, 0, &one);
    sigaction(SIGHUP, 0, &two);
    CALL(rt_sigprocmask, 0, 0, &blocked, 8);
    CALL(rt_sigpending, &pending, 8);
    CALL(getrlimit, RLIMIT_CORE, &core);
#define TELLS(what, ...)                                  \
    snprintf(name, sizeof name, "%s keeps %s", who, what); \
    text(name, __VA_ARGS__);
    TELLS("the other stack", "%d", stack.ss_flags)
    TELLS("the alarm", "%d %ld", alarm_.it_value.tv_sec > 900, (long)alarm_.it_interval.tv_sec)
    TELLS("timers", "%ld", CALL(timer_gettime, 0, &timer))
    TELLS("the signal of the parent's end", "%d", signal)
    TELLS("whether it takes orphans", "%d", takes)
    TELLS("whether it may be dumped", "%ld", CALL(prctl, PR_GET_DUMPABLE_, 0, 0, 0, 0))
    TELLS("that it gains no rights", "%ld", CALL(prctl, PR_GET_NO_NEW_PRIVS_, 0, 0, 0, 0))
    TELLS("its name", "%s", process_name)
    TELLS("how late its timers may be", "%ld", CALL(prctl, PR_GET_TIMERSLACK_, 0, 0, 0, 0))
    TELLS("that it keeps capabilities", "%ld", CALL(prctl, PR_GET_KEEPCAPS_, 0, 0, 0, 0))
    TELLS("its nice value", "%ld", CALL(getpriority, PRIO_PROCESS, 0))
    TELLS("its personality", "%#lx", CALL(personality, 0xffffffff))
    TELLS("its limits", "%ld %ld", (long)core.rlim_cur, (long)core.rlim_max)
    TELLS("handlers", "%d %#x", one.sa_sigaction == caught, one.sa_flags & ~0x4000000)
    TELLS("what is ignored", "%d", two.sa_handler == SIG_IGN)
    TELLS("what is blocked", "%#lx", blocked)
    TELLS("what is pending", "%#lx", pending)
    TELLS("the mask of modes", "%#lo", CALL(umask, 0))
    TELLS("its group", "%d", CALL(getpgrp) != CALL(getpid))
}

static void by_children(void)
{
    set_all();
    long pid = CALL(fork);
    if (pid == 0) {
        tell_all("fork");
        CALL(exit_group, 0);
    }
    finish(pid);
    word arguments[8] = {0x100000000, 0, 0, 0, SIGCHLD};
    pid = CALL(clone3, arguments, sizeof arguments);
    if (pid == 0) {
        tell_all("clone3 that clears handlers");
        CALL(exit_group, 0);
    }
    finish(pid);
}

static void by_programs(void)
{
    char *strings[] = {"conformance", "executed_with_all", 0}, *none[] = {0};
    set_all();
    T(execve, "with something of everything", "/proc/self/exe", strings, none);
}

void executed_with_all(void) { tell_all("execve"); }

static void ends_with(int signal)
{
    long pid = CALL(fork);
    if (pid == 0) {
        long child = CALL(fork);
        if (child == 0) {
            CALL(prctl, PR_SET_PDEATHSIG_, signal, 0, 0, 0);
            shared[0] = 1;
            rest_ms(100000);
        }
        wait_while(shared, 0);
        shared[1] = child;
        CALL(exit_group, 0);
    }
    finish(pid);
    int status = 0;
    CALL(wait4, shared[1], &status, 0, 0);
    text("prctl of the parent's end ends the child", "%#x", status);
}

static void of_parents(void)
{
    CALL(prctl, PR_SET_CHILD_SUBREAPER_, 1, 0, 0, 0);
    ends_with(SIGTERM);
    volatile long on_stack = 1;
    long pid = CALL(vfork);
    if (pid == 0) {
        on_stack = 2;
        CALL(exit_group, 0);
    }
    finish(pid);
    text("vfork shares memory", "%ld", on_stack);
    int fd = (int)CALL(dup, 1);
    pid = CALL(vfork);
    if (pid == 0) {
        CALL(close, fd);
        CALL(exit_group, 0);
    }
    finish(pid);
    T(fcntl, "of what a child of vfork closed", fd, F_GETFD);
}

const struct group kept[] = {GROUP(by_children), GROUP(by_programs), GROUP(of_parents), END_OF_GROUPS};
