// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// clone3 as C libraries call it, and what it refuses. Each line is a failure; the status is their
// number.

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

struct arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup, unknown[3];
};

enum { FIRST_SIZE = 64, KNOWN_SIZE = 88 };
#define CLEAR_SIGHAND 0x100000000ull
#define PARENT_SETTID 0x100000ull

static int failures;

static void check(const char *what, int is_right)
{
    if (!is_right) {
        printf("%s (errno %d)\n", what, errno);
        failures++;
    }
}

static void refuses(const char *what, struct arguments arguments, size_t size, int error)
{
    errno = 0;
    check(what, syscall(SYS_clone3, &arguments, size) == -1 && errno == error);
}

static void handler(int number) { (void)number; }

static int child(void)
{
    struct sigaction handled, ignored;
    sigaction(SIGUSR1, 0, &handled);
    sigaction(SIGUSR2, 0, &ignored);
    return handled.sa_handler == SIG_DFL && ignored.sa_handler == SIG_IGN ? 7 : 8;
}

int main(void)
{
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    int number = 0, status = 0;
    struct arguments arguments = {.flags = CLEAR_SIGHAND | PARENT_SETTID,
                                  .parent_tid = (uintptr_t)&number,
                                  .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, KNOWN_SIZE);
    if (pid == 0)
        _exit(child());
    check("a child", pid > 0 && number == pid);
    check("its end", waitpid((pid_t)pid, &status, 0) == pid && WEXITSTATUS(status) == 7);

    struct arguments plain = {.exit_signal = SIGCHLD}, wrong = plain;
    refuses("too small", plain, FIRST_SIZE - 1, EINVAL);
    refuses("too large", plain, 4097, E2BIG);
    wrong.unknown[2] = 1;
    refuses("an unknown field", wrong, sizeof wrong, E2BIG);
    wrong = plain;
    wrong.flags = SIGCHLD;
    refuses("a signal among the flags", wrong, FIRST_SIZE, EINVAL);
    wrong = plain;
    wrong.exit_signal = 256;
    refuses("no signal", wrong, FIRST_SIZE, EINVAL);
    wrong = plain;
    wrong.stack = (uintptr_t)&wrong;
    refuses("a stack without size", wrong, FIRST_SIZE, EINVAL);
    errno = 0;
    check("a bad address", syscall(SYS_clone3, 8, FIRST_SIZE) == -1 && errno == EFAULT);
    return failures;
}
