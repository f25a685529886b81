// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Entries for registers.c: load every register from memory, enter the kernel, store every register.
// Offsets are those of `struct registers`: fifteen words, the flags, then 32 vectors of 64 bytes.

#define FLAGS 120
#define VECTOR 128

    .text

#define SIXTEEN 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define SIXTEEN_MORE 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31

// Loads vectors of the width in rdx from the structure at rdi.
load_vectors:
    cmpq $32, %rdx
    jb 1f
    je 2f
    .irp i, SIXTEEN, SIXTEEN_MORE
    vmovdqu64 VECTOR + 64 * \i(%rdi), %zmm\i
    .endr
    ret
1:  .irp i, SIXTEEN
    movdqu VECTOR + 64 * \i(%rdi), %xmm\i
    .endr
    ret
2:  .irp i, SIXTEEN
    vmovdqu VECTOR + 64 * \i(%rdi), %ymm\i
    .endr
    ret

// Stores vectors of the width in rsi to the structure at rdi.
    .globl store_vectors
store_vectors:
    cmpq $32, %rsi
    jb 1f
    je 2f
    .irp i, SIXTEEN, SIXTEEN_MORE
    vmovdqu64 %zmm\i, VECTOR + 64 * \i(%rdi)
    .endr
    vzeroupper
    ret
1:  .irp i, SIXTEEN
    movdqu %xmm\i, VECTOR + 64 * \i(%rdi)
    .endr
    ret
2:  .irp i, SIXTEEN
    vmovdqu %ymm\i, VECTOR + 64 * \i(%rdi)
    .endr
    vzeroupper
    ret

// macro enter: name, instruction. Arguments: rdi in, rsi out, rdx bytes of a vector.
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

    call load_vectors
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

    movq 8(%rsp), %rsi          // the saved width
    call store_vectors
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
