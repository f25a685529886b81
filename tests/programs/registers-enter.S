// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Entries for registers.c: load every register from memory, enter the kernel, store every register.
// Offsets are those of `struct registers`: fifteen words, the flags, then sixteen vectors of 32 bytes.

#define FLAGS 120
#define VECTOR 128

    .text

// macro enter: name, instruction. Arguments: rdi in, rsi out, rdx non-zero to use 32-byte vectors.
.macro enter name, instruction:vararg
    .globl \name
\name:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdx
    pushq %rsi

    testq %rdx, %rdx
    jz 1f
    .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu VECTOR + 32 * \i(%rdi), %ymm\i
    .endr
    jmp 2f
1:  .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqu VECTOR + 32 * \i(%rdi), %xmm\i
    .endr
2:
    pushq FLAGS(%rdi)
    movq 0(%rdi), %rax
    movq 8(%rdi), %rbx
    movq 16(%rdi), %rcx
    movq 24(%rdi), %rdx
    movq 32(%rdi), %rsi
    movq 48(%rdi), %rbp
    movq 56(%rdi), %r8
    movq 64(%rdi), %r9
    movq 72(%rdi), %r10
    movq 80(%rdi), %r11
    movq 88(%rdi), %r12
    movq 96(%rdi), %r13
    movq 104(%rdi), %r14
    movq 112(%rdi), %r15
    movq 40(%rdi), %rdi
    popfq

    \instruction

    pushfq
    pushq %rdi
    movq 16(%rsp), %rdi         // the saved out pointer
    movq %rax, 0(%rdi)
    movq %rbx, 8(%rdi)
    movq %rcx, 16(%rdi)
    movq %rdx, 24(%rdi)
    movq %rsi, 32(%rdi)
    movq %rbp, 48(%rdi)
    movq %r8, 56(%rdi)
    movq %r9, 64(%rdi)
    movq %r10, 72(%rdi)
    movq %r11, 80(%rdi)
    movq %r12, 88(%rdi)
    movq %r13, 96(%rdi)
    movq %r14, 104(%rdi)
    movq %r15, 112(%rdi)
    popq %rax
    movq %rax, 40(%rdi)
    popq FLAGS(%rdi)
    cld

    cmpq $0, 8(%rsp)            // the saved width
    je 3f
    .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovdqu %ymm\i, VECTOR + 32 * \i(%rdi)
    .endr
    vzeroupper
    jmp 4f
3:  .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movdqu %xmm\i, VECTOR + 32 * \i(%rdi)
    .endr
4:
    addq $16, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.endm

    enter enter_syscall, syscall
    enter enter_int80, int $0x80
    enter enter_fault, movb $1, (%rsi)

    .globl lose_red_zone
lose_red_zone:
    movl $16, %ecx
1:  leaq 0x5a5a(,%rcx,8), %rax
    negq %rcx
    movq %rax, (%rsp,%rcx,8)
    negq %rcx
    loop 1b

    movl $39, %eax              // getpid
    syscall

    movl $16, %ecx
2:  leaq 0x5a5a(,%rcx,8), %rax
    negq %rcx
    cmpq %rax, (%rsp,%rcx,8)
    jne 3f
    negq %rcx
    loop 2b
    xorl %eax, %eax
    ret
3:  movl $1, %eax
    ret

    .section .note.GNU-stack, "", @progbits
