// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Fills the vector registers with patterns, as wide as there are, and looks whether they survive
// what other code may use them meanwhile: a child and its parent, a wait, a signal handler. A
// program that another one started must find them in their initial state.
//
// The argument is the least width in bytes. The status counts what is wrong.

#include "registers.h"

#define SYS_rt_sigaction 13
#define SYS_sched_yield 24
#define SYS_fork 57
#define SYS_execve 59
#define SYS_wait4 61
#define SYS_kill 62

#define SIGUSR1 10
#define SA_RESTORER 0x04000000
#define TURNS 50

static word width;
static int failures;
static struct registers in, out;

static void expect(const char *what, int holds)
{
    if (holds)
        return;
    say("FAIL "), say(what), say("\n");
    failures++;
}

static int same_vectors(const struct registers *a, const struct registers *b)
{
    for (int i = 0; i < nr_vectors(width); i++)
        for (word j = 0; j < width; j++)
            if (a->vector[i][j] != b->vector[i][j])
                return 0;
    return 1;
}

// Makes a call with a pattern in the vectors, and expects it there afterwards.
static long call_with_pattern(const char *what, word seed, word number, word a, word b, word c)
{
    fill_vectors(&in, seed);
    in.flags = 2;
    in.general[RAX] = number;
    in.general[RDI] = a;
    in.general[RSI] = b;
    in.general[RDX] = c;
    in.general[R10] = 0;
    enter_syscall(&in, &out, width);
    expect(what, same_vectors(&in, &out));
    return (long)out.general[RAX];
}

static void take_turns(const char *what, word seed)
{
    for (word i = 0; i < TURNS; i++)
        call_with_pattern(what, seed + i, SYS_sched_yield, 0, 0, 0);
}

static volatile int handled;

// Leaves other patterns in all vectors.
static void on_signal(int number)
{
    static struct registers spoilt, ignored;
    (void)number;
    fill_vectors(&spoilt, 77);
    spoilt.flags = 2;
    spoilt.general[RAX] = SYS_getpid;
    enter_syscall(&spoilt, &ignored, width);
    handled++;
}

void restorer(void);
__asm__("restorer: movl $15, %eax\n" // rt_sigreturn
        "syscall\n");

static void handle_signals(void)
{
    struct {
        void (*handler)(int);
        word flags;
        void (*restorer)(void);
        word mask;
    } action = {on_signal, SA_RESTORER, restorer, 0};
    call6(SYS_rt_sigaction, SIGUSR1, (word)&action, 0, 8, 0, 0);
}

// At the start of a program: all zero, but for what its first instructions may have used.
static int check_fresh(void)
{
    unsigned control;
    store_vectors(&out, width);
    __asm__("stmxcsr %0" : "=m"(control));
    int is_zero = 1;
    for (int i = 0; i < nr_vectors(width); i++)
        for (word j = i < 8 ? 16 : 0; j < width; j++)
            is_zero &= out.vector[i][j] == 0;
    expect("vectors at the start", is_zero);
    expect("control word at the start", control == 0x1f80);
    return failures;
}

int main(int argc, char **argv, char **envp)
{
    width = vector_width();
    if (argc > 1 && same(argv[1], "fresh"))
        return check_fresh();
    expect("width", argc > 1 && width >= (word)number(argv[1]));

    long child = call_with_pattern("after fork", 1, SYS_fork, 0, 0, 0);
    take_turns(child ? "parent's, taking turns" : "child's, taking turns", child ? 100 : 200);
    if (child == 0) {
        handle_signals();
        long self = call3(SYS_getpid, 0, 0, 0);
        call_with_pattern("around a handler", 3, SYS_kill, (word)self, SIGUSR1, 0);
        expect("handler", handled == 1);
        if (failures)
            return failures;
        unsigned control = 0x1f80 | 0x6000; // round towards zero
        __asm__("ldmxcsr %0" : : "m"(control));
        char *again[] = {argv[0], "fresh", 0};
        call_with_pattern("exec that failed", 4, SYS_execve, (word) "/proc/self/exe", (word)again, (word)envp);
        return 99;
    }
    int status = -1;
    call_with_pattern("around a wait", 5, SYS_wait4, (word)child, (word)&status, 0);
    expect("child", status == 0);
    if (!failures)
        say("ok\n");
    return failures;
}
