// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Exits with the status that its first argument names.

#include "seed.h"

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    return argc > 1 ? number(argv[1]) : 0;
}
