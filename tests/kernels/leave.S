// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Ends the machine with debug-exit value 5.

#include "note.inc"

    movw $0x501, %dx
    movw $5, %ax
    outw %ax, %dx
1:  jmp 1b
