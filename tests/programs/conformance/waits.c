// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What calls that wait for descriptors, words and signals refuse, and what ends their waiting.

#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static void waits_of_sets(void)
{
    struct timespec none = {0, 0}, long_ = {100, 0}, wrong = {0, -1};
    struct timeval far = {100, 0};
    struct epoll_event event = {EPOLLIN, {0}};
    word mask[2] = {0, 8};
    int ends_[2];
    CALL(pipe, ends_);
    long fd = make("data", ""), set = CALL(epoll_create1, 0);
    CALL(epoll_ctl, set, EPOLL_CTL_ADD, ends_[0], &event);
#define OF_EPOLL(call, time, ...)                                                   \
    T(call, "of a set that is closed", 99, &event, 1, time __VA_OPT__(,) __VA_ARGS__);  \
    T(call, "of a file", fd, &event, 1, time __VA_OPT__(,) __VA_ARGS__);                 \
    T(call, "of no room at all", set, &event, 0, time __VA_OPT__(,) __VA_ARGS__);        \
    T(call, "of too much room", set, &event, 1 << 30, time __VA_OPT__(,) __VA_ARGS__);   \
    CALL(write, ends_[1], "x", 1);                                                  \
    FAULTS(call, "of a pipe with bytes to a bad place", set, bad, 1, time __VA_OPT__(,) __VA_ARGS__); \
    CALL(read, ends_[0], mask, 1);
    OF_EPOLL(epoll_wait, 0)
    OF_EPOLL(epoll_pwait, 0, 0, 8)
    OF_EPOLL(epoll_pwait2, &none, 0, 8)
    mask[0] = 0;
    alarm_soon();
    T(epoll_wait, "until an alarm", set, &event, 1, -1);
    alarm_soon();
    T(epoll_pwait, "until an alarm", set, &event, 1, -1, mask, 8);
    alarm_soon();
    T(epoll_pwait2, "until an alarm", set, &event, 1, &long_, mask, 8);
    alarm_soon();
    T(epoll_pwait2, "without end until an alarm", set, &event, 1, 0, 0, 8);
    FAULTS_BUT_NULL(epoll_pwait, "of a bad mask", set, &event, 1, 0, bad, 8);
    FAULTS_BUT_NULL(epoll_pwait2, "of a bad time", set, &event, 1, bad, 0, 8);
    FAULTS_BUT_NULL(epoll_pwait2, "of a bad mask", set, &event, 1, &none, bad, 8);
    T(epoll_pwait2, "of a mask of the wrong size", set, &event, 1, &none, mask, 4);
    T(epoll_wait, "of a negative time but -1", set, &event, 0, -5);
    word in = 1ul << ends_[0], closed = 1ul << 50;
    alarm_soon();
    T(select, "until an alarm", ends_[0] + 1, &in, 0, 0, &far);
    in = 1ul << ends_[0];
    alarm_soon();
    T(pselect6, "until an alarm", ends_[0] + 1, &in, 0, 0, &long_, 0);
    T(pselect6, "of a closed descriptor", 60, &closed, 0, 0, &none, 0);
    FAULTS_BUT_NULL(pselect6, "of a bad time", 0, 0, 0, 0, bad, 0);
    FAULTS_BUT_NULL(pselect6, "of a bad mask", 0, 0, 0, 0, &none, bad);
    T(pselect6, "of too many nanoseconds", 0, 0, 0, 0, &(struct timespec){.tv_nsec = 1000000000}, 0);
    T(select, "of negative seconds", 0, 0, 0, 0, &(struct timeval){.tv_sec = -1});
    T(select, "of more than may be open", 1 << 20, 0, 0, 0, &(struct timeval){.tv_sec = 0});
    struct pollfd poll_ = {ends_[0], POLLIN, 0};
    alarm_soon();
    T(poll, "until an alarm", &poll_, 1, -1);
    alarm_soon();
    T(ppoll, "until an alarm", &poll_, 1, &long_, mask, 8);
    alarm_soon();
    T(ppoll, "without end until an alarm", &poll_, 1, 0, 0, 8);
    T(ppoll, "of negative nanoseconds", &poll_, 1, &wrong, 0, 8);
    T(poll, "of a negative number", &poll_, -1, 0);
}

static void sets_changed(void)
{
    struct epoll_event event = {EPOLLIN, {0}};
    int ends_[2];
    CALL(pipe, ends_);
    long set = CALL(epoll_create1, 0), inner = set;
    T(epoll_create, "of a negative size", -1);
    T(epoll_ctl, "changes a closed descriptor", set, EPOLL_CTL_MOD, 99, &event);
    T(epoll_ctl, "removes a closed descriptor", set, EPOLL_CTL_DEL, 99, 0);
    T(epoll_ctl, "adds a directory", set, EPOLL_CTL_ADD, CALL(open, ".", O_RDONLY), &event);
    T(epoll_ctl, "adds a device that is always ready", set, EPOLL_CTL_ADD, CALL(open, "/dev/null", O_RDONLY), &event);
    event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    T(epoll_ctl, "adds exclusively, and once", set, EPOLL_CTL_ADD, ends_[0], &event);
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    T(epoll_ctl, "adds a set exclusively", set, EPOLL_CTL_ADD, CALL(epoll_create1, 0), &event);
    T(epoll_ctl, "adds exclusively, a pipe", set, EPOLL_CTL_ADD, ends_[0], &event);
    event.events = EPOLLIN;
    T(epoll_ctl, "changes what was added exclusively", set, EPOLL_CTL_MOD, ends_[0], &event);
    for (int depth = 2; depth < 6; depth++) {
        char name[60];
        long outer = CALL(epoll_create1, 0);
        snprintf(name, sizeof name, "epoll_ctl adds sets %d deep", depth);
        tell(name, CALL(epoll_ctl, outer, EPOLL_CTL_ADD, inner, &event));
        inner = outer;
    }
}

