// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Hogs: `hogs WAY` takes as much of one thing as there is, in a child. One line tells what ended the
// taking, the next how the child ended, the last whether its parent can still make files and start
// programs.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L
#define MIB (1L << 20)
#define FDS 1024

static int nothing;

// What ended the taking.
static int ended(const char *what)
{
    static const struct { int number; const char *name; } names[] = {
        {EAGAIN, "EAGAIN"}, {EMFILE, "EMFILE"}, {ENAMETOOLONG, "ENAMETOOLONG"}, {ENFILE, "ENFILE"},
        {ENOLCK, "ENOLCK"}, {ENOMEM, "ENOMEM"}, {ENOSPC, "ENOSPC"},
    };
    const char *name = strerror(errno);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == errno)
            name = names[i].name;
    printf("%s: %s\n", what, name);
    fflush(stdout);
    return 0;
}

// Memory.

static int anonymous(void)
{
    for (;;) {
        char *memory = mmap(0, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return ended("mmap");
        for (long at = 0; at < MIB; at += PAGE)
            memory[at] = 1;
    }
}

static int shared(void)
{
    int fd = open("shared", O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, 1L << 35))
        return ended("ftruncate");
    char *memory = mmap(0, 1L << 35, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return ended("mmap");
    for (long at = 0; at < 1L << 35; at += PAGE)
        memory[at] = 1;
    return 0;
}

static int file(void)
{
    static char block[1 << 16];
    memset(block, 1, sizeof block);
    int fd = open("file", O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) > 0)
        continue;
    return ended("write");
}

__attribute__((noinline)) static long deeper(long depth)
{
    volatile char frame[PAGE];
    frame[0] = 1;
    return depth ? deeper(depth - 1) + frame[0] : 0;
}

// Each waits with seven MiB of stack, until one cannot be made or cannot have it.
static int stacks(void)
{
    for (;;) {
        int ends[2];
        if (pipe(ends))
            return ended("pipe");
        pid_t pid = fork();
        if (pid < 0)
            return ended("fork");
        if (pid == 0) {
            deeper(7 * MIB / PAGE);
            write(ends[1], "", 1);
            pause();
        }
        close(ends[1]);
        char byte;
        int status;
        if (read(ends[0], &byte, 1) == 1)
            continue;
        waitpid(pid, &status, 0);
        return printf("a child ended by signal %d\n", WTERMSIG(status)), 0;
    }
}

#define SPREAD (1L << 34)

