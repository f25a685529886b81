// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Signals: what each does by default, and what an exception of the processor tells.

#include "case.h"

static void dies_of(int signal) { CALL(kill, CALL(getpid), signal); }

static void defaults(void)
{
    char found[400] = "";
    for (int signal = 1; signal <= 64; signal++) {
        long pid = CALL(fork);
        if (pid == 0) {
            dies_of(signal);
            CALL(exit_group, 0);
        }
        int status;
        CALL(wait4, pid, &status, WUNTRACED, 0);
        char end = WIFSTOPPED(status) ? 's' : WIFSIGNALED(status) ? 'k' : '-';
        found[strlen(found)] = end;
        if (WIFSTOPPED(status)) {
            CALL(kill, pid, SIGKILL);
            CALL(wait4, pid, &status, 0, 0);
        }
    }
    text("kill ends, stops or does nothing", "%s", found);
}

static void divides(void) { __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; idiv %%ecx" ::: "rax", "rcx", "rdx"); }
static void undefined(void) { __asm__ volatile("ud2"); }
static void breaks(void) { __asm__ volatile("int3"); }
static void privileged(void) { __asm__ volatile("hlt"); }
static void not_canonical(void) { (void)*(volatile char *)0x8000000000000000; }
static void int_0x81(void) { __asm__ volatile("int $0x81"); }

static void traces(void) { __asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop" ::: "cc", "memory"); }

// With exceptions unmasked in the x87 control word, the next waiting instruction raises them.
static void x87(unsigned short control, double above, double below)
{
    float ratio;
    __asm__ volatile("fninit; fldcw %1; fldl %2; fdivl %3; fstps %0; fwait"
                     : "=m"(ratio) : "m"(control), "m"(above), "m"(below));
}
static void x87_by_zero(void) { x87(0x37b, 1, 0); }
static void x87_invalid(void) { x87(0x37e, 0, 0); }
static void x87_overflow(void) { x87(0x377, 1e300, 1e-300); }
static void x87_underflow(void) { x87(0x36f, 1e-300, 1e300); }
static void x87_inexact(void) { x87(0x35f, 1, 3); }

static void reports(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    text((char *)shared + 1024, "signal %d, code %d, at %s", info->si_signo, info->si_code,
         info->si_addr == (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] ? "the instruction"
         : info->si_addr                                                              ? "elsewhere"
                                                                                      : "nothing");
    CALL(exit_group, 0);
}

static void report_of(const char *name, void (*body)(void), int only_default)
{
    strcpy((char *)shared + 1024, name);
    long pid = CALL(fork);
    if (pid == 0) {
        for (int signal = 1; signal < 32 && !only_default; signal++)
            set_handler(signal, 0, reports);
        block(only_default);
        body();
        CALL(exit_group, 99);
    }
    int status = finish(pid);
    if (status)
        text(name, "%#x", status);
}

static void exceptions(void)
{
    report_of("rt_sigaction of a division by zero", divides, 0);
    report_of("rt_sigaction of an unknown instruction", undefined, 0);
    report_of("rt_sigaction of a breakpoint", breaks, 0);
    report_of("rt_sigaction of a privileged instruction", privileged, 0);
    report_of("rt_sigaction of an address that cannot be", not_canonical, 0);
    report_of("rt_sigaction of an unknown interrupt", int_0x81, 0);
    report_of("rt_sigaction of a step", traces, 0);
    report_of("rt_sigaction of an x87 division by zero", x87_by_zero, 0);
    report_of("rt_sigaction of an x87 value that is none", x87_invalid, 0);
    report_of("rt_sigaction of an x87 overflow", x87_overflow, 0);
    report_of("rt_sigaction of an x87 underflow", x87_underflow, 0);
    report_of("rt_sigaction of an x87 rounding", x87_inexact, 0);
    report_of("rt_sigaction of a division by zero while it is blocked", divides, SIGFPE);
}

const struct group dying[] = {GROUP(defaults), GROUP(exceptions), END_OF_GROUPS};
