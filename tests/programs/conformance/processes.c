// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Processes: making them, waiting for them, replacing their program.

#include "case.h"

#include <sys/resource.h>

static void nothing(void) {}
static void exits_with_7(void) { CALL(exit_group, 7); }
static void exits_with_519(void) { CALL(exit, 519); }
static void dies_of_sigterm(void) { CALL(kill, CALL(getpid), SIGTERM); }

// Stops; and once it goes on, stays until the parent has seen that.
static void stops(void)
{
    CALL(kill, CALL(getpid), SIGSTOP);
    wait_while(&shared[3], 0);
}

static void sleeps(void) { rest_ms(100000); }

static void forking(void)
{
    int status;
    long value = 1, pid = CALL(fork);
    if (pid == 0) {
        value = 2;
        CALL(exit_group, 3);
    }
    fact("fork returns a number", pid > 0);
    fact("wait4 returns the number", CALL(wait4, pid, &status, 0, 0) == pid);
    text("exit_group ends with a status", "%#x, memory %ld", status, value);
    text("exit keeps the low byte of a status", "%#x", finish(start(exits_with_519)));
    text("wait4 tells a signal", "%#x", finish(start(dies_of_sigterm)));
    T(wait4, "without children", -1, &status, 0, 0);
    pid = start(nothing);
    T(wait4, "of a bad option", pid, &status, 1 << 10, 0);
    T(wait4, "of somebody else's child", 1 << 20, &status, 0, 0);
    T(wait4, "of another group", -(1 << 22), &status, 0, 0);
    T(wait4, "of the lowest number", 0x80000000, &status, 0, 0);
    fact("wait4 of its own group", CALL(wait4, 0, &status, 0, 0) == pid);
    pid = start(sleeps);
    T(wait4, "without waiting", pid, &status, WNOHANG, 0);
    CALL(kill, pid, SIGKILL);
    struct rusage usage;
    memset(&usage, 0xff, sizeof usage);
    fact("wait4 tells usage", CALL(wait4, pid, &status, 0, &usage) == pid && usage.ru_utime.tv_sec == 0);
    pid = start(nothing);
    T(wait4, "to a bad pointer", pid, 1, 0, 0);
    T(wait4, "of one that was told of in vain", pid, &status, 0, 0);
    fact("getpid differs from getppid", CALL(getpid) != CALL(getppid));
    fact("gettid is getpid", CALL(gettid) == CALL(getpid));
    int *place = (int *)shared;
    pid = CALL(clone, SIGCHLD | 0x1300000, 0, place, place + 1, 0);
    if (pid == 0)
        CALL(exit_group, place[1] != CALL(getpid));
    text("clone writes numbers", "%d %d", *place == pid, finish(pid));
    T(clone, "of a thread without its memory", 0x10000 | SIGCHLD, 0, 0, 0, 0);
    T(clone, "of handlers without memory", 0x800 | SIGCHLD, 0, 0, 0, 0);
    word arguments[8] = {0x1000000, 0, (word)(place + 2), 0, SIGCHLD, 0, 0, 0};
    pid = CALL(clone3, arguments, sizeof arguments);
    if (pid == 0)
        CALL(exit_group, place[2] != CALL(getpid));
    text("clone3 writes a number", "%d", finish(pid));
    T(clone3, "of too few arguments", arguments, 8);
    T(clone3, "of too many arguments", arguments, 8192);
    FAULTS(clone3, "of bad arguments", bad, 64);
    arguments[4] = 99;
    T(clone3, "of an unknown signal", arguments, sizeof arguments);
    arguments[4] = SIGCHLD, arguments[5] = 4096;
    T(clone3, "of a stack without a size", arguments, sizeof arguments);
    arguments[5] = 0, arguments[0] = SIGCHLD;
    T(clone3, "of a signal among the flags", arguments, sizeof arguments);
    pid = CALL(vfork);
    if (pid == 0)
        CALL(exit_group, 9);
    text("vfork comes back", "%#x", finish(pid));
    pid = CALL(clone, 0);
    if (pid == 0)
        CALL(exit_group, 4);
    T(wait4, "of a child without a signal", pid, &status, 0, 0);
    fact("wait4 of all kinds of children", CALL(wait4, pid, &status, 0x40000000, 0) == pid);
    limit(RLIMIT_NPROC, 0, 100000);
    pid = CALL(fork);
    if (pid == 0)
        CALL(exit_group, 0);
    fact("fork of user 0 beyond RLIMIT_NPROC", pid > 0);
}

