// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The work that is measured, for the guest and for the host: work NAME [COUNT [PATH]]. It prepares,
// does one step that fills caches, then COUNT steps between two marks whose addresses are fixed when
// it is linked, so that a log of executed addresses shows where to count. It prints nothing but what
// the work itself demands, and exits with 0 if every step did what it should.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sha256.h"

#define PAGE 4096L
#define MIB (1L << 20)

// benches/src/instructions/trace.rs knows where --section-start puts them.
__asm__(".section .marks, \"ax\", @progbits\n"
        ".globl mark_begin\n"
        "mark_begin: ret\n"
        ".balign 16\n"
        ".globl mark_end\n"
        "mark_end: ret\n"
        ".text\n");
void mark_begin(void);
void mark_end(void);

static char buffer[MIB];
static const char *path;
static int file, to_child, from_child;
static pid_t child;
static char *fresh;

static void need(int is_true)
{
    if (!is_true) {
        perror("work");
        exit(1);
    }
}

static int open_scratch(void)
{
    int descriptor = open("out/scratch", O_RDWR | O_CREAT | O_TRUNC, 0644);
    need(descriptor >= 0 && unlink("out/scratch") == 0);
    return descriptor;
}

static void prepare_nothing(long count)
{
    (void)count;
}

static void do_nothing(void) {}

static void call_getpid(void)
{
    need(syscall(SYS_getpid) > 0);
}

static void prepare_file(long count)
{
    (void)count;
    file = open_scratch();
    need(write(file, buffer, PAGE) == PAGE);
}

static void read_page(void)
{
    need(pread(file, buffer, PAGE, 0) == PAGE);
}

static void write_page(void)
{
    need(pwrite(file, buffer, PAGE, 0) == PAGE);
}

static void append_page(void)
{
    need(write(file, buffer, PAGE) == PAGE);
}

