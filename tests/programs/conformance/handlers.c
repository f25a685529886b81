// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signals: what handlers find, on which stack they run, and what they may change.

#include "case.h"

#include <ucontext.h>

static volatile int nr_caught;

static void alternate_stack(void)
{
    static char area[32768];
    stack_t stack = {.ss_sp = area, .ss_size = sizeof area}, old;
    T(sigaltstack, "to ask", 0, &old);
    text("sigaltstack tells that there is none", "%d", old.ss_flags);
    T(sigaltstack, "to set", &stack, 0);
    CALL(sigaltstack, 0, &old);
    text("sigaltstack tells", "%d %d", old.ss_sp == area, old.ss_flags);
    stack.ss_size = 100;
    T(sigaltstack, "that is too small", &stack, 0);
    stack.ss_size = sizeof area, stack.ss_flags = 16;
    T(sigaltstack, "with an unknown flag", &stack, 0);
    stack.ss_flags = SS_ONSTACK;
    T(sigaltstack, "with SS_ONSTACK", &stack, 0);
    stack.ss_flags = (int)(1u << 31);
    T(sigaltstack, "that disarms itself", &stack, 0);
    CALL(sigaltstack, 0, &old);
    text("sigaltstack tells that it disarms itself", "%#x", old.ss_flags);
    stack.ss_flags = SS_DISABLE;
    T(sigaltstack, "to none", &stack, 0);
    FAULTS_BUT_NULL(sigaltstack, "of a bad pointer", bad, 0);
    FAULTS_BUT_NULL(sigaltstack, "to a bad pointer", 0, bad);
}

static char on_area[65536];
static volatile int was_on_it, told_flags;
static volatile long set_on_it;
static void looks_at_stack(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    char here;
    stack_t old, none = {.ss_flags = SS_DISABLE};
    was_on_it = &here >= on_area && &here < on_area + sizeof on_area;
    CALL(sigaltstack, 0, &old);
    told_flags = old.ss_flags;
    set_on_it = CALL(sigaltstack, &none, 0);
    was_on_it |= (((ucontext_t *)context)->uc_stack.ss_sp == on_area) << 1;
}

static void on_alternate_stack(void)
{
    stack_t stack = {.ss_sp = on_area, .ss_size = sizeof on_area}, old;
    CALL(sigaltstack, &stack, 0);
    set_handler(SIGUSR1, SA_ONSTACK, looks_at_stack);
    CALL(tkill, CALL(getpid), SIGUSR1);
    text("rt_sigaction with SA_ONSTACK", "%d, flags %d", was_on_it, told_flags);
    tell("sigaltstack while it is in use", set_on_it);
    set_handler(SIGUSR1, 0, looks_at_stack);
    CALL(tkill, CALL(getpid), SIGUSR1);
    text("rt_sigaction without SA_ONSTACK", "%d, flags %d", was_on_it, told_flags);
    stack.ss_flags = (int)(1u << 31);
    CALL(sigaltstack, &stack, 0);
    set_handler(SIGUSR1, SA_ONSTACK, looks_at_stack);
    CALL(tkill, CALL(getpid), SIGUSR1);
    text("sigaltstack that disarms itself, in a handler", "%d, flags %#x", was_on_it, told_flags);
    CALL(sigaltstack, 0, &old);
    text("sigaltstack that disarmed itself, afterwards", "%#x", old.ss_flags);
}

static volatile word mask_inside;
static void looks_at_mask(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    word now;
    CALL(rt_sigprocmask, 0, 0, &now, 8);
    mask_inside = now;
    if (nr_caught++ == 0)
        CALL(tkill, CALL(getpid), SIGUSR1);
}

static void masks_of_handlers(void)
{
    struct sigaction action = {.sa_sigaction = looks_at_mask, .sa_flags = SA_SIGINFO};
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGUSR1, &action, 0);
    CALL(tkill, CALL(getpid), SIGUSR1);
    text("rt_sigaction masks in the handler", "%#lx, %d", mask_inside, nr_caught);
    nr_caught = 0;
    action.sa_flags |= SA_NODEFER;
    sigaction(SIGUSR1, &action, 0);
    CALL(tkill, CALL(getpid), SIGUSR1);
    text("rt_sigaction with SA_NODEFER masks", "%#lx, %d", mask_inside, nr_caught);
    word after;
    CALL(rt_sigprocmask, 0, 0, &after, 8);
    text("rt_sigreturn brings the mask back", "%#lx", after);
}

static void changes_context(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    ucontext_t *u = context;
    u->uc_mcontext.gregs[REG_RAX] = 4321;
    u->uc_sigmask.__bits[0] = 1ul << (SIGTERM - 1);
}

static int has_proper_vectors;

// Looks how the frame says that the vector registers lie, and changes one of them.
static void look_at_vectors(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    ucontext_t *frame = context;
    char *state = (char *)frame->uc_mcontext.fpregs;
    uint32_t note[6];
    memcpy(note, state + 464, sizeof note);
    if (frame->uc_flags & 1)
        has_proper_vectors = note[0] == 0x46505853 && note[1] == note[4] + 4 && (note[2] & 3) == 3
                             && note[4] >= 576 && *(uint32_t *)(state + note[4]) == 0x46505845
                             && (uintptr_t)state % 64 == 0;
    else
        has_proper_vectors = note[0] != 0x46505853;
    state[160 + 16 * 5] = 42;
}

static void vectors_of_handlers(void)
{
    set_handler(SIGUSR1, 0, look_at_vectors);
    long value, result = SYS_kill;
    __asm__ volatile("pxor %%xmm5, %%xmm5\n\tsyscall\n\tmovq %%xmm5, %0"
                     : "=r"(value), "+a"(result) : "D"(CALL(getpid)), "S"((long)SIGUSR1)
                     : "rcx", "r11", "memory", "xmm5");
    fact("rt_sigaction shows how vector registers lie", has_proper_vectors);
    text("rt_sigreturn brings back what a handler put into a vector register", "%ld", value);
}

static void context_of_handlers(void)
{
    set_handler(SIGUSR1, 0, changes_context);
    tell("rt_sigreturn sets registers", CALL(tkill, CALL(getpid), SIGUSR1));
    word after;
    CALL(rt_sigprocmask, 0, 0, &after, 8);
    text("rt_sigreturn sets the mask", "%#lx", after);
}

static void returns_without_frame(void)
{
    __asm__ volatile("mov $8, %%rsp; mov $15, %%eax; syscall" ::: "memory");
}

static void returning(void) { ends("rt_sigreturn without a frame", returns_without_frame); }

const struct group handlers[] = {
    GROUP(alternate_stack), GROUP(on_alternate_stack), GROUP(masks_of_handlers),
    GROUP(context_of_handlers), GROUP(vectors_of_handlers), GROUP(returning),
    END_OF_GROUPS,
};
