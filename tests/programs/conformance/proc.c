// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is in /proc, as far as programs read it.

#include "case.h"

#include <sys/resource.h>

static char buffer[65536];

// Reads a whole file of /proc.
static char *contents(const char *path)
{
    long fd = CALL(open, path, O_RDONLY), used = 0, got;
    while (fd >= 0 && (got = CALL(read, fd, buffer + used, sizeof buffer - 1 - used)) > 0)
        used += got;
    CALL(close, fd);
    buffer[used] = 0;
    return buffer;
}

// The value behind a name, as in /proc/meminfo or /proc/self/status.
static const char *field(const char *path, const char *name)
{
    static char value[100];
    char *at = strstr(contents(path), name);
    value[0] = 0;
    if (at) {
        at += strlen(name);
        at += strspn(at, ": \t");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\n"), at);
    }
    return value;
}

static void of_itself(void)
{
    char path[300] = "", link[300];
    long pid = CALL(getpid);
    fact("readlink of /proc/self", (CALL(readlink, "/proc/self", path, sizeof path), atol(path) == pid));
    memset(path, 0, sizeof path);
    fact("readlink of /proc/self/exe", CALL(readlink, "/proc/self/exe", path, sizeof path) > 0 && strstr(path, "/init"));
    memset(path, 0, sizeof path);
    CALL(readlink, "/proc/self/cwd", path, sizeof path);
    fact("readlink of /proc/self/cwd", (CALL(getcwd, link, sizeof link), !strcmp(path, link)));
    memset(path, 0, sizeof path);
    CALL(readlink, "/proc/self/root", path, sizeof path);
    text("readlink of /proc/self/root", "%s", path);
    long fd = make("data", "0123456789");
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    memset(path, 0, sizeof path);
    CALL(readlink, link, path, sizeof path);
    text("readlink of a descriptor", "%s", strrchr(path, '/'));
    CALL(unlink, "data");
    memset(path, 0, sizeof path);
    CALL(readlink, link, path, sizeof path);
    text("readlink of a descriptor of a removed file", "%s", strrchr(path, '/'));
    OK(open, "of a removed file by its descriptor", link, O_RDONLY);
    file("first", "");
    CALL(link, "first", "second");
    fd = CALL(open, "second", O_RDONLY);
    file("third", "");
    CALL(unlink, "first");
    CALL(rename, "third", "second");
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    memset(path, 0, sizeof path);
    CALL(readlink, link, path, sizeof path);
    text("readlink of a descriptor of a replaced file", "%s", strrchr(path, '/'));
    CALL(mkdir, "gone", 0755);
    CALL(chdir, "gone");
    CALL(rmdir, "../gone");
    memset(path, 0, sizeof path);
    CALL(readlink, "/proc/self/cwd", path, sizeof path);
    text("readlink of a removed working directory", "%s", strrchr(path, '/'));
    CALL(chdir, "..");
    fd = CALL(open, ".", O_TMPFILE | O_RDWR, 0600);
    snprintf(link, sizeof link, "/proc/self/fd/%ld", fd);
    memset(path, 0, sizeof path);
    CALL(readlink, link, path, sizeof path);
    fact("readlink of a descriptor of a file without a name", strstr(path, "/#") && strstr(path, " (deleted)"));
    CALL(mmap, 0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fact("read of /proc/self/maps of shared memory", !!strstr(contents("/proc/self/maps"), "/dev/zero (deleted)"));
    int ends_[2];
    CALL(pipe, ends_);
    snprintf(link, sizeof link, "/proc/self/fd/%d", ends_[0]);
    memset(path, 0, sizeof path);
    CALL(readlink, link, path, sizeof path);
    text("readlink of a descriptor of a pipe", "%.6s", path);
    T(readlink, "of a closed descriptor", "/proc/self/fd/99", path, sizeof path);
    struct stat status;
    CALL(stat, link, &status);
    text("stat of a descriptor of a pipe", "%o", status.st_mode & S_IFMT);
    T(open, "of an unknown name in /proc", "/proc/self/nothing", O_RDONLY);
    T(open, "of a process that is not there", "/proc/999999/stat", O_RDONLY);
    T(open, "that creates in /proc", "/proc/new", O_RDWR | O_CREAT, 0600);
    T(mkdir, "in /proc", "/proc/new", 0700);
    T(unlink, "in /proc", "/proc/version");
}

static void tells(void)
{
    long pid = CALL(getpid), number, parent, group, session;
    char name[50], state;
    sscanf(contents("/proc/self/stat"), "%ld (%49[^)]) %c %ld %ld %ld", &number, name, &state, &parent, &group, &session);
    text("read of /proc/self/stat", "%d %s %c %d %d", number == pid, name, state, parent == CALL(getppid), group == CALL(getpgrp));
    int fields = 1;
    for (char *at = strrchr(contents("/proc/self/stat"), ')'); *at; at++)
        fields += *at == ' ';
    text("read of /proc/self/stat has fields", "%d", fields + 1);
    text("read of /proc/self/comm", "%s", strtok(contents("/proc/self/comm"), "\n"));
    fact("read of /proc/self/cmdline", !strcmp(contents("/proc/self/cmdline"), "conformance"));
    text("read of /proc/self/status of the name", "%s", field("/proc/self/status", "Name"));
    fact("read of /proc/self/status of the number", atol(field("/proc/self/status", "Pid")) == pid);
    fact("read of /proc/self/status of the parent", atol(field("/proc/self/status", "PPid")) == CALL(getppid));
    text("read of /proc/self/status of the users", "%s", field("/proc/self/status", "\nUid"));
    fact("read of /proc/self/status of the memory", atol(field("/proc/self/status", "VmSize")) > 0);
    block(SIGUSR1);
    CALL(kill, pid, SIGUSR1);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_IGN}, 0);
    text("read of /proc/self/status of blocked signals", "%s", field("/proc/self/status", "SigBlk"));
    text("read of /proc/self/status of pending signals", "%s", field("/proc/self/status", "ShdPnd"));
    text("read of /proc/self/status of ignored signals", "%s", field("/proc/self/status", "SigIgn"));
    text("read of /proc/self/status of threads", "%s", field("/proc/self/status", "Threads"));
    fact("read of /proc/self/maps", strstr(contents("/proc/self/maps"), "r-xp") && strstr(buffer, "/init")
                                        && strstr(buffer, "[stack]"));
    CALL(brk, CALL(brk, 0) + 4096);
    fact("read of /proc/self/maps of the heap", !!strstr(contents("/proc/self/maps"), "[heap]"));
    fact("read of /proc/self/mounts", !!strstr(contents("/proc/self/mounts"), " / "));
    long pages = 0;
    sscanf(contents("/proc/self/statm"), "%ld", &pages);
    fact("read of /proc/self/statm", pages > 0);
    text("read of /proc/self/limits", "%.30s", field("/proc/self/limits", "Max file size"));
    fact("read of /proc/self/environ", strlen(contents("/proc/self/environ")) < sizeof buffer);
}

