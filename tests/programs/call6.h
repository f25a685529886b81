// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A system call as the kernel answers it, without a C library's errno.

#ifndef SEED_CALL6_H
#define SEED_CALL6_H

typedef unsigned long word;

static inline long call6(long number, word a, word b, word c, word d, word e, word f)
{
    long result;
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    register word r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#endif
