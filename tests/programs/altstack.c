// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signal handlers on an alternate stack: one that is as large as the kernel says is enough for a
// handler; one that is too small for the kernel's own part is not left, the program ends instead.

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_MIN 2048
#define HANDLER_USE 1024
#define GUARD 4096

static void on_signal(int number)
{
    (void)number;
}

// Raises a signal in a child whose alternate stack has `size` bytes, above memory that nobody else
// writes to, and tells what came of both.
static void try_stack(const char *name, size_t size)
{
    unsigned char *memory = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(memory, 0x5a, GUARD);
    pid_t pid = fork();
    if (pid == 0) {
        stack_t stack = {.ss_sp = memory + GUARD, .ss_size = size};
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
        if (sigaltstack(&stack, 0) || sigaction(SIGUSR1, &action, 0))
            _exit(1);
        raise(SIGUSR1);
        _exit(0);
    }
    int status, spoilt = 0;
    waitpid(pid, &status, 0);
    for (int i = 0; i < GUARD; i++)
        spoilt += memory[i] != 0x5a;
    printf("%s: status %#x, %d bytes below it written\n", name, status, spoilt);
}

int main(void)
{
    try_stack("as large as the kernel says", getauxval(AT_MINSIGSTKSZ) + HANDLER_USE);
    try_stack("the least", STACK_MIN);
    return 0;
}
