// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A program that needs an interpreter.

#include <stdio.h>

int main(void)
{
    puts("dynamic");
    return 0;
}
