// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Dies in the way that its first argument names. Returns 99 if it survives, 98 if it does not know
// the way. Every way ends on Linux, too, with the signal that the test expects.

#include "seed.h"

static const char constant[4096] __attribute__((aligned(4096))) = "read-only";
static unsigned char data[4096] __attribute__((aligned(4096))) = {0xc3};

// In assembly, so that the compiler does not reason about the addresses.
static void read_at(word address) { __asm__ volatile("movb (%0), %%al" ::"r"(address) : "eax"); }
static void write_at(word address) { __asm__ volatile("movb $1, (%0)" ::"r"(address) : "memory"); }
static void jump_to(word address) { __asm__ volatile("call *%0" ::"r"(address) : "memory"); }
static void overflow(void) { __asm__ volatile("1: pushq $1\n jmp 1b"); }

static void run_stack(void)
{
    volatile unsigned char code[16] = {0xc3};
    jump_to((word)code);
}

static void divide_by_zero(void)
{
    __asm__ volatile("xorl %%ecx, %%ecx\n xorl %%edx, %%edx\n movl $1, %%eax\n divl %%ecx" ::: "eax", "ecx", "edx");
}

// With the divide-by-zero exception unmasked in MXCSR, divss raises #XM.
static void divide_floats(void)
{
    unsigned int control = 0x1f80 & ~(1u << 9);
    __asm__ volatile("ldmxcsr %0\n"
                     "movl $1, %%eax\n cvtsi2ss %%eax, %%xmm0\n"
                     "xorps %%xmm1, %%xmm1\n divss %%xmm1, %%xmm0" ::"m"(control) : "eax", "xmm0", "xmm1");
}

// With the divide-by-zero exception unmasked in the control word, the next waiting x87 instruction
// raises #MF.
static void divide_x87(void)
{
    unsigned short control = 0x37f & ~(1u << 2);
    __asm__ volatile("fninit\n fldcw %0\n fld1\n fldz\n fdivrp\n fwait" ::"m"(control));
}

static void touch_debug_exit(void)
{
    __asm__ volatile("movw $0x501, %%dx\n movw $7, %%ax\n outw %%ax, %%dx" ::: "eax", "edx");
}

static void touch_serial(void)
{
    __asm__ volatile("movw $0x3f8, %%dx\n movb $0x41, %%al\n outb %%al, %%dx" ::: "eax", "edx");
}

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    const char *way = argc > 1 ? argv[1] : "";
    if (same(way, "null-read")) read_at(0);
    else if (same(way, "null-write")) write_at(8);
    else if (same(way, "null-jump")) jump_to(0);
    else if (same(way, "last-of-page-0")) read_at(0xfff);
    else if (same(way, "undefined")) __asm__ volatile("ud2");
    else if (same(way, "divide")) divide_by_zero();
    else if (same(way, "divide-sse")) divide_floats();
    else if (same(way, "divide-x87")) divide_x87();
    else if (same(way, "overflow")) overflow();
    else if (same(way, "kernel-jump")) jump_to(0xffffffff80000000);
    else if (same(way, "kernel-read")) read_at(0xffffffff80000000);
    else if (same(way, "kernel-write")) write_at(0xffff800000000000);
    else if (same(way, "image-read")) read_at(0x100000);
    else if (same(way, "image-jump")) jump_to(0x100000);
    else if (same(way, "device-read")) read_at(0xfeb00000);
    else if (same(way, "noncanonical-read")) read_at(0x8000000000000000);
    else if (same(way, "noncanonical-jump")) jump_to(0x8000000000000000);
    else if (same(way, "stack-run")) run_stack();
    else if (same(way, "data-run")) jump_to((word)data);
    else if (same(way, "constant-write")) write_at((word)constant);
    else if (same(way, "text-write")) write_at((word)main);
    else if (same(way, "halt")) __asm__ volatile("hlt");
    else if (same(way, "mask-interrupts")) __asm__ volatile("cli");
    else if (same(way, "debug-exit-port")) touch_debug_exit();
    else if (same(way, "serial-port")) touch_serial();
    else if (same(way, "control-register")) __asm__ volatile("movq %%cr3, %%rax" ::: "rax");
    else if (same(way, "model-register")) __asm__ volatile("movl $0xc0000082, %%ecx\n rdmsr" ::: "eax", "ecx", "edx");
    else if (same(way, "descriptor-table")) __asm__ volatile("lgdt (%%rsp)" ::: "memory");
    else if (same(way, "breakpoint")) __asm__ volatile("int3");
    else if (same(way, "enter-32-bits")) {
        // A far jump to the selector that Linux has 32-bit code at.
        static struct { unsigned offset; unsigned short selector; }
            __attribute__((packed)) target = { 0x1000, 0x23 };
        __asm__ volatile("ljmp *%0" : : "m"(target));
    } else if (same(way, "interrupt-81")) __asm__ volatile("int $0x81");
    else if (same(way, "interrupt-page-fault")) __asm__ volatile("int $14");
    else return 98;
    return 99;
}