static void exits(void) { CALL(exit_group, 0); }

// What is there of a child that ended, and what no longer.
static void of_one_that_ended(void)
{
    long child = start(exits), later = start(exits);
    siginfo_t info;
    CALL(waitid, P_PID, later, &info, WEXITED | WNOWAIT, 0);
    CALL(waitid, P_PID, child, &info, WEXITED | WNOWAIT, 0);
    char path[40], name[50], state = 0, link[40];
    long number = 0, parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", child);
    sscanf(contents(path), "%ld (%49[^)]) %c %ld", &number, name, &state, &parent);
    text("read of /proc of a child that ended", "%c", state);
    text("read of /proc of a child that ended of the rest", "%s %d %d", name, number == child, parent == CALL(getpid));
    snprintf(path, sizeof path, "/proc/%ld/status", child);
    text("read of the status of a child that ended", "%s", field(path, "State"));
    snprintf(path, sizeof path, "/proc/%ld/cmdline", child);
    text("read of the arguments of a child that ended", "%zu", strlen(contents(path)));
    snprintf(path, sizeof path, "/proc/%ld/exe", child);
    T(readlink, "of the program of a child that ended", path, link, sizeof link);
    snprintf(path, sizeof path, "/proc/%ld/cwd", child);
    T(readlink, "of the directory of a child that ended", path, link, sizeof link);
    fact("getpgid of a child that ended", CALL(getpgid, child) == CALL(getpgrp));
    T(kill, "of a child that ended", child, SIGTERM);
    OK(pidfd_open, "of a child that ended and is not waited for", child, 0);
    fact("getpriority of a child that ended", CALL(getpriority, PRIO_PROCESS, child) == CALL(getpriority, PRIO_PROCESS, 0));
    int status;
    fact("wait4 of all takes the oldest", CALL(wait4, -1, &status, 0, 0) == child);
    T(kill, "of a child that was waited for", child, 0);
    snprintf(path, sizeof path, "/proc/%ld", child);
    T(access, "of /proc of a child that was waited for", path, F_OK);
    finish(later);
}

static void of_the_machine(void)
{
    fact("read of /proc/meminfo of all", atol(field("/proc/meminfo", "MemTotal")) > 0);
    fact("read of /proc/meminfo of free", atol(field("/proc/meminfo", "MemFree")) > 0);
    fact("read of /proc/meminfo of available", atol(field("/proc/meminfo", "MemAvailable")) > 0);
    fact("read of /proc/cpuinfo", !!strstr(contents("/proc/cpuinfo"), "processor\t: 0"));
    double up = 0, idle;
    text("read of /proc/uptime", "%d", sscanf(contents("/proc/uptime"), "%lf %lf", &up, &idle));
    double loads[3];
    int running, all, last;
    text("read of /proc/loadavg", "%d", sscanf(contents("/proc/loadavg"), "%lf %lf %lf %d/%d %d", loads, loads + 1, loads + 2, &running, &all, &last));
    fact("read of /proc/version", !strncmp(contents("/proc/version"), "Linux version ", 14));
    fact("read of /proc/stat", !strncmp(contents("/proc/stat"), "cpu ", 4) && strstr(buffer, "btime "));
    fact("read of /proc/mounts", !!strstr(contents("/proc/mounts"), "/proc"));
    fact("read of /proc/filesystems", !!strstr(contents("/proc/filesystems"), "proc"));
    text("read of /proc/sys/kernel/ostype", "%s", strtok(contents("/proc/sys/kernel/ostype"), "\n"));
}

const struct group proc[] = {GROUP(of_itself), GROUP(tells), GROUP(of_one_that_ended), GROUP(of_the_machine), END_OF_GROUPS};
