// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a program without a C library needs: an entry point, system calls, and a few string helpers.

#ifndef SEED_H
#define SEED_H

#include "call6.h"

#define SYS_read 0
#define SYS_write 1
#define SYS_open 2
#define SYS_close 3
#define SYS_mmap 9
#define SYS_brk 12
#define SYS_getpid 39
#define SYS_exit 60

// The kernel enters with argc at the top of the stack; main wants it in registers.
__asm__(".globl _start\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call start_at\n");

int main(int argc, char **argv, char **envp);

static inline long call3(long number, word a, word b, word c)
{
    return call6(number, a, b, c, 0, 0, 0);
}

__attribute__((noreturn, unused)) static void quit(int status)
{
    for (;;)
        call3(SYS_exit, (word)status, 0, 0);
}

__attribute__((used, noreturn)) static void start_at(word *stack)
{
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    quit(main(argc, argv, argv + argc + 1));
}

__attribute__((unused)) static word length(const char *text)
{
    word n = 0;
    while (text[n])
        n++;
    return n;
}

__attribute__((unused)) static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

__attribute__((unused)) static void say(const char *text)
{
    call3(SYS_write, 1, (word)text, length(text));
}

__attribute__((unused)) static void say_hex(word value)
{
    char text[19];
    for (int i = 0; i < 16; i++)
        text[2 + i] = "0123456789abcdef"[(value >> (60 - 4 * i)) & 15];
    text[0] = '0';
    text[1] = 'x';
    text[18] = 0;
    say(text);
}

__attribute__((unused)) static int number(const char *text)
{
    int value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (*text++ - '0');
    return value;
}

#endif
