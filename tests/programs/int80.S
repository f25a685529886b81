// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Writes a line and exits with 42, all through `int $0x80`, which takes the numbers and registers of
// `syscall` here. In between it makes sure that a page fault served after such a call changes nothing.

    .globl _start
    .text
_start:
    movl $1, %eax               // write
    movl $1, %edi
    leaq text(%rip), %rsi
    movl $text_end - text, %edx
    int $0x80
    cmpq $text_end - text, %rax
    jne wrong

    movl $0x1234567, %ebx
    movb $1, fresh(%rip)        // first touch of a page
    cmpl $0x1234567, %ebx
    jne wrong

    movl $39, %eax              // getpid, by both entries
    int $0x80
    movq %rax, %rbx
    movl $39, %eax
    syscall
    cmpq %rax, %rbx
    jne wrong

    movl $9999, %eax            // no such call
    int $0x80
    cmpq $-38, %rax             // -ENOSYS
    jne wrong

    movl $60, %eax              // exit
    movl $42, %edi
    int $0x80
wrong:
    movl $60, %eax
    movl $1, %edi
    int $0x80
    ud2

    .section .rodata
text:
    .ascii "through int 0x80\n"
text_end:

    .bss
    .balign 4096
    .skip 8192
fresh:
    .skip 8192

    .section .note.GNU-stack, "", @progbits
