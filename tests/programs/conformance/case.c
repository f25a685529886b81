// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the cases stand on; see case.h.

#include "case.h"

#include <stdarg.h>
#include <sys/time.h>

const word bad_pointers[NR_BAD_POINTERS] = {
    // Page 0, beyond the user half, not canonical, the last byte.
    0, 1, 0xffff800000000000, 0x8000000000000000, ~0ul,
};

char long_name[257], long_path[4200];
volatile long *shared;

#define E(name) [name] = #name
static const char *const errors[] = {
    E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF),
    E(ECHILD), E(EAGAIN), E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST), E(EXDEV),
    E(ENODEV), E(ENOTDIR), E(EISDIR), E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY),
    E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK), E(EPIPE), E(EDOM), E(ERANGE), E(EDEADLK),
    E(ENAMETOOLONG), E(ENOSYS), E(ENOTEMPTY), E(ELOOP), E(ENODATA), E(EOVERFLOW), E(ELIBBAD), E(ENOTSOCK),
    E(EDESTADDRREQ), E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT),
    E(ESOCKTNOSUPPORT), E(EOPNOTSUPP), E(EAFNOSUPPORT), E(ECONNRESET), E(EISCONN), E(ENOTCONN),
    E(ETIMEDOUT), E(ECONNREFUSED), E(ECANCELED),
};

void text(const char *name, const char *format, ...)
{
    char line[512];
    int used = snprintf(line, sizeof line, "%s: ", name);
    va_list arguments;
    va_start(arguments, format);
    used += vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    line[used++] = '\n';
    // At once and whole: the process may not get to its end.
    CALL(write, 1, line, used);
}

static int is_error(long result) { return result < 0 && result >= -4095; }

long tell(const char *name, long result)
{
    size_t number = (size_t)-result;
    if (!is_error(result))
        text(name, "%ld", result);
    else if (number < sizeof errors / sizeof *errors && errors[number])
        text(name, "%s", errors[number]);
    else
        text(name, "error %zu", number);
    return result;
}

long works(const char *name, long result)
{
    if (is_error(result))
        return tell(name, result);
    text(name, "ok");
    return result;
}

void fact(const char *name, int is_so) { text(name, "%s", is_so ? "yes" : "no"); }

long start(void (*body)(void))
{
    long pid = CALL(fork);
    if (pid == 0) {
        body();
        CALL(exit_group, 0);
    }
    return pid;
}

int finish(long pid)
{
    int status = -1;
    CALL(wait4, pid, &status, 0, 0);
    return status;
}

void ends(const char *name, void (*body)(void))
{
    int status = finish(start(body));
    if (WIFEXITED(status))
        text(name, "exit %d", WEXITSTATUS(status));
    else
        text(name, "signal %d", WTERMSIG(status));
}

long make(const char *path, const char *content)
{
    long fd = CALL(open, path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0 && *content)
        CALL(write, fd, content, strlen(content));
    return fd;
}

void file(const char *path, const char *content) { CALL(close, make(path, content)); }

int has(long fd, const char *content)
{
    char bytes[300];
    long got = CALL(pread64, fd, bytes, sizeof bytes, 0);
    return got == (long)strlen(content) && !memcmp(bytes, content, (size_t)got);
}

long size_of(const char *path)
{
    struct stat status;
    long result = CALL(stat, path, &status);
    return result ? result : status.st_size;
}

long limit(int resource, unsigned long soft, unsigned long hard)
{
    word limits[2] = {soft, hard};
    return CALL(prlimit64, 0, resource, limits, 0);
}

void wait_while(volatile long *word_, long value)
{
    for (int i = 0; *word_ == value && i < 2000; i++)
        rest_ms(1);
}

void rest_ms(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    CALL(clock_nanosleep, CLOCK_MONOTONIC, 0, &time, 0);
}

static void ignore(int signal, siginfo_t *info, void *context) { (void)signal, (void)info, (void)context; }

void alarm_soon(void)
{
    const struct itimerval soon = {{0, 0}, {0, 20000}};
    set_handler(SIGALRM, 0, ignore);
    CALL(setitimer, ITIMER_REAL, &soon, 0);
}

void set_handler(int signal, unsigned long flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = (int)(flags | SA_SIGINFO)};
    sigaction(signal, &action, 0);
}

void block(int signal)
{
    word set = 1ul << (signal - 1);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
}

void unblock(int signal)
{
    word set = 1ul << (signal - 1);
    CALL(rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
}
