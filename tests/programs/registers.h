// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every register of a program, and the entries of registers-enter.S that load and store them.

#ifndef REGISTERS_H
#define REGISTERS_H

#include "seed.h"

struct registers {
    word general[15]; // rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15
    word flags;
    unsigned char vector[32][64];
};

#define RAX 0
#define RCX 2
#define RDX 3
#define RSI 4
#define RDI 5
#define R10 9
#define R11 10

// Load `in`, enter the kernel by the way, store to `out`. Vectors have `width` bytes: of 16 and 32
// there are 16, of 64 there are 32.
typedef void entry(const struct registers *in, struct registers *out, word width);
entry enter_syscall, enter_int80, enter_fault;

// Stores the vectors as they are.
void store_vectors(struct registers *out, word width);

// Bytes of the widest vectors that the processor and the kernel let programs use.
static inline word vector_width(void)
{
    unsigned a = 1, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c >> 27 & 1) || !(c >> 28 & 1))
        return 16;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 0xe6) == 0xe6 ? 64 : (low & 6) == 6 ? 32 : 16;
}

static inline int nr_vectors(word width)
{
    return width == 64 ? 32 : 16;
}

static inline void fill_vectors(struct registers *in, word seed)
{
    for (int i = 0; i < 32; i++)
        for (int j = 0; j < 64; j++)
            in->vector[i][j] = (unsigned char)(seed * 31 + (word)(i * 64 + j) * 7 + 1);
}

#endif
