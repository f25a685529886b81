// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the families of the fuzz program stand on. A family makes a random sequence of system calls,
// which its seed alone decides, and tells each result. It states no expectation: the same binary runs
// the same seeds on Linux, and what they tell is compared.
//
// Calls go straight to the kernel, so that no C library stands between.

#ifndef SEED_FUZZ_H
#define SEED_FUZZ_H

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

#define PAGE 4096l

// Any number of arguments up to six, pointers included; the rest are 0.
#define CALL_(number, a, b, c, d, e, f, ...) \
    call6(number, (word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f))
#define CALL(call, ...) CALL_(SYS_##call __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
// Makes a call and tells what it was given and what it answered. Pointers must be the same in every run.
#define T_(name, number, a, b, c, d, e, f, ...) \
    tell(name, number, (word[]){(word)(a), (word)(b), (word)(c), (word)(d), (word)(e), (word)(f)})
#define T(call, ...) T_(#call, SYS_##call __VA_OPT__(,) __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

struct family {
    const char *name;
    // What the seed begins with, and one random step.
    void (*begin)(void);
    void (*step)(void);
    // Tells what there is at the end.
    void (*end)(void);
    int nr_steps;
};
extern const struct family files, tree, garbage;

// The next random number below `limit`, true in so many of a hundred cases, and one of a list.
word below(word limit);
int chance(word percent);
#define ONE_OF(...) \
    (((const word[]){__VA_ARGS__})[below(sizeof((const word[]){__VA_ARGS__}) / sizeof(word))])
// Any of the bits of a list, each in so many of a hundred cases.
#define SOME_OF(percent, ...) \
    some_of(percent, (const word[]){__VA_ARGS__}, sizeof((const word[]){__VA_ARGS__}) / sizeof(word))
word some_of(word percent, const word *bits, size_t nr_bits);
// A size or position: mostly small or near a border of pages, now and then absurd.
word some_size(void);

// Adds to what the seed tells.
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The same, to the line that the next call begins.
void detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
long tell(const char *name, long number, const word arguments[6]);
// A digest of bytes.
uint64_t digest(const void *bytes, size_t nr_bytes);
// Notes the digest of what a call has put there, if it has.
void got(const void *bytes, long nr_bytes);

#endif