static void told(const char *name, long result, siginfo_t *info, long pid)
{
    if (result < 0)
        tell(name, result);
    else
        text(name, "signal %d, code %d, status %d, child %s", info->si_signo, info->si_code,
             info->si_status, info->si_pid == pid ? "right" : info->si_pid ? "wrong" : "none");
}

static void waiting(void)
{
    siginfo_t info;
    long pid = start(exits_with_7);
    told("waitid of an exit, left", CALL(waitid, P_PID, pid, &info, WEXITED | WNOWAIT, 0), &info, pid);
    told("waitid of an exit", CALL(waitid, P_PID, pid, &info, WEXITED, 0), &info, pid);
    T(waitid, "of one that was waited for", P_PID, pid, &info, WEXITED, 0);
    pid = start(dies_of_sigterm);
    told("waitid of a signal", CALL(waitid, P_ALL, 0, &info, WEXITED, 0), &info, pid);
    pid = start(stops);
    told("waitid of a stop", CALL(waitid, P_PID, pid, &info, WSTOPPED, 0), &info, pid);
    memset(&info, 0xff, sizeof info);
    told("waitid of nothing new", CALL(waitid, P_PID, pid, &info, WSTOPPED | WEXITED | WNOHANG, 0), &info, pid);
    CALL(kill, pid, SIGCONT);
    told("waitid of going on, left", CALL(waitid, P_PID, pid, &info, WCONTINUED | WNOWAIT, 0), &info, pid);
    told("waitid of going on", CALL(waitid, P_PID, pid, &info, WCONTINUED | WEXITED, 0), &info, pid);
    shared[3] = 1;
    told("waitid of the exit after it", CALL(waitid, P_PID, pid, &info, WEXITED, 0), &info, pid);
    T(waitid, "of no options", P_ALL, 0, &info, 0, 0);
    T(waitid, "of an unknown option", P_ALL, 0, &info, WEXITED | 1 << 10, 0);
    T(waitid, "of an unknown kind", 99, 0, &info, WEXITED, 0);
    T(waitid, "of number 0", P_PID, 0, &info, WEXITED, 0);
    T(waitid, "of number -1", P_PID, -1, &info, WEXITED, 0);
    T(waitid, "without children", P_ALL, 0, &info, WEXITED, 0);
    pid = start(exits_with_7);
    told("waitid of a group", CALL(waitid, P_PGID, CALL(getpgrp), &info, WEXITED, 0), &info, pid);
    pid = start(exits_with_7);
    T(waitid, "without a place for what it tells", P_PID, pid, 0, WEXITED, 0);
    pid = start(exits_with_7);
    FAULTS_BUT_NULL(waitid, "to a bad pointer", P_PID, pid, bad, WEXITED | WNOWAIT, 0);
    finish(pid);
}

static void stopping(void)
{
    int status = 0;
    shared[3] = 0;
    long pid = start(stops);
    CALL(wait4, pid, &status, WUNTRACED, 0);
    text("wait4 tells a stop", "%#x", status);
    T(wait4, "tells a stop once", pid, &status, WUNTRACED | WNOHANG, 0);
    CALL(kill, pid, SIGCONT);
    CALL(wait4, pid, &status, WCONTINUED, 0);
    text("wait4 tells going on", "%#x", status);
    shared[3] = 1;
    CALL(wait4, pid, &status, WUNTRACED | WCONTINUED, 0);
    text("wait4 tells the exit after it", "%#x", status);
    pid = start(sleeps);
    CALL(kill, pid, SIGSTOP);
    CALL(wait4, pid, &status, WUNTRACED, 0);
    CALL(kill, pid, SIGTERM);
    T(wait4, "of a stopped child with a signal", pid, &status, WNOHANG, 0);
    CALL(kill, pid, SIGKILL);
    CALL(wait4, pid, &status, 0, 0);
    text("wait4 tells what killed a stopped child", "%#x", status);
    pid = start(sleeps);
    CALL(kill, pid, SIGTSTP);
    CALL(wait4, pid, &status, WUNTRACED, 0);
    text("wait4 tells a stop from a terminal", "%#x", status);
    CALL(kill, pid, SIGCONT);
    CALL(kill, pid, SIGKILL);
    CALL(wait4, pid, &status, 0, 0);
    text("wait4 tells the kill after going on", "%#x", status);
}

