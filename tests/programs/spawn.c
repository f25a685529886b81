// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The seed's own call: the probe, a child that runs to its end, and what waitid tells of it.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (argc > 2) {
        printf("child: %s %s\n", argv[0], argv[2]);
        return 7;
    }
    char *none[] = { 0 }, *arguments[] = { "me", "child", "argument", 0 };
    long result = syscall(1024, "", none);
    printf("probe: %s\n", result == -1 && errno == ENOENT ? "ENOENT" : "something else");
    result = syscall(1024, "/no/such/program", none);
    printf("missing: %s\n", result == -1 && errno == ENOENT ? "ENOENT" : "something else");
    result = syscall(1024, "/init", arguments);
    puts(result > 1 ? "spawned" : "not spawned");
    char info[128] = { 0 };
    int code, status;
    result = syscall(SYS_waitid, 1, result, info, 4, 0);
    memcpy(&code, info + 8, 4);
    memcpy(&status, info + 24, 4);
    printf("waitid: %ld, code %d, status %d\n", result, code, status);
    return 0;
}
