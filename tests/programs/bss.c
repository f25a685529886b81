// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A 512 MiB BSS, linked at 0x600000 as bootstrap compilers are, with heap above it.

#include "seed.h"

#define SIZE (512ul << 20)
#define HEAP (16ul << 20)

static volatile unsigned char big[SIZE];

int main(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    word places[] = {0, 4095, 4096, SIZE / 2, SIZE - 4096, SIZE - 1};
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (big[places[i]])
            return 1;
        big[places[i]] = (unsigned char)(i + 1);
    }
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++)
        if (big[places[i]] != i + 1)
            return 2;

    word heap = (word)call3(SYS_brk, 0, 0, 0);
    if (heap < (word)&big[SIZE - 1])
        return 3;
    if ((word)call3(SYS_brk, heap + HEAP, 0, 0) != heap + HEAP)
        return 4;
    volatile unsigned char *bytes = (volatile unsigned char *)heap;
    for (word i = 0; i < HEAP; i += HEAP / 64) {
        if (bytes[i])
            return 5;
        bytes[i] = 7;
    }
    say("512 MiB of BSS and heap above it\n");
    return 0;
}
