// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spins for ever.

#include "note.inc"

1:  jmp 1b
