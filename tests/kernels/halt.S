// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Halts with interrupts masked: nothing can wake the machine.

#include "note.inc"

    cli
1:  hlt
    jmp 1b
