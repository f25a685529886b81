// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Prints what CPUID tells a program: leaf, subleaf, EAX, EBX, ECX, EDX, then the brand.

#include "seed.h"

static const unsigned leaves[][2] = {
    {0, 0},          {1, 0},          {5, 0},          {7, 0},          {0xd, 0},
    {0xd, 1},        {0xd, 2},        {0x40000000, 0}, {0x80000000, 0}, {0x80000001, 0},
    {0x80000005, 0}, {0x80000006, 0}, {0x80000008, 0},
};

static void ask(unsigned leaf, unsigned subleaf, unsigned words[4])
{
    words[0] = leaf;
    words[2] = subleaf;
    __asm__ volatile("cpuid" : "+a"(words[0]), "=b"(words[1]), "+c"(words[2]), "=d"(words[3]));
}

static void say_word(unsigned value)
{
    char text[9] = "........";
    for (int i = 0; i < 8; i++)
        text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 15];
    say(text);
}

int main(int argc, char **argv, char **envp)
{
    (void)argc, (void)argv, (void)envp;
    union {
        unsigned words[12];
        char text[49];
    } brand = {{0}};
    for (unsigned i = 0; i < 3; i++)
        ask(0x80000002 + i, 0, brand.words + 4 * i);
    say(brand.text), say("\n");
    for (unsigned i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        unsigned words[4];
        ask(leaves[i][0], leaves[i][1], words);
        say_word(leaves[i][0]), say(" "), say_word(leaves[i][1]), say(":");
        for (int j = 0; j < 4; j++)
            say(" "), say_word(words[j]);
        say("\n");
    }
    return 0;
}
