// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Checks the stack that a program starts with against the System V ABI (AMD64, 3.4.1): alignment,
// terminators, and the auxiliary values that C libraries rely on. The status counts what is wrong.

#include "seed.h"

#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_ENTRY 9
#define AT_RANDOM 25

static int failures;

static void check(const char *name, int holds)
{
    say(holds ? "ok " : "FAIL "), say(name), say("\n");
    failures += !holds;
}

void _start(void);

int main(int argc, char **argv, char **envp)
{
    word *stack = (word *)argv - 1;
    check("stack pointer aligned to 16", ((word)stack & 15) == 0);
    check("argc counts argv", argc >= 1 && stack[0] == (word)argc && argv[argc] == 0);
    while (*envp)
        envp++;
    word values[64] = {0};
    word *aux = (word *)(envp + 1);
    for (; aux[0]; aux += 2)
        if (aux[0] < 64)
            values[aux[0]] = aux[1];
    check("page size", values[AT_PAGESZ] == 4096);
    check("entry", values[AT_ENTRY] == (word)_start);
    check("program header size", values[AT_PHENT] == 56);
    check("program headers there", values[AT_PHNUM] >= 1 && values[AT_PHDR] != 0);
    word sum = 0;
    for (word i = 0; i < values[AT_PHNUM] * 56; i++)
        sum += ((unsigned char *)values[AT_PHDR])[i];
    check("program headers readable", sum != 0);
    check("random bytes there", values[AT_RANDOM] != 0);
    for (int i = 0; i < 16; i++)
        sum += ((unsigned char *)values[AT_RANDOM])[i];
    check("random bytes readable", sum != 0);
    return failures;
}
