// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Prints its arguments, then its environment, one to a line, in brackets.

#include "seed.h"

int main(int argc, char **argv, char **envp)
{
    (void)argc;
    for (char **arg = argv; *arg; arg++)
        say("arg ["), say(*arg), say("]\n");
    for (char **variable = envp; *variable; variable++)
        say("env ["), say(*variable), say("]\n");
    return 0;
}
