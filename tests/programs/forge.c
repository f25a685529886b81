// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Prints what the kernel prints when a program exits with 0, then exits with its first argument.

#include "seed.h"

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    say("\x1eseedkernel: end exited 0\n");
    return argc > 1 ? number(argv[1]) : 0;
}
