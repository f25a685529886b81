// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Children: what `clone` refuses, groups of those that execute, and who may be waited for and
// signalled how.

#include "case.h"

#include <sched.h>

#define CLONE_PIDFD_ 0x1000
#define CLONE_CLEAR_SIGHAND_ 0x100000000

static void sleeps(void) { rest_ms(100000); }
static void nothing(void) {}

// Flags that exclude each other, or need another one.
static const struct {
    const char *what;
    word flags;
} wrong_flags[] = {
    {"of handlers without memory", CLONE_SIGHAND},
    {"of a thread without handlers", CLONE_THREAD | CLONE_VM},
    {"of a shared root in a namespace of mounts", CLONE_FS | CLONE_NEWNS},
    {"of a shared root in a namespace of users", CLONE_FS | CLONE_NEWUSER},
    {"of shared semaphores in a namespace of them", CLONE_SYSVSEM | CLONE_NEWIPC},
    {"of a thread in a namespace of processes", CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID},
    {"of a thread in a namespace of users", CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER},
    {"of handlers that are shared and cleared", CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND_},
    {"of an unknown flag", 1ul << 50},
    {"of the old detached kind", CLONE_DETACHED},
};

static void refused_clones(void)
{
    char name[100];
    for (size_t i = 0; i < sizeof wrong_flags / sizeof *wrong_flags; i++) {
        word arguments[8] = {wrong_flags[i].flags, 0, 0, 0, wrong_flags[i].flags & CLONE_THREAD ? 0 : SIGCHLD};
        snprintf(name, sizeof name, "clone3 %s", wrong_flags[i].what);
        tell(name, CALL(clone3, arguments, sizeof arguments));
        if (wrong_flags[i].flags >> 31)
            continue;
        snprintf(name, sizeof name, "clone %s, by flags", wrong_flags[i].what);
        if (wrong_flags[i].flags != CLONE_DETACHED)
            tell(name, CALL(clone, wrong_flags[i].flags | SIGCHLD, 0, 0, 0, 0));
    }
    T(clone, "of a number and a descriptor in one place", CLONE_PARENT_SETTID | CLONE_PIDFD_ | SIGCHLD, 0, shared, 0, 0);
    word arguments[12] = {CLONE_PARENT_SETTID, 0, 0, 0, SIGCHLD};
    T(clone3, "of more than is known, being 0", arguments, 4);
    arguments[11] = 1;
    T(clone3, "of more than is known", arguments, sizeof arguments);
    arguments[11] = 0, arguments[6] = PAGE;
    T(clone3, "of a size without a stack", arguments, 64);
    arguments[6] = 0, arguments[4] = 65;
    T(clone3, "of the signal behind the last", arguments, 64);
    arguments[4] = 1ul << 40;
    T(clone3, "of a large signal", arguments, 64);
    arguments[4] = SIGCHLD, arguments[0] = 0, arguments[8] = (word)shared, arguments[9] = 1;
    shared[0] = CALL(getpid);
    T(clone3, "of a number that is taken", arguments, 80);
    shared[0] = 0;
    T(clone3, "of number 0", arguments, 80);
    arguments[9] = 100;
    T(clone3, "of too many numbers", arguments, 80);
    arguments[8] = 0, arguments[9] = 1;
    T(clone3, "of a number without a place", arguments, 80);
    arguments[9] = 0, arguments[0] = 1ul << 33, arguments[10] = 1;
    T(clone3, "into the group behind a descriptor of another kind", arguments, 88);
    arguments[10] = 99;
    T(clone3, "into the group behind a bad descriptor", arguments, 88);
}

static void groups_of_programs(void)
{
    char *strings[] = {"conformance", "executed_and_waits", 0}, *none[] = {0};
    long pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, CALL(execve, "/proc/self/exe", strings, none));
    char path[40] = "", comm[64] = "";
    snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    for (int i = 0; i < 2000 && !strstr(comm + 12, "executed"); i++) {
        rest_ms(1);
        long fd = CALL(open, path, O_RDONLY);
        CALL(read, fd, comm, sizeof comm - 1);
        CALL(close, fd);
    }
    T(setpgid, "of a child that executed", pid, pid);
    T(setpgid, "of a child that executed, to what it is", pid, CALL(getpgrp));
    CALL(kill, pid, SIGKILL);
    finish(pid);
    pid = CALL(fork);
    if (pid == 0) {
        CALL(setsid);
        shared[0] = 1;
        sleeps();
    }
    wait_while(shared, 0);
    T(setpgid, "of a child in another session", pid, 0);
    fact("getsid of a child in another session", CALL(getsid, pid) == pid);
    fact("getpgid of a child in another session", CALL(getpgid, pid) == pid);
    CALL(kill, pid, SIGKILL);
    finish(pid);
    T(getpgid, "of a negative process", -1);
    T(getsid, "of a negative process", -1);
}

