// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Says hello on standard output.

#include "seed.h"

int main(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    say("hello\n");
    return 0;
}