// Single pages with a page that cannot be touched between each two: one fault each, whatever a
// kernel brings in around a fault.
static void prepare_pages(long count)
{
    size_t size = (size_t)(2 * PAGE * (count + 1));
    fresh = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(fresh != MAP_FAILED);
    for (char *page = fresh; page < fresh + size; page += 2 * PAGE)
        need(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

static void touch_page(void)
{
    *fresh = 1;
    fresh += 2 * PAGE;
}

static void prepare_large(long count)
{
    fresh = mmap(0, (size_t)(PAGE * (count + 1)), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(fresh != MAP_FAILED);
}

static void touch_next(void)
{
    *fresh = 1;
    fresh += PAGE;
}

static void prepare_echo(long count)
{
    int down[2], up[2];
    (void)count;
    need(pipe(down) == 0 && pipe(up) == 0);
    child = fork();
    need(child >= 0);
    if (child == 0) {
        char byte;
        close(down[1]);
        while (read(down[0], &byte, 1) == 1)
            need(write(up[1], &byte, 1) == 1);
        _exit(0);
    }
    to_child = down[1];
    from_child = up[0];
}

static void echo(void)
{
    char byte = 1;
    need(write(to_child, &byte, 1) == 1 && read(from_child, &byte, 1) == 1);
}

static void prepare_yielder(long count)
{
    (void)count;
    child = fork();
    need(child >= 0);
    while (child == 0)
        sched_yield();
}

static void yield(void)
{
    sched_yield();
}

static void end_child(void)
{
    need(kill(child, SIGKILL) == 0 && waitpid(child, 0, 0) == child);
}

static void prepare_spawn(long count)
{
    (void)count;
    int null = open("/dev/null", O_WRONLY);
    need(null >= 0 && dup2(null, 1) == 1);
}

static void spawn(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, (char *)0);
        _exit(126);
    }
    need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

// Both factors and the product: 384 KiB, about what a second-level cache holds.
static double left[128][128], right[128][128], product[128][128];

static void multiply(void)
{
    for (int i = 0; i < 128; i++)
        for (int j = 0; j < 128; j++) {
            double sum = 0;
            for (int k = 0; k < 128; k++)
                sum += left[i][k] * right[k][j];
            product[i][j] = sum;
        }
    left[0][0] = product[1][1] * 0.5;
}

static void prepare_matrix(long count)
{
    (void)count;
    for (int i = 0; i < 128; i++)
        for (int j = 0; j < 128; j++) {
            left[i][j] = 1.0 / (i + j + 1);
            right[i][j] = i == j ? 1 : 1e-3 * (i - j);
        }
}

#define DIGESTED (64l << 10)

// Bytes that differ from page to page.
static void fill_buffer(long size)
{
    for (long i = 0; i < size; i++)
        buffer[i] = (char)(i * 7 + i / 512);
}

static void prepare_digest(long count)
{
    (void)count;
    fill_buffer(DIGESTED);
}

// Of these bytes sha256sum(1) says the same.
static void digest_bytes(void)
{
    static const uint32_t known[SHA256_WORDS] = {0x141bf98a, 0x2135964c, 0x50efeeb9, 0xcddf13be,
                                                 0xcf14885e, 0x6cad6b41, 0x5186497e, 0x31654e3e};
    uint32_t digest[SHA256_WORDS];
    sha256((const uint8_t *)buffer, DIGESTED, digest);
    need(memcmp(digest, known, sizeof known) == 0);
}

static void prepare_copy(long count)
{
    (void)count;
    file = open("out/all", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    need(file >= 0);
}

// Appends every file of in/ to out/all.
static void copy_files(void)
{
    DIR *folder = opendir("in");
    need(folder != 0);
    for (struct dirent *entry; (entry = readdir(folder)) != 0;) {
        if (entry->d_name[0] == '.')
            continue;
        int source = openat(dirfd(folder), entry->d_name, O_RDONLY);
        need(source >= 0);
        for (ssize_t length; (length = read(source, buffer, sizeof buffer)) > 0;)
            need(write(file, buffer, (size_t)length) == length);
        close(source);
    }
    closedir(folder);
}

static void prepare_fill(long count)
{
    (void)count;
    file = open("out/filled", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    need(file >= 0);
    fill_buffer(MIB);
}

static void write_mebibyte(void)
{
    need(write(file, buffer, MIB) == MIB);
}

// Says that everything is in place, and stays, so that somebody can look.
static void stay(void)
{
    need(write(1, "ready\n", 6) == 6);
    for (;;)
        __asm__ volatile("pause");
}

static const struct work {
    const char *name;
    void (*prepare)(long count);
    void (*step)(void);
    void (*finish)(void);
    // A step may be done once more than counted.
    int warms_up;
} works[] = {
    {"nothing", prepare_nothing, do_nothing, do_nothing, 1},
    {"getpid", prepare_nothing, call_getpid, do_nothing, 1},
    {"read", prepare_file, read_page, do_nothing, 1},
    {"write", prepare_file, write_page, do_nothing, 1},
    {"append", prepare_file, append_page, do_nothing, 1},
    {"fault", prepare_pages, touch_page, do_nothing, 1},
    {"touch", prepare_large, touch_next, do_nothing, 1},
    {"pipe", prepare_echo, echo, end_child, 1},
    {"yield", prepare_yielder, yield, end_child, 1},
    {"spawn", prepare_spawn, spawn, do_nothing, 1},
    {"matrix", prepare_matrix, multiply, do_nothing, 1},
    {"sha256", prepare_digest, digest_bytes, do_nothing, 1},
    {"copy", prepare_copy, copy_files, do_nothing, 0},
    {"fill", prepare_fill, write_mebibyte, do_nothing, 0},
    {"stay", prepare_nothing, stay, do_nothing, 0},
};

int main(int argc, char **argv)
{
    const struct work *work = works, *end = works + sizeof works / sizeof *works;
    while (work < end && argc > 1 && strcmp(work->name, argv[1]) != 0)
        work++;
    if (argc < 2 || work == end) {
        fputs("usage: work NAME [COUNT [PATH]]\n", stderr);
        return 2;
    }
    long count = argc > 2 ? atol(argv[2]) : 1;
    path = argc > 3 ? argv[3] : 0;
    work->prepare(count);
    if (work->warms_up)
        work->step();
    mark_begin();
    for (long i = 0; i < count; i++)
        work->step();
    mark_end();
    work->finish();
    return 0;
}
