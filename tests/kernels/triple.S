// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Takes an exception without a table to take it with: a triple fault.

#include "note.inc"

    lidt empty
    ud2

    .balign 8
empty:
    .word 0
    .long 0
