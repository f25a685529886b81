// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Hands over console output that does not lie in RAM, and ends with debug-exit value 7 if it was
// refused or there is no console port, with 8 if it was taken.

#include "note.inc"

    movw $7, %ax
    cmpl $0, is_served
    je 2f
    movw $0x507, %dx
    outw %ax, %dx
    cmpl $0, length
    jne 2f
    movw $8, %ax
2:  movw $0x501, %dx
    outw %ax, %dx
1:  jmp 1b

    .data
    .balign 8
block:
    .quad 0xfffffffffff0        // address
length:
    .long 0x20
is_served:
    .long 0

    .section .note.seedvmm, "a", @note
    .balign 4
    .long 8                     // size of the name
    .long 8                     // size of the descriptor
    .long 3                     // console block
    .asciz "seedvmm"
    .quad block
