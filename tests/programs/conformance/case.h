// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the cases of the conformance program stand on. A case makes system calls and prints one line
// for each thing that it finds out: "call what: verdict". It states no expectation: the same binary
// runs on Linux, and the lines are compared.
//
// Calls go straight to the kernel, so that no C library stands between.

#ifndef SEED_CASE_H
#define SEED_CASE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../call6.h"

// musl's names for the ones without a number, which would hide the calls'.
#undef pread64
#undef pwrite64
#undef getdents64
#undef prlimit64

// A group of cases; it runs in a process and an empty folder of its own.
struct group {
    const char *name;
    void (*run)(void);
};
#define GROUP(function) {#function, function}
#define END_OF_GROUPS {0, 0}

// Any number of arguments up to six, pointers included; the rest are 0.
#define CALL_(number, a, b, c, d, e, f, ...) \
    call6(number, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f))
#define CALL(call, ...) CALL_(SYS_##call __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

// Makes a call and prints its value or error; the first argument after the call says what it is about.
#define T(call, what, ...) tell(#call " " what, CALL(call __VA_OPT__(,) __VA_ARGS__))
// The same, where a value differs from run to run: it prints "ok".
#define OK(call, what, ...) works(#call " " what, CALL(call __VA_OPT__(,) __VA_ARGS__))

// Makes a call with pointers that no program may use, as `bad`, and prints what all of them give.
#define FAULTS(call, what, ...) FAULTS_FROM(0, call, what, __VA_ARGS__)
// The same where a null pointer means something.
#define FAULTS_BUT_NULL(call, what, ...) FAULTS_FROM(1, call, what, __VA_ARGS__)
#define FAULTS_FROM(first, call, what, ...)                  \
    do {                                                     \
        long found_ = -EFAULT;                               \
        for (int i_ = first; i_ < NR_BAD_POINTERS; i_++) {   \
            word bad = bad_pointers[i_];                     \
            long result_ = CALL(call, __VA_ARGS__);          \
            found_ = found_ == -EFAULT ? result_ : found_;   \
        }                                                    \
        tell(#call " " what, found_);                        \
    } while (0)

#define NR_BAD_POINTERS 5
extern const word bad_pointers[NR_BAD_POINTERS];

#define PAGE 4096l

// Print a line and return the result. A name stands for a thing once in the whole program.
long tell(const char *name, long result);
long works(const char *name, long result);
void fact(const char *name, int is_so);
void text(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

// How a process of its own ends that runs `body`: its exit status, or its signal.
void ends(const char *name, void (*body)(void));
// Starts a process that runs `body` and exits with 0.
long start(void (*body)(void));
// Waits for a process; the word that `wait4` gives.
int finish(long pid);

// Makes a file with this content; returns a descriptor for both directions.
long make(const char *path, const char *content);
// Makes a file with this content.
void file(const char *path, const char *content);
// Whether a file has exactly this content, by descriptor.
int has(long fd, const char *content);
// Size by name, or the error.
long size_of(const char *path);

// A name that is too long, and a path.
extern char long_name[257], long_path[4200];

// Sets a limit of this process.
long limit(int resource, unsigned long soft, unsigned long hard);

// Memory that parents and children share, zeroed for each group.
extern volatile long *shared;

// Lets other processes run until `*word_` is no longer `value`, but not for ever.
void wait_while(volatile long *word_, long value);
// Lets time pass.
void rest_ms(long milliseconds);
// Has a signal interrupt the call that comes next, if it waits.
void alarm_soon(void);

// A handler that counts its calls in `shared[0]` and notes the last signal's origin.
void set_handler(int signal, unsigned long flags, void (*handler)(int, siginfo_t *, void *));
void block(int signal);
void unblock(int signal);

extern const struct group files[], paths[], full[], interrupted[], elsewhere[], each[],
    positions[], directories[], names[], attributes[], descriptors[], memory[], processes[],
    signals[], pipes[], polling[], sockets[], locks[], clocks[], credentials[], scheduling[],
    proc[], system_[], seed[], programs[], children[], messages_[], advice[], times_[], rights[],
    waits[], shortages[], kept[], edges[], families[], handlers[], dying[];

// What programs find that cases execute: each runs in the process that was made for it.
extern const struct group executed[];

void executed_with_all(void);

#endif
