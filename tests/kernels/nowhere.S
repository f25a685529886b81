// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Writes where there is neither RAM nor a device, then ends with debug-exit value 6.

#include "note.inc"

    movl $0x12345678, 0xd0000000
    movw $0x501, %dx
    movw $6, %ax
    outw %ax, %dx
1:  jmp 1b
