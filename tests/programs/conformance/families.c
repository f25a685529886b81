// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Parents and children at the edges: who is told of an end, who takes orphans, what no longer comes.

#include "case.h"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

static void ignore(int signal) { sigaction(signal, &(struct sigaction){.sa_handler = SIG_IGN}, 0); }

static void exits_with_3(void) { CALL(exit_group, 3); }

// A child that has ended, and is not waited for.
static long ended(void)
{
    siginfo_t info;
    long child = start(exits_with_3);
    CALL(waitid, P_PID, child, &info, WEXITED | WNOWAIT, 0);
    return child;
}

static void what_cannot_come(void)
{
    siginfo_t info;
    long child = ended();
    T(waitid, "for a stop, when the only child has ended", P_ALL, 0, &info, WSTOPPED, 0);
    T(waitid, "for a stop, when the only child has ended, at once", P_ALL, 0, &info, WSTOPPED | WNOHANG, 0);
    finish(child);
}

static void links_of_one_that_ended(void)
{
    struct stat status;
    char path[40];
    long child = ended();
    snprintf(path, sizeof path, "/proc/%ld/cwd", child);
    T(stat, "of the directory of a child that ended", path, &status);
    T(open, "of the directory of a child that ended", path, O_PATH);
    T(chdir, "to the directory of a child that ended", path);
    snprintf(path, sizeof path, "/proc/%ld/exe", child);
    T(execve, "of the program of a child that ended", path, 0, 0);
    finish(child);
}

static void a_quiet_child(void)
{
    ignore(SIGCHLD);
    long child = CALL(clone, 0);
    if (child == 0)
        exits_with_3();
    int status = 0;
    fact("wait4 of a child without a signal, SIGCHLD ignored", CALL(wait4, child, &status, __WALL, 0) == child);
    text("wait4 of a child without a signal tells", "%#x", status);
}

// Leaves a child that is to tell its end by another signal than others.
static void leaves_another_kind(void)
{
    if (CALL(clone, SIGUSR1) == 0) {
        wait_while(&shared[2], 0);
        exits_with_3();
    }
}

static void an_orphan_of_another_kind(void)
{
    CALL(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    finish(start(leaves_another_kind));
    shared[2] = 1;
    int status = 0;
    CALL(wait4, -1, &status, 0, 0);
    text("wait4 of an orphan that had another signal", "%#x", status);
}

static void leaves_one_that_ended(void) { ended(); }

static void an_orphan_that_ended(void)
{
    CALL(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ignore(SIGCHLD);
    start(leaves_one_that_ended);
    T(wait4, "of an orphan that had ended, SIGCHLD ignored", -1, 0, 0, 0);
}

static void stops(void)
{
    CALL(setpgid, 0, 0);
    CALL(kill, CALL(getpid), SIGSTOP);
    CALL(pause);
}

static void leaves_one_that_is_stopped(void)
{
    long child = start(stops);
    CALL(wait4, child, 0, WUNTRACED, 0);
}

// Nobody could make them go on.
static void a_group_without_a_parent(void)
{
    int ends_[2];
    CALL(pipe, ends_);
    long child = start(leaves_one_that_is_stopped);
    CALL(close, ends_[1]);
    finish(child);
    struct pollfd left = {.fd = ends_[0], .events = POLLIN};
    T(poll, "of what a stopped orphan had open", &left, 1, 5000);
    text("poll of what a stopped orphan had open tells", "%#x", left.revents);
}

static void datagrams_not_wanted(void)
{
    int pair[2];
    char byte;
    CALL(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    CALL(shutdown, pair[0], SHUT_RD);
    T(recvfrom, "of datagrams that are not wanted, at once", pair[0], &byte, 1, MSG_DONTWAIT, 0, 0);
    T(recvfrom, "of datagrams that are not wanted", pair[0], &byte, 1, 0, 0, 0);
}

static void a_timer_whose_signal_waits(void)
{
    const struct timespec at_once = {0};
    const struct itimerspec often = {.it_value.tv_nsec = 20000000, .it_interval.tv_nsec = 20000000};
    struct sigevent event = {.sigev_signo = 40, .sigev_notify = SIGEV_SIGNAL};
    const word set = 1ul << 39;
    int timer = 0;
    siginfo_t info = {0};
    block(40);
    CALL(timer_create, CLOCK_MONOTONIC, &event, &timer);
    CALL(timer_settime, timer, 0, &often, 0);
    rest_ms(300);
    T(rt_sigtimedwait, "of a timer's signal that waited", &set, &info, &at_once, 8);
    fact("rt_sigtimedwait of a timer's signal tells how often it would have come", info.si_overrun > 10);
    fact("timer_getoverrun of a signal that waited", CALL(timer_getoverrun, timer) > 10);
    // A busy machine may come here a period or two late.
    int again = 0;
    while (CALL(rt_sigtimedwait, &set, &info, &at_once, 8) == 40)
        again++;
    fact("rt_sigtimedwait of a timer's signal finds one, however often it came", again < 5);
}

static void a_timer_set_nonetheless(void)
{
    const struct itimerval later = {.it_value.tv_sec = 1000};
    struct itimerval left = {0};
    T(setitimer, "with a bad pointer for what was", ITIMER_REAL, &later, bad_pointers[1]);
    CALL(getitimer, ITIMER_REAL, &left);
    fact("setitimer with a bad pointer for what was sets", left.it_value.tv_sec > 900);
}

const struct group families[] = {
    GROUP(what_cannot_come),
    GROUP(links_of_one_that_ended),
    GROUP(a_quiet_child),
    GROUP(an_orphan_of_another_kind),
    GROUP(an_orphan_that_ended),
    GROUP(a_group_without_a_parent),
    GROUP(datagrams_not_wanted),
    GROUP(a_timer_whose_signal_waits),
    GROUP(a_timer_set_nonetheless),
    END_OF_GROUPS,
};
