// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Locks on files, and waiting on words of memory.

#include "case.h"

#include <sys/file.h>
#include <sys/socket.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10

static void whole_files(void)
{
    long one = make("data", "0123456789"), two = CALL(open, "data", O_RDONLY), copy = CALL(dup, one);
    T(flock, "shared", one, LOCK_SH);
    T(flock, "shared with others", two, LOCK_SH | LOCK_NB);
    T(flock, "alone while others share", one, LOCK_EX | LOCK_NB);
    T(flock, "that is given up", two, LOCK_UN);
    T(flock, "alone", one, LOCK_EX);
    T(flock, "alone, of a copy", copy, LOCK_EX | LOCK_NB);
    T(flock, "shared while another has it alone", two, LOCK_SH | LOCK_NB);
    CALL(close, one);
    T(flock, "while a copy is open", two, LOCK_EX | LOCK_NB);
    CALL(close, copy);
    T(flock, "after all copies are closed", two, LOCK_EX | LOCK_NB);
    T(flock, "in an unknown way", two, 16);
    T(flock, "in no way", two, 0);
    T(flock, "of a bad descriptor", 99, LOCK_SH);
    T(flock, "of a place", CALL(open, "data", O_PATH), LOCK_SH);
    int ends_[2];
    CALL(pipe, ends_);
    T(flock, "of a pipe", ends_[0], LOCK_SH | LOCK_NB);
    T(flock, "of a pipe's other end", ends_[1], LOCK_EX | LOCK_NB);
    CALL(close, ends_[0]);
    T(flock, "of a pipe whose other end is closed", ends_[1], LOCK_EX | LOCK_NB);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = 2, .l_len = 3};
    T(fcntl, "locks a range of a pipe", ends_[1], F_SETLK, &lock);
    CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, ends_);
    T(flock, "of a socket", ends_[0], LOCK_EX | LOCK_NB);
    T(flock, "of a socket's peer", ends_[1], LOCK_EX | LOCK_NB);
    T(flock, "of a counter", CALL(eventfd2, 0, 0), LOCK_EX | LOCK_NB);
    T(flock, "of a set, which is the same file as a counter", CALL(epoll_create1, 0), LOCK_EX | LOCK_NB);
}

static void told(const char *name, long result, struct flock *lock)
{
    if (result < 0)
        tell(name, result);
    else
        text(name, "type %d from %ld, %ld bytes, %s", lock->l_type, (long)lock->l_start, (long)lock->l_len,
             lock->l_pid == CALL(getppid) ? "parent" : lock->l_pid == -1 ? "a file" : "somebody");
}

static void records(void)
{
    long fd = make("data", "0123456789");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 3};
    T(fcntl, "locks a range", fd, F_SETLK, &lock);
    T(fcntl, "locks the range again", fd, F_SETLK, &lock);
    long pid = CALL(fork);
    if (pid == 0) {
        struct flock other = {.l_type = F_RDLCK, .l_start = 0, .l_len = 3};
        T(fcntl, "locks what another has", fd, F_SETLK, &other);
        told("fcntl tells who has it", CALL(fcntl, fd, F_GETLK, &other), &other);
        other = (struct flock){.l_type = F_WRLCK, .l_start = 5, .l_len = 0};
        T(fcntl, "locks the rest", fd, F_SETLK, &other);
        other = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -5, .l_len = -1};
        T(fcntl, "locks backwards from the end", fd, F_SETLK, &other);
        other = (struct flock){.l_type = F_RDLCK, .l_start = 0, .l_len = 1};
        told("fcntl tells that nobody has it", CALL(fcntl, fd, F_GETLK, &other), &other);
        CALL(exit_group, 0);
    }
    finish(pid);
    lock.l_type = F_UNLCK, lock.l_start = 3, lock.l_len = 1;
    T(fcntl, "unlocks the middle", fd, F_SETLK, &lock);
    pid = CALL(fork);
    if (pid == 0) {
        struct flock other = {.l_type = F_WRLCK, .l_start = 3, .l_len = 1};
        T(fcntl, "locks the freed middle", fd, F_SETLK, &other);
        other = (struct flock){.l_type = F_WRLCK, .l_start = 3, .l_len = 5};
        told("fcntl tells the upper part", CALL(fcntl, fd, F_GETLK, &other), &other);
        CALL(exit_group, 0);
    }
    finish(pid);
    lock = (struct flock){.l_type = 9};
    T(fcntl, "locks in an unknown way", fd, F_SETLK, &lock);
    lock = (struct flock){.l_type = F_WRLCK, .l_whence = 9};
    T(fcntl, "locks from an unknown place", fd, F_SETLK, &lock);
    lock = (struct flock){.l_type = F_WRLCK, .l_start = -1};
    T(fcntl, "locks before the start", fd, F_SETLK, &lock);
    lock = (struct flock){.l_type = F_WRLCK, .l_start = 1, .l_len = INT64_MAX};
    T(fcntl, "locks more than there can be", fd, F_SETLK, &lock);
    lock = (struct flock){.l_type = F_UNLCK};
    T(fcntl, "asks about no lock", fd, F_GETLK, &lock);
    FAULTS(fcntl, "locks from a bad pointer", fd, F_SETLK, bad);
    long only = CALL(open, "data", O_RDONLY);
    lock = (struct flock){.l_type = F_WRLCK};
    T(fcntl, "locks to write what was opened for reading", only, F_SETLK, &lock);
    CALL(close, only);
    lock = (struct flock){.l_type = F_WRLCK, .l_start = 0, .l_len = 1};
    CALL(fcntl, fd, F_SETLK, &lock);
    long other = CALL(open, "data", O_RDWR);
    T(fcntl, "locks for an open file what the process has", other, 37, &lock);
    CALL(close, CALL(open, "data", O_RDONLY));
    T(fcntl, "locks for an open file after any close", other, 37, &lock);
    lock.l_pid = 5;
    T(fcntl, "locks for an open file and a process", other, 37, &lock);
    lock = (struct flock){.l_type = F_WRLCK, .l_start = 0, .l_len = 1};
    told("fcntl tells that a file has it", CALL(fcntl, fd, F_GETLK, &lock), &lock);
}

