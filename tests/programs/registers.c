// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Fills every register with a pattern, enters the kernel, and checks that only those changed that a
// system call may change (rax, rcx, r11), and none at all when a page fault was served. Vector
// registers are checked at the width that the processor announces. The status counts what is wrong.
// With the argument "int80" the calls are made through `int $0x80` as well.

#include "registers.h"

// Returns 0 when the 128 bytes below the stack pointer survive a system call.
int lose_red_zone(void);

static int failures;
static unsigned char fresh[64 << 12] __attribute__((aligned(4096)));

static void fill(struct registers *in, word seed)
{
    for (int i = 0; i < 15; i++) {
        seed += 0x9e3779b97f4a7c15;
        in->general[i] = seed ^ (seed >> 29);
    }
    fill_vectors(in, seed);
    in->flags = 0x2;
}

static void report(const char *what, const char *part, word index, word wanted, word got)
{
    say("FAIL "), say(what), say(": "), say(part), say(" "), say_hex(index);
    say(" was "), say_hex(wanted), say(", is "), say_hex(got), say("\n");
    failures++;
}

static void compare(const char *what, const struct registers *in, const struct registers *out, word width,
                    int is_call)
{
    for (word i = 0; i < 15; i++)
        if (!(is_call && (i == RAX || i == RCX || i == R11)) && in->general[i] != out->general[i])
            report(what, "general", i, in->general[i], out->general[i]);
    // Carry, parity, adjust, zero, sign, interrupt, direction, overflow.
    word mask = 0xcd5 & ~0x200ul;
    if ((in->flags & mask) != (out->flags & mask))
        report(what, "flags", 0, in->flags, out->flags);
    for (int i = 0; i < nr_vectors(width); i++)
        for (word j = 0; j < width; j++)
            if (in->vector[i][j] != out->vector[i][j]) {
                report(what, "vector", (word)i, in->vector[i][j], out->vector[i][j]);
                break;
            }
}

static void check(const char *what, entry *enter, word width, int is_call, word number, word a, word b, word c)
{
    static struct registers in, out;
    static const word flags[] = {0x2, 0x2 | 0x8d5, 0x2 | 0x400};
    int before = failures;
    for (int i = 0; i < 3; i++) {
        fill(&in, number + (word)i);
        in.flags = flags[i];
        if (is_call) {
            in.general[RAX] = number;
            in.general[RDI] = a;
            in.general[RSI] = b;
            in.general[RDX] = c;
        } else {
            in.general[RSI] = a + ((word)i << 12);
        }
        enter(&in, &out, width);
        compare(what, &in, &out, width, is_call);
    }
    if (failures == before)
        say("ok "), say(what), say("\n");
}

int main(int argc, char **argv, char **envp)
{
    (void)envp;
    word width = vector_width();
    static char buffer[8192];

    check("getpid by syscall", enter_syscall, width, 1, SYS_getpid, 1, 2, 3);
    check("unknown call by syscall", enter_syscall, width, 1, 9999, 1, 2, 3);
    check("failing open by syscall", enter_syscall, width, 1, SYS_open, (word) "missing", 0, 0);
    long fd = call3(SYS_open, (word) "in/data", 0, 0);
    if (fd < 0)
        report("open in/data", "result", 0, 0, (word)fd);
    check("read of two pages by syscall", enter_syscall, width, 1, SYS_read, (word)fd, (word)buffer, 8192);
    if (argc > 1 && same(argv[1], "int80")) {
        check("getpid by int 0x80", enter_int80, width, 1, SYS_getpid, 1, 2, 3);
        check("failing open by int 0x80", enter_int80, width, 1, SYS_open, (word) "missing", 0, 0);
    }
    check("page fault", enter_fault, width, 0, 1, (word)fresh, 0, 0);
    if (lose_red_zone())
        report("red zone", "bytes", 0, 0, 1);
    else
        say("ok red zone\n");
    return failures > 100 ? 100 : failures;
}