static char *spread(void)
{
    return mmap(0, SPREAD, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

// Pages with areas of their own: every second one has another protection.
static int split(char *memory)
{
    if (memory == MAP_FAILED)
        return ended("mmap");
    for (long at = 0; at < SPREAD; at += 2 * PAGE)
        if (mprotect(memory + at, PAGE, PROT_NONE))
            return ended("mprotect");
    return 0;
}

static int areas(void)
{
    return split(spread());
}

// The same when there is no memory left.
static int late_areas(void)
{
    char *memory = spread();
    return anonymous() || split(memory);
}

// A page in each two MiB needs a page table of its own.
static int tables(void)
{
    for (char *at = (char *)(1L << 32);; at += 2 * MIB) {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        if (mmap(at, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
            return ended("mmap");
        if (*(volatile char *)at)
            return 0;
    }
}

// Processes.

static int many(void)
{
    for (;;) {
        pid_t pid = fork();
        if (pid < 0)
            return ended("fork");
        if (pid == 0)
            pause();
    }
}

static int zombies(void)
{
    for (;;) {
        pid_t pid = fork();
        if (pid < 0)
            return ended("fork");
        if (pid == 0)
            _exit(0);
        if (pid % 64 == 0)
            usleep(1000);
    }
}

// Every process makes processes. Whoever cannot any more waits for the end.
static int bomb(void)
{
    pid_t first = getpid();
    setpgid(0, 0);
    for (;;)
        if (fork() < 0)
            break;
    if (getpid() != first)
        pause();
    signal(SIGTERM, SIG_IGN);
    ended("fork");
    return 0;
}

// Descriptors and what is behind them.

static int fds(void)
{
    while (open("/dev/null", O_RDONLY) >= 0)
        continue;
    return ended("open");
}

// As many as a process may have, then in a child again; the first that fails otherwise tells.
static int in_all_processes(int (*make)(void), const char *what)
{
    for (;;) {
        for (int fd = 3; fd < FDS; fd++)
            close(fd);
        errno = 0;
        while (make() == 0)
            continue;
        if (errno != EMFILE)
            return ended(what);
        pid_t pid = fork();
        if (pid < 0)
            return ended("fork");
        if (pid > 0) {
            waitpid(pid, 0, 0);
            return 0;
        }
    }
}

static int make_pipe(void)
{
    static char bytes[1 << 16];
    int ends[2];
    if (pipe2(ends, O_NONBLOCK))
        return -1;
    return write(ends[1], bytes, sizeof bytes) < 0 ? -1 : 0;
}

static int make_empty_pipe(void)
{
    int ends[2];
    return pipe(ends);
}

static int make_socket(void)
{
    static char bytes[1 << 16];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends))
        return -1;
    return write(ends[0], bytes, sizeof bytes) < 0 || write(ends[1], bytes, sizeof bytes) < 0 ? -1 : 0;
}

static int make_counter(void)
{
    return eventfd(0, 0) < 0 ? -1 : 0;
}

// An epoll that watches 32 pipes.
static int make_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int ends[2];
    if (fcntl(3, F_GETFD) < 0)
        for (int i = 0; i < 32; i++)
            if (pipe(ends))
                return -1;
    int watcher = epoll_create1(0);
    for (int fd = 3; watcher >= 0 && fd < 67; fd++)
        if (epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event))
            return -1;
    return watcher < 0 ? -1 : 0;
}

static int make_memfd(void)
{
    int fd = memfd_create("m", 0);
    return fd < 0 || write(fd, &nothing, 1) < 0 ? -1 : 0;
}

static int pipes(void) { return in_all_processes(make_pipe, "pipe"); }
static int empty_pipes(void) { return in_all_processes(make_empty_pipe, "pipe"); }
static int sockets(void) { return in_all_processes(make_socket, "socketpair"); }
static int counters(void) { return in_all_processes(make_counter, "eventfd"); }
static int epolls(void) { return in_all_processes(make_epoll, "epoll"); }
static int memfds(void) { return in_all_processes(make_memfd, "memfd"); }

// Locks on every second byte.
static int locks(void)
{
    int fd = open("locks", O_RDWR | O_CREAT, 0600);
    for (long at = 0;; at += 2) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
        if (fcntl(fd, F_SETLK, &lock))
            return ended("fcntl");
    }
}

// Signals that wait to be delivered.
static int signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
    for (long i = 0; i < 1000000; i++)
        if (sigqueue(getpid(), SIGRTMIN, (union sigval){0}))
            return ended("sigqueue");
    puts("sigqueue: no end");
    return 0;
}

// Names.

static const char *numbered(const char *kind, long number)
{
    static char name[64];
    snprintf(name, sizeof name, "%s-%ld", kind, number);
    return name;
}

static int folders(void)
{
    for (long i = 0;; i++)
        if (mkdir(numbered("folders", i), 0700))
            return ended("mkdir");
}

static int files(void)
{
    for (long i = 0;; i++) {
        int fd = open(numbered("files", i), O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0)
            return ended("open");
        close(fd);
    }
}

