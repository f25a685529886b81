// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Computes without making a system call, as the first argument says:
//
//   alarm      until a signal of the program's own timer comes
//   children   two children, until the parent has slept and kills them
//   registers  parent and child both, with patterns of their own in all registers that another
//              process could spoil; each looks at them when its timer has rung

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t rang;

static void on_alarm(int signal)
{
    (void)signal;
    rang = 1;
}

static int spin_until_alarm(void)
{
    signal(SIGALRM, on_alarm);
    alarm(1);
    while (!rang) {
    }
    puts("rang");
    return 0;
}

static int kill_spinning_children(void)
{
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        while (children[i] == 0) {
        }
    }
    sleep(1);
    for (int i = 0; i < 2; i++) {
        int status;
        kill(children[i], SIGTERM);
        waitpid(children[i], &status, 0);
        printf("child %d: signal %d\n", i, WTERMSIG(status));
    }
    return 0;
}

// Whether registers that were filled from `seed` still hold that after a long wait without a call.
static int registers_stay(unsigned long seed)
{
    unsigned long differences;
    __asm__ volatile(
        "movq %[seed], %%xmm0\n"
        "movq %[seed], %%xmm15\n"
        "mov %[seed], %%rcx\n"
        "mov %[seed], %%r11\n"
        "mov %[seed], %%rdi\n"
        "mov %[seed], %%r15\n"
        "pushq %[seed]\n"
        "fildq (%%rsp)\n"
        "1: cmpl $0, %[rang]\n"
        "je 1b\n"
        "fistpq (%%rsp)\n"
        "popq %[differences]\n"
        "xor %[seed], %[differences]\n"
        "xor %[seed], %%rcx\n"
        "xor %[seed], %%r11\n"
        "xor %[seed], %%rdi\n"
        "xor %[seed], %%r15\n"
        "or %%rcx, %[differences]\n"
        "or %%r11, %[differences]\n"
        "or %%rdi, %[differences]\n"
        "or %%r15, %[differences]\n"
        "movq %%xmm0, %%rcx\n"
        "xor %[seed], %%rcx\n"
        "or %%rcx, %[differences]\n"
        "movq %%xmm15, %%rcx\n"
        "xor %[seed], %%rcx\n"
        "or %%rcx, %[differences]\n"
        : [differences] "=&r"(differences)
        : [seed] "r"(seed), [rang] "m"(rang)
        : "rcx", "r11", "rdi", "r15", "xmm0", "xmm15", "memory", "cc");
    return differences == 0;
}

static int keep_registers(void)
{
    signal(SIGALRM, on_alarm);
    pid_t child = fork();
    alarm(2);
    int stay = registers_stay(child == 0 ? 0x0123456789abcdef : 0x3edcba9876543210);
    if (child == 0)
        _exit(stay ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    printf("parent's %s, child's %s\n", stay ? "stay" : "change", status ? "change" : "stay");
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "alarm") == 0)
        return spin_until_alarm();
    if (strcmp(mode, "children") == 0)
        return kill_spinning_children();
    return keep_registers();
}