static void waiting_for_locks(void)
{
    long fd = make("data", "0123456789");
    struct flock lock = {.l_type = F_WRLCK, .l_start = 0, .l_len = 1};
    CALL(fcntl, fd, F_SETLK, &lock);
    long pid = CALL(fork);
    if (pid == 0) {
        struct flock both = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
        CALL(fcntl, fd, F_SETLK, &both);
        shared[0] = 1;
        both.l_start = 0;
        T(fcntl, "waits for a lock", fd, F_SETLKW, &both);
        CALL(exit_group, 0);
    }
    wait_while(&shared[0], 0);
    rest_ms(20);
    lock.l_start = 1;
    T(fcntl, "waits in a circle", fd, F_SETLKW, &lock);
    lock.l_start = 0, lock.l_type = F_UNLCK;
    CALL(fcntl, fd, F_SETLK, &lock);
    finish(pid);
    long two = CALL(open, "data", O_RDWR);
    CALL(flock, fd, LOCK_EX);
    pid = CALL(fork);
    if (pid == 0) {
        CALL(close, fd);
        T(flock, "waits for a lock", two, LOCK_EX);
        CALL(exit_group, 0);
    }
    rest_ms(20);
    CALL(flock, fd, LOCK_UN);
    finish(pid);
}

static void waits_on_word(void)
{
    CALL(futex, &shared[10], FUTEX_WAIT, 0, 0);
    shared[11]++;
}

static void words(void)
{
    volatile int *word_ = (volatile int *)&shared[10];
    struct timespec time = {0, 5000000}, wrong = {0, -1};
    *word_ = 0;
    T(futex, "wakes nobody", word_, FUTEX_WAKE, 1);
    T(futex, "waits for another value", word_, FUTEX_WAIT, 1, 0);
    T(futex, "waits for some time", word_, FUTEX_WAIT, 0, &time);
    T(futex, "waits for a wrong time", word_, FUTEX_WAIT, 0, &wrong);
    T(futex, "waits at an odd address", (char *)word_ + 1, FUTEX_WAIT, 0, 0);
    T(futex, "of an unknown operation", word_, 99, 0, 0);
    T(futex, "waits for no bits", word_, FUTEX_WAIT_BITSET, 0, &time, 0, 0);
    T(futex, "wakes for no bits", word_, FUTEX_WAKE_BITSET, 1, 0, 0, 0);
    T(futex, "moves where the value differs", word_, FUTEX_CMP_REQUEUE, 1, 1, word_ + 2, 5);
    T(futex, "moves a negative number", word_, FUTEX_REQUEUE, 1, -1, word_ + 2, 0);
    time = (struct timespec){0, 0};
    T(futex, "waits until a time that has passed", word_, FUTEX_WAIT_BITSET, 0, &time, 0, ~0u);
    FAULTS_BUT_NULL(futex, "waits for a bad time", word_, FUTEX_WAIT, 0, bad);
    T(futex, "waits at no place", 0, FUTEX_WAIT, 0, 0);
    T(futex, "waits beyond the user half", 0xffff800000000000, FUTEX_WAIT, 0, 0);
    long one = start(waits_on_word), two = start(waits_on_word);
    rest_ms(30);
    T(futex, "wakes one of two", word_, FUTEX_WAKE, 1);
    rest_ms(20);
    text("futex wakes one", "%ld", shared[11]);
    T(futex, "moves the other", word_, FUTEX_REQUEUE, 0, 1, word_ + 2, 0);
    T(futex, "wakes nobody where it was", word_, FUTEX_WAKE, 1);
    T(futex, "wakes it where it went", word_ + 2, FUTEX_WAKE, 10);
    // One that was too late for all this would wait for ever.
    *word_ = 1;
    CALL(futex, word_, FUTEX_WAKE, 10);
    finish(one), finish(two);
    text("futex wakes both", "%ld", shared[11]);
}

const struct group locks[] = {
    GROUP(whole_files), GROUP(records), GROUP(waiting_for_locks), GROUP(words), END_OF_GROUPS,
};