static void makes_orphan(void)
{
    if (CALL(fork) == 0) {
        rest_ms(20);
        shared[0] = CALL(getppid);
        shared[1] = 1;
        CALL(exit_group, 0);
    }
}

static void orphans(void)
{
    CALL(prctl, 36, 1, 0, 0, 0);
    int on = 0;
    T(prctl, "asks whether it takes orphans", 37, &on);
    text("prctl tells that it takes orphans", "%d", on);
    finish(start(makes_orphan));
    wait_while(&shared[1], 0);
    fact("getppid of an orphan is who takes them", shared[0] == CALL(getpid));
    fact("wait4 of an orphan that was taken", CALL(wait4, -1, 0, 0, 0) > 0);
}

static void groups(void)
{
    long self = CALL(getpid);
    fact("getpgrp tells the group that setpgid made", CALL(getpgrp) == self && CALL(getpgid, 0) == self);
    T(setpgid, "of a negative group", 0, -1);
    T(setpgid, "of a missing process", 1 << 22, 0);
    T(setpgid, "into a missing group", 0, 1 << 22);
    T(getpgid, "of a missing process", 1 << 22);
    T(getsid, "of a missing process", 1 << 22);
    T(setsid, "of who leads a group");
    long pid = CALL(fork);
    if (pid == 0) {
        fact("setsid makes a session", CALL(setsid) == CALL(getpid));
        fact("getsid tells it", CALL(getsid, 0) == CALL(getpid) && CALL(getpgrp) == CALL(getpid));
        T(setsid, "twice");
        T(setpgid, "of who leads a session", 0, 0);
        T(setpgid, "into a group of another session", 0, self);
        CALL(exit_group, 0);
    }
    finish(pid);
    pid = start(sleeps);
    T(setpgid, "of a child", pid, pid);
    fact("getpgid of a child", CALL(getpgid, pid) == pid);
    T(kill, "of a group", -pid, SIGTERM);
    text("wait4 tells what ended a group", "%#x", finish(pid));
    T(setpgid, "of a child that is gone", pid, pid);
    T(setpgid, "of the parent", CALL(getppid), 0);
}

static char *const no_strings[] = {0};

