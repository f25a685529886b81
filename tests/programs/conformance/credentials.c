// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Identities, and what a process says about itself.

#include "case.h"

static void identities(void)
{
    unsigned ids[3] = {9, 9, 9};
    T(getuid, "of user 0");
    T(geteuid, "of user 0");
    T(getgid, "of group 0");
    T(getegid, "of group 0");
    T(getresuid, "of user 0", ids, ids + 1, ids + 2);
    text("getresuid tells", "%u %u %u", ids[0], ids[1], ids[2]);
    T(getresgid, "of group 0", ids, ids + 1, ids + 2);
    FAULTS(getresuid, "to a bad pointer", bad, ids, ids);
    FAULTS(getresgid, "to a bad pointer", ids, bad, ids);
    T(setuid, "to 0", 0);
    T(setgid, "to 0", 0);
    T(setreuid, "to 0", 0, 0);
    T(setreuid, "to nobody else", -1, -1);
    T(setregid, "to 0", 0, 0);
    T(setresuid, "to 0", 0, 0, 0);
    T(setresuid, "to nobody else", -1, -1, -1);
    T(setresgid, "to 0", 0, 0, 0);
    T(setuid, "to -1", -1);
    T(setgid, "to -1", -1);
    T(setfsuid, "to -1", -1);
    T(setfsgid, "to -1", -1);
    T(setgroups, "to none", 0, 0);
    T(getgroups, "to count", 0, 0);
    T(getgroups, "of a negative count", -1, ids);
    T(setgroups, "to too many", 1 << 20, ids);
    FAULTS(setgroups, "of a bad pointer", 1, bad);
}

static void properties(void)
{
    char name[17] = "";
    T(prctl, "names", 15, "a name that is too long");
    T(prctl, "asks for its name", 16, name);
    text("prctl tells its name", "%s", name);
    FAULTS(prctl, "names from a bad pointer", 15, bad);
    FAULTS(prctl, "asks for its name to a bad pointer", 16, bad);
    T(prctl, "asks whether it is dumpable", 3);
    T(prctl, "makes it not dumpable", 4, 0);
    T(prctl, "asks whether it is still dumpable", 3);
    T(prctl, "makes it dumpable in an unknown way", 4, 9);
    T(prctl, "asks whether it keeps capabilities", 7);
    T(prctl, "asks for a bound", 23, 0);
    T(prctl, "asks for an unknown bound", 23, 99);
    T(prctl, "asks whether it can gain rights", 39, 0, 0, 0, 0);
    T(prctl, "asks whether it can gain rights, with more", 39, 1, 0, 0, 0);
    T(prctl, "gains no more rights", 38, 1, 0, 0, 0);
    T(prctl, "asks again whether it can gain rights", 39, 0, 0, 0, 0);
    T(prctl, "can gain rights again", 38, 0, 0, 0, 0);
    T(prctl, "of an unknown option", 9999);
    T(prctl, "sets an unknown signal of the parent's end", 1, 99);
    T(prctl, "asks for the slack of timers", 30);
    T(prctl, "asks for the way of time stamps", 13);
    T(personality, "to ask", 0xffffffff);
    unsigned long base = 0;
    T(arch_prctl, "asks for FS", 0x1003, &base);
    fact("arch_prctl tells FS", base && *(unsigned long *)base == base);
    T(arch_prctl, "sets GS", 0x1001, 0x123456789000);
    T(arch_prctl, "asks for GS", 0x1004, &base);
    text("arch_prctl tells GS", "%#lx", base);
    T(arch_prctl, "of an unknown code", 0x9999, &base);
    T(arch_prctl, "sets FS beyond the user half", 0x1002, 0xffff800000000000);
    FAULTS(arch_prctl, "asks for FS to a bad pointer", 0x1003, bad);
    fact("set_tid_address tells the number", CALL(set_tid_address, &base) == CALL(getpid));
    T(set_robust_list, "of the right size", 0, 24);
    T(set_robust_list, "of the wrong size", 0, 8);
    uint32_t header[2] = {0x20080522, 0}, data[6] = {0};
    T(capget, "of itself", header, data);
    fact("capget tells that user 0 may change owners", data[0] & 1);
    header[0] = 1;
    T(capget, "of an unknown version", header, data);
    text("capget tells the version", "%#x", header[0]);
    FAULTS(capget, "of a bad pointer", bad, data);
    header[0] = 0x20080522;
    T(capset, "of what it has", header, (CALL(capget, header, data), data));
    FAULTS(capset, "of a bad pointer", bad, data);
}

const struct group credentials[] = {GROUP(identities), GROUP(properties), END_OF_GROUPS};