static void words_refused(void)
{
    volatile uint32_t *word_ = (volatile uint32_t *)shared + 40;
    struct timespec short_ = {0, 1000}, wrong = {0, 1000000000}, long_ = {100, 0};
    word_[0] = 5, word_[1] = 0;
    T(futex, "that waits for another value", word_, 0, 4, 0);
    T(futex, "that waits too long", word_, 0, 5, &short_);
    T(futex, "that waits for a wrong time", word_, 0, 5, &wrong);
    FAULTS_BUT_NULL(futex, "that waits for a bad time", word_, 0, 5, bad);
    FAULTS(futex, "that waits on a bad word", bad & ~3ul, 0, 5, &short_);
    FAULTS(futex, "that wakes at a bad word", bad & ~3ul, 1, 1);
    T(futex, "that waits on an odd word", (char *)word_ + 1, 0, 5, &short_);
    T(futex, "that wakes at an odd word", (char *)word_ + 1, 1, 1);
    T(futex, "that waits for no bits", word_, 9, 5, &short_, 0, 0);
    T(futex, "that wakes no bits", word_, 10, 1, 0, 0, 0);
    T(futex, "that wakes nobody", word_, 1, 1);
    T(futex, "that moves from another value", word_, 4, 1, 1, word_ + 1, 4);
    T(futex, "that moves nobody", word_, 4, 1, 1, word_ + 1, 5);
    T(futex, "that moves a negative number", word_, 3, 1, -1, word_ + 1);
    T(futex, "that wakes a negative number and moves", word_, 3, -1, 1, word_ + 1);
    T(futex, "that moves to an odd word", word_, 3, 1, 1, (char *)word_ + 5);
    T(futex, "that moves to a bad word", word_, 3, 1, 1, 8);
    T(futex, "of an unknown kind", word_, 99, 0);
    T(futex, "that wakes by the real clock", word_, 1 | 256, 1);
    alarm_soon();
    T(futex, "that waits until an alarm", word_, 0, 5, &long_);
    void *guarded = (void *)CALL(mmap, 0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    T(futex, "that waits on what is guarded", guarded, 0, 0, &short_);
    T(futex, "that wakes at what is guarded, alone", guarded, 1 | 128, 1);
    T(futex, "that wakes two words in an unknown way", word_, 5, 1, 1, word_ + 1, 0xf0000000);
    T(futex, "that wakes two words", word_, 5, 1, 1, word_ + 1, 0x01007000);
    text("futex that wakes two words sets the second", "%u", word_[1]);
}

static void signals_by_descriptor(void)
{
    word set = 1ul << (SIGUSR1 - 1);
    uint8_t bytes[128];
    long fd = make("data", ""), own = CALL(signalfd4, -1, &set, 8, 0);
    T(signalfd, "of a bad descriptor", 99, &set, 8);
    T(signalfd, "of a file", fd, &set, 8);
    T(signalfd, "of the wrong size", -1, &set, 4);
    FAULTS(signalfd, "of a bad set", -1, bad, 8);
    T(signalfd4, "of a negative descriptor", -5, &set, 8, 0);
    FAULTS(signalfd4, "of a bad set for the same", own, bad, 8, 0);
    alarm_soon();
    T(read, "of a signalfd until an alarm", own, bytes, 128);
    FAULTS_BUT_NULL(sigaltstack, "of both bad pointers", bad, bad);
    struct timespec wrong = {0, 1000000000}, long_ = {100, 0};
    T(rt_sigtimedwait, "of too many nanoseconds", &set, 0, &wrong, 8);
    alarm_soon();
    T(rt_sigtimedwait, "until an alarm", &set, 0, &long_, 8);
    CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    CALL(kill, CALL(getpid), SIGUSR1);
    T(rt_sigtimedwait, "to a bad place", &set, 1, &long_, 8);
    word none = 0;
    alarm_soon();
    T(rt_sigsuspend, "until an alarm", &none, 8);
}

static void counters_refused(void)
{
    uint64_t value = 1;
    T(eventfd2, "of all flags", 0, 1 | O_NONBLOCK | O_CLOEXEC);
    T(eventfd2, "of unknown flags", 0, 2);
    long fd = CALL(eventfd2, ~0u, 0);
    T(read, "of the largest counter", fd, &value, 8);
    text("read of the largest counter tells", "%lu", (word)value);
    alarm_soon();
    T(read, "of a counter until an alarm", fd, &value, 8);
    value = ~0ul - 1;
    T(write, "of the largest number to a counter", fd, &value, 8);
    alarm_soon();
    T(write, "to a counter until an alarm", fd, &value, 8);
    FAULTS(write, "to a counter from a bad place", fd, bad, 8);
    char bytes[300];
    T(getrandom, "without waiting", bytes, 300, 1);
    T(getrandom, "of the better source", bytes, 300, 2);
    T(getrandom, "of any source", bytes, 300, 4);
    T(getrandom, "of flag 8", bytes, 300, 8);
    T(memfd_create, "of flag 32", "name", 32);
    T(memfd_create, "of a name that is too long", long_path, 0);
}

const struct group waits[] = {
    GROUP(waits_of_sets), GROUP(sets_changed), GROUP(words_refused), GROUP(signals_by_descriptor),
    GROUP(counters_refused), END_OF_GROUPS,
};