static void executes_nothing(void)
{
    char path[] = "missing";
    T(execve, "of a missing file", path, no_strings, no_strings);
    T(execve, "of an empty path", "", no_strings, no_strings);
    T(execve, "of a directory", ".", no_strings, no_strings);
    file("plain", "text");
    T(execve, "without a bit to run", "plain", no_strings, no_strings);
    CALL(chmod, "plain", 0755);
    T(execve, "of no program", "plain", no_strings, no_strings);
    file("empty", "");
    CALL(chmod, "empty", 0755);
    T(execve, "of an empty file", "empty", no_strings, no_strings);
    file("script", "#!missing\n");
    CALL(chmod, "script", 0755);
    T(execve, "of a script without its interpreter", "script", no_strings, no_strings);
    file("hollow", "#!\n");
    CALL(chmod, "hollow", 0755);
    T(execve, "of a script that names none", "hollow", no_strings, no_strings);
    file("carriage", "#!/proc/self/exe\r\n");
    CALL(chmod, "carriage", 0755);
    T(execve, "of a script with a carriage return", "carriage", no_strings, no_strings);
    char line[300] = "#!";
    memset(line + 2, '/', sizeof line - 3);
    file("endless", line);
    CALL(chmod, "endless", 0755);
    T(execve, "of a script whose interpreter may be cut", "endless", no_strings, no_strings);
    file("circle", "#!circle\n");
    CALL(chmod, "circle", 0755);
    T(execve, "of a script that names itself", "circle", no_strings, no_strings);
    file("cut", "\x7f" "ELF\2\1\1");
    CALL(chmod, "cut", 0755);
    T(execve, "of a program cut short", "cut", no_strings, no_strings);
    T(execve, "below a file", "plain/x", no_strings, no_strings);
    T(execve, "of a long name", long_name, no_strings, no_strings);
    CALL(symlink, "loop", "loop");
    T(execve, "of a loop of links", "loop", no_strings, no_strings);
    FAULTS(execve, "of a bad path", bad, no_strings, no_strings);
    FAULTS_BUT_NULL(execve, "of bad arguments", "plain", bad, no_strings);
    FAULTS_BUT_NULL(execve, "of a bad environment", "plain", no_strings, bad);
    char *odd[] = {(char *)1, 0};
    T(execve, "of a bad argument", "plain", odd, no_strings);
    static char long_argument[(128 << 10) + 1];
    memset(long_argument, 'a', 128 << 10);
    char *with_long[] = {long_argument, 0};
    T(execve, "of an argument that is too long", "plain", with_long, no_strings);
    T(execveat, "of a bad descriptor", 99, "x", no_strings, no_strings, 0);
    T(execveat, "below a file", CALL(open, "plain", O_RDONLY), "x", no_strings, no_strings, 0);
    T(execveat, "of an empty path", CALL(open, "plain", O_RDONLY), "", no_strings, no_strings, 0);
    T(execveat, "of no program by descriptor", CALL(open, "plain", O_RDONLY), "", no_strings, no_strings, AT_EMPTY_PATH);
    T(execveat, "of an unknown flag", AT_FDCWD, "plain", no_strings, no_strings, 1);
    CALL(symlink, "plain", "link");
    T(execveat, "of a link itself", AT_FDCWD, "link", no_strings, no_strings, AT_SYMLINK_NOFOLLOW);
}

// The program runs itself for one group, so that it says what a new program finds.
static void executes(const char *group_name, long (*how)(char *const *))
{
    char *strings[] = {"conformance", (char *)group_name, 0};
    if (CALL(fork) == 0) {
        // Messages of groups behind an exec are told apart by this number.
        CALL(exit_group, how(strings) ? 1 : 0);
    }
    CALL(wait4, -1, 0, 0, 0);
}

static long by_path(char *const *strings) { return tell("execve comes back", CALL(execve, "/proc/self/exe", strings, no_strings)); }
static long by_descriptor(char *const *strings)
{
    long fd = CALL(open, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return tell("execveat comes back", CALL(execveat, fd, "", strings, no_strings, AT_EMPTY_PATH));
}
static long by_directory(char *const *strings)
{
    char path[4200] = "";
    CALL(readlink, "/proc/self/exe", path, sizeof path - 1);
    char *slash = strrchr(path, '/');
    *slash = 0;
    long fd = CALL(open, *path ? path : "/", O_PATH);
    return tell("execveat below a directory comes back", CALL(execveat, fd, slash + 1, strings, no_strings, 0));
}

static void executing(void)
{
    CALL(open, "/dev/null", O_RDONLY);
    CALL(open, "/dev/null", O_RDONLY | O_CLOEXEC);
    executes("executed_by_path", by_path);
    executes("executed_by_descriptor", by_descriptor);
    executes("executed_by_directory", by_directory);
    set_handler(SIGUSR1, 0, 0);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    block(SIGTERM);
    CALL(kill, CALL(getpid), SIGTERM);
    CALL(umask, 077);
    executes("executed_with_signals", by_path);
}

static void limits_of_files(void)
{
    struct rlimit old;
    long fd = make("data", "");
    T(getrlimit, "of an unknown resource", 99, &old);
    FAULTS(getrlimit, "to a bad pointer", RLIMIT_CORE, bad);
    T(prlimit64, "of an unknown resource", 0, 99, 0, &old);
    T(prlimit64, "of a missing process", 1 << 22, RLIMIT_CORE, 0, &old);
    T(prlimit64, "of nothing", 0, RLIMIT_CORE, 0, 0);
    FAULTS_BUT_NULL(prlimit64, "of bad limits", 0, RLIMIT_CORE, bad, 0);
    word wrong[2] = {2, 1};
    T(prlimit64, "of a soft limit above the hard one", 0, RLIMIT_CORE, wrong, 0);
    T(setrlimit, "of a soft limit above the hard one", RLIMIT_CORE, wrong);
    T(setrlimit, "of an unknown resource", 99, wrong);
    FAULTS(setrlimit, "of bad limits", RLIMIT_CORE, bad);
    word size[2] = {10, 20};
    T(setrlimit, "of the size of files", RLIMIT_FSIZE, size);
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    T(write, "up to the limit", fd, "0123456789abc", 13);
    T(write, "beyond the limit", fd, "x", 1);
    T(ftruncate, "beyond the limit", fd, 11);
    T(fallocate, "beyond the limit", fd, 0, 0, 11);
    T(pwrite64, "below the limit", fd, "x", 1, 3);
    long pid = CALL(fork);
    if (pid == 0) {
        CALL(prlimit64, 0, RLIMIT_FSIZE, 0, &old);
        text("prlimit64 is inherited", "%ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
        sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_DFL}, 0);
        CALL(write, fd, "x", 1);
        CALL(exit_group, 0);
    }
    int status = finish(pid);
    text("write beyond the limit ends by", "%d", WTERMSIG(status));
}