static int small_files(void)
{
    for (long i = 0;; i++) {
        int fd = open(numbered("small_files", i), O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (fd < 0)
            return ended("open");
        if (write(fd, &nothing, 1) != 1)
            return ended("write");
        close(fd);
    }
}

static int links(void)
{
    int fd = open(numbered("links", 0), O_WRONLY | O_CREAT, 0600);
    close(fd);
    char first[64];
    strcpy(first, numbered("links", 0));
    for (long i = 1;; i++)
        if (link(first, numbered("links", i)))
            return ended("link");
}

static int symlinks(void)
{
    char target[PAGE] = {0};
    memset(target, 'x', sizeof target - 1);
    for (long i = 0;; i++)
        if (symlink(target, numbered("symlinks", i)))
            return ended("symlink");
}

static int depth(void)
{
    for (;;)
        if (mkdir("d", 0700) || chdir("d"))
            return ended("mkdir");
}

static const struct {
    const char *name;
    int (*take)(void);
} ways[] = {
    {"anonymous", anonymous}, {"shared", shared}, {"file", file}, {"stacks", stacks},
    {"areas", areas}, {"late_areas", late_areas}, {"tables", tables}, {"many", many},
    {"zombies", zombies}, {"bomb", bomb},
    {"fds", fds}, {"pipes", pipes}, {"empty_pipes", empty_pipes}, {"sockets", sockets},
    {"counters", counters}, {"epolls", epolls}, {"memfds", memfds}, {"locks", locks},
    {"signals", signals}, {"folders", folders}, {"files", files}, {"small_files", small_files},
    {"links", links}, {"symlinks", symlinks}, {"depth", depth},
};

// Ends all other processes. Those that are not its children end at their next turn.
static void end_all(void)
{
    kill(-1, SIGKILL);
    while (wait(0) > 0)
        continue;
    usleep(1000);
}

static int take(const char *way)
{
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(way, ways[i].name) == 0)
            return ways[i].take();
    return 99;
}

// Removes what a hog left, in the way of a build that cleans up.
static void clean_up(const char *way)
{
    unlink("file"), unlink("shared"), unlink("locks");
    for (long i = 0; unlink(numbered(way, i)) == 0 || rmdir(numbered(way, i)) == 0; i++)
        continue;
    while (chdir("d") == 0)
        continue;
    while (rmdir("d") == 0 || errno == ENOENT)
        if (chdir(".."))
            return;
        else if (access("d", F_OK))
            return;
}

static int still_works(char **argv)
{
    static char block[1 << 20];
    int fd = open("after", O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 2; i++)
        if (write(fd, block, sizeof block) != sizeof block)
            return ended("write afterwards"), 1;
    pid_t pid = fork();
    if (pid < 0)
        return ended("fork afterwards"), 1;
    if (pid == 0) {
        execl("/proc/self/exe", argv[0], "hello", (char *)0);
        _exit(ended("exec afterwards"));
    }
    int status;
    return waitpid(pid, &status, 0) != pid || status;
}

// A tree of so many levels below the working directory, and a file beside it.
static int tree(int levels)
{
    close(open("kept", O_WRONLY | O_CREAT, 0600));
    for (int i = 0; i < levels; i++)
        if (mkdir("d", 0700) || chdir("d"))
            return ended("mkdir"), 1;
    return 0;
}

// A chain of processes, each of which starts the next by its name and waits for it.
static int chain(char **argv, int length)
{
    char rest[16];
    snprintf(rest, sizeof rest, "%d", length - 1);
    if (length == 0)
        return puts("the chain ends"), 7;
    pid_t pid = fork();
    if (pid < 0)
        return ended("fork"), 8;
    if (pid == 0) {
        execl("/proc/self/exe", argv[0], "chain", rest, (char *)0);
        _exit(ended("exec") + 9);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 10;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "hello") == 0)
        return puts("afterwards all is well"), 0;
    // The first process itself is the hog, where the results go.
    if (strcmp(way, "first") == 0 && argc > 2)
        return chdir("out") ? 99 : take(argv[2]);
    if (strcmp(way, "tree") == 0 && argc > 2)
        return chdir("out") ? 99 : tree(atoi(argv[2]));
    if (strcmp(way, "chain") == 0 && argc > 2)
        return chain(argv, atoi(argv[2]));
    if (chdir("/tmp"))
        return 99;
    pid_t pid = fork();
    if (pid == 0)
        _exit(take(way));
    int status;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("the hog ended by signal %d\n", WTERMSIG(status));
    else
        printf("the hog ended with status %d\n", WEXITSTATUS(status));
    fflush(stdout);
    end_all();
    clean_up(way);
    return still_works(argv);
}
