// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Processes from inside: each line tells what a parent saw. The same on Linux.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int handled[65];
static int global = 1;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    handled[number] = 1 + (info->si_pid != 0);
}

static int ending(pid_t pid)
{
    int status = 0;
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void copies(void)
{
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        global = 2;
        *shared = 3;
        _exit(5);
    }
    int status = ending(pid);
    printf("fork: status %#x, private %d, shared %d\n", status, global, *shared);
}

// A semaphore and memory that processes find by their names, which musl keeps in one folder: a name for
// both would be one file.
static void named(void)
{
    char semaphore[32], name[32];
    snprintf(semaphore, sizeof semaphore, "/family-%d-done", (int)getpid());
    snprintf(name, sizeof name, "/family-%d-text", (int)getpid());
    sem_t *done = sem_open(semaphore, O_CREAT | O_EXCL, 0600, 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = shm_open(name, O_CREAT | O_RDWR, 0600);
        _exit(write(fd, "shared", 7) != 7 || sem_post(done));
    }
    char text[8] = "";
    printf("sem_wait: %d\n", done == SEM_FAILED ? -2 : sem_wait(done));
    printf("shm_open: %zd %s\n", read(shm_open(name, O_RDONLY, 0), text, 7), text);
    printf("its child: %#x, unlinked: %d %d\n", ending(pid), sem_unlink(semaphore), shm_unlink(name));
}

static void borrowed(char *path)
{
    // What the child of a vfork changes its parent sees.
    static volatile int touched;
    pid_t pid = vfork();
    if (pid == 0) {
        touched = 1;
        execl(path, "family", "child", (char *)0);
        _exit(9);
    }
    int status = ending(pid);
    printf("vfork: status %#x, touched %d\n", status, touched);
    pid = vfork();
    if (pid == 0)
        _exit(execl("/no/such/program", "x", (char *)0) == -1 && errno == ENOENT ? 4 : 5);
    printf("vfork without exec: status %#x\n", ending(pid));
}

static void spawned(char *path)
{
    char *arguments[] = {"family", "child", 0};
    pid_t pid = 0;
    int error = posix_spawn(&pid, path, 0, 0, arguments, environ);
    printf("posix_spawn: %d, status %#x\n", error, ending(pid));
    error = posix_spawn(&pid, "/no/such/program", 0, 0, arguments, environ);
    printf("posix_spawn of nothing: %d\n", error == ENOENT);
}

static void signals(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGCHLD, &action, 0);
    kill(getpid(), SIGUSR1);
    printf("own signal: %d\n", handled[SIGUSR1]);
    int ends[2];
    pipe(ends);
    // Until it has met the parent in its read: there is no telling when it gets there.
    volatile int *is_over = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        while (!*is_over) {
            kill(parent, SIGUSR1);
            usleep(1000);
        }
        _exit(0);
    }
    char byte;
    ssize_t got = read(ends[0], &byte, 1);
    *is_over = 1;
    printf("interrupted read: %zd, %s\n", got, got < 0 ? strerror(errno) : "");
    while (waitpid(pid, 0, 0) < 0 && errno == EINTR) {
    }
    printf("child's end: %d\n", handled[SIGCHLD]);
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    got = write(ends[1], "x", 1);
    printf("pipe without reader: %zd, %s\n", got, strerror(errno));
    close(ends[1]);
    pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    kill(pid, SIGKILL);
    printf("killed: status %#x\n", ending(pid));
}

static void big_pipe(void)
{
    // More than a pipe holds: both sides wait for each other many times.
    enum { TOTAL = 1 << 20 };
    static char bytes[7000];
    int ends[2];
    pipe(ends);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        for (int left = TOTAL; left > 0;) {
            ssize_t put = write(ends[1], bytes, left < (int)sizeof bytes ? left : (int)sizeof bytes);
            if (put <= 0)
                _exit(1);
            left -= put;
        }
        _exit(0);
    }
    close(ends[1]);
    long total = 0;
    ssize_t got;
    while ((got = read(ends[0], bytes, 5000)) > 0)
        total += got;
    int status = ending(pid);
    printf("big pipe: %ld bytes, status %#x\n", total, status);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "child"))
        return 6;
    copies();
    named();
    borrowed("/proc/self/exe");
    spawned("/proc/self/exe");
    signals();
    big_pipe();
    errno = 0;
    printf("no children: %d, %s\n", (int)wait(0), strerror(errno));
    return 0;
}