static void waits_that_fail(void)
{
    siginfo_t info;
    int status;
    long pid = start(sleeps);
    long fd = CALL(pidfd_open, pid, O_NONBLOCK);
    tell("pidfd_open that does not wait tells its flags", fd < 0 ? fd : CALL(fcntl, fd, F_GETFL) & O_NONBLOCK);
    T(waitid, "of a descriptor that does not wait", P_PIDFD, fd, &info, WEXITED, 0);
    long waits = CALL(pidfd_open, pid, 0);
    T(waitid, "of a descriptor without waiting", P_PIDFD, waits, &info, WEXITED | WNOHANG, 0);
    alarm_soon();
    T(waitid, "until an alarm", P_PID, pid, &info, WEXITED, 0);
    alarm_soon();
    T(wait4, "until an alarm", pid, &status, 0, 0);
    alarm_soon();
    T(waitid, "of a descriptor until an alarm", P_PIDFD, waits, &info, WEXITED, 0);
    CALL(kill, pid, SIGKILL);
    finish(pid);
    T(waitid, "of a descriptor of who was waited for", P_PIDFD, waits, &info, WEXITED, 0);
    T(waitid, "of a missing group", P_PGID, 1 << 22, &info, WEXITED, 0);
    T(waitid, "of a negative group", P_PGID, -5, &info, WEXITED, 0);
    T(waitid, "of a negative descriptor", P_PIDFD, -5, &info, WEXITED, 0);
    T(waitid, "of nothing but waiting", P_ALL, 0, &info, WNOHANG, 0);
    T(waitid, "to leave nothing", P_ALL, 0, &info, WNOWAIT, 0);
    pid = start(nothing);
    FAULTS_BUT_NULL(waitid, "of usage to a bad pointer", P_PID, pid, 0, WEXITED | WNOWAIT, bad);
    finish(pid);
    pid = start(nothing);
    T(wait4, "of usage to a bad pointer", pid, 0, 0, 1);
}

static void signals_that_lie(void)
{
    long self = CALL(getpid), pid = start(sleeps);
    long other = CALL(pidfd_open, pid, 0), own = CALL(pidfd_open, self, 0);
    siginfo_t info = {.si_signo = 0, .si_code = SI_USER};
    T(pidfd_send_signal, "that pretends to be kill, of another", other, 0, &info, 0);
    T(pidfd_send_signal, "that pretends to be kill, of itself", own, 0, &info, 0);
    info.si_code = SI_TKILL;
    T(pidfd_send_signal, "that pretends to be tkill, of another", other, 0, &info, 0);
    T(rt_tgsigqueueinfo, "that pretends to be tkill, of another", pid, pid, 0, &info);
    info.si_code = SI_USER;
    T(rt_tgsigqueueinfo, "that pretends to be kill, of another", pid, pid, 0, &info);
    T(rt_tgsigqueueinfo, "that pretends to be kill, of itself", self, self, 0, &info);
    info.si_code = SI_QUEUE;
    T(pidfd_send_signal, "of a queue, of another", other, 0, &info, 0);
    info.si_signo = SIGUSR1;
    T(pidfd_send_signal, "of another signal than it says", other, 0, &info, 0);
    FAULTS_BUT_NULL(pidfd_send_signal, "of a bad pointer", other, 0, bad, 0);
    T(pidfd_send_signal, "to a descriptor of another kind", 1, 0, 0, 0);
    T(rt_tgsigqueueinfo, "of a thread of another process", self, pid, 0, &info);
    T(rt_tgsigqueueinfo, "of number -1", -1, pid, 0, &info);
    T(rt_tgsigqueueinfo, "of an unknown signal", self, self, 65, &info);
    T(rt_sigqueueinfo, "of number 0", 0, 0, &info);
    T(rt_sigqueueinfo, "of number -1", -1, 0, &info);
    T(kill, "of the lowest number", 0x80000000, 0);
    T(tgkill, "of number -1", -1, self, 0);
    T(tgkill, "of a missing thread", self, 1 << 22, 0);
    T(tgkill, "of an unknown signal", self, self, 65);
    T(tkill, "of number -1", -1, 0);
    CALL(kill, pid, SIGKILL);
    siginfo_t end;
    CALL(waitid, P_PID, pid, &end, WEXITED | WNOWAIT, 0);
    T(kill, "of one that ended", pid, SIGTERM);
    T(tkill, "of one that ended", pid, SIGTERM);
    T(tgkill, "of one that ended", pid, pid, SIGTERM);
    T(rt_sigqueueinfo, "of one that ended", pid, SIGTERM, &info);
    T(pidfd_send_signal, "to one that ended", other, SIGTERM, 0, 0);
    fact("getpgid of one that ended", CALL(getpgid, pid) == CALL(getpgrp));
    fact("getsid of one that ended", CALL(getsid, pid) == CALL(getsid, 0));
    finish(pid);
    T(kill, "of one that was waited for", pid, SIGTERM);
}

const struct group children[] = {
    GROUP(refused_clones), GROUP(groups_of_programs), GROUP(waits_that_fail), GROUP(signals_that_lie), END_OF_GROUPS,
};