static void by_descriptor_of_process(void)
{
    siginfo_t info;
    long pid = start(sleeps);
    long fd = OK(pidfd_open, "of a child", pid, 0);
    T(fcntl, "tells what pidfd_open set", fd, F_GETFD);
    T(pidfd_open, "of a missing process", 1 << 22, 0);
    T(pidfd_open, "of number 0", 0, 0);
    T(pidfd_open, "of a negative number", -1, 0);
    T(pidfd_open, "of an unknown flag", pid, 1);
    T(pidfd_send_signal, "of an unknown flag", fd, 0, 0, 1 << 10);
    T(pidfd_send_signal, "of nothing", fd, 0, 0, 0);
    T(pidfd_send_signal, "of an unknown signal", fd, 99, 0, 0);
    T(pidfd_send_signal, "to a bad descriptor", 99, 0, 0, 0);
    T(pidfd_send_signal, "of a signal", fd, SIGTERM, 0, 0);
    told("waitid of a descriptor", CALL(waitid, 3, fd, &info, WEXITED, 0), &info, pid);
    T(waitid, "of a descriptor of another kind", 3, 1, &info, WEXITED, 0);
    T(waitid, "of a bad descriptor", 3, 99, &info, WEXITED, 0);
    T(pidfd_send_signal, "to who is gone", fd, 0, 0, 0);
}

const struct group processes[] = {
    GROUP(forking), GROUP(waiting), GROUP(stopping), GROUP(orphans), GROUP(groups),
    GROUP(executes_nothing), GROUP(executing), GROUP(limits_of_files), GROUP(by_descriptor_of_process),
    END_OF_GROUPS,
};

static void tell_start(const char *how)
{
    char name[100];
    snprintf(name, sizeof name, "%s finds descriptors", how);
    text(name, "%ld %ld", CALL(fcntl, 3, F_GETFD), CALL(fcntl, 4, F_GETFD));
    extern char **environ;
    snprintf(name, sizeof name, "%s finds no environment", how);
    fact(name, !*environ);
}
static void executed_by_path(void) { tell_start("execve"); }
static void executed_by_descriptor(void) { tell_start("execveat"); }
static void executed_by_directory(void) { tell_start("execveat below a directory"); }
static void executed_with_signals(void)
{
    struct sigaction one, two;
    word blocked, pending;
    sigaction(SIGUSR1, 0, &one);
    sigaction(SIGUSR2, 0, &two);
    CALL(rt_sigprocmask, 0, 0, &blocked, 8);
    CALL(rt_sigpending, &pending, 8);
    text("execve keeps what is ignored, blocked and pending", "%d %d %#lx %#lx", one.sa_handler == SIG_DFL,
         two.sa_handler == SIG_IGN, blocked, pending);
    text("execve keeps the umask", "%lo", CALL(umask, 0));
}

static void executed_and_waits(void) { rest_ms(100000); }

const struct group executed[] = {
    GROUP(executed_by_path), GROUP(executed_by_descriptor), GROUP(executed_by_directory),
    GROUP(executed_with_signals), GROUP(executed_and_waits), GROUP(executed_with_all), END_OF_GROUPS,
};
