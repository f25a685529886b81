// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waiting for descriptors: poll, select, epoll, and counters that are waited for.

#include "case.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>

static void polled(const char *name, long fd, int events)
{
    struct pollfd poll_ = {(int)fd, (short)events, 0};
    long result = CALL(poll, &poll_, 1, 0);
    text(name, "%ld %#x", result, poll_.revents);
}

static void polls(void)
{
    static char block_[70000];
    int ends_[2];
    struct timespec none = {0, 0}, wrong = {0, -1};
    CALL(pipe2, ends_, O_NONBLOCK);
    long fd = make("data", "x");
    polled("poll of an empty pipe", ends_[0], POLLIN);
    polled("poll of a pipe with room", ends_[1], POLLOUT);
    CALL(write, ends_[1], "x", 1);
    polled("poll of a pipe with bytes", ends_[0], POLLIN | POLLRDNORM | POLLPRI);
    polled("poll of a file", fd, POLLIN | POLLOUT | POLLPRI);
    polled("poll of a directory", CALL(open, ".", O_RDONLY), POLLIN | POLLOUT);
    polled("poll of /dev/null", CALL(open, "/dev/null", O_RDWR), POLLIN | POLLOUT);
    polled("poll of a bad descriptor", 99, POLLIN);
    polled("poll of a negative descriptor", -1, POLLIN);
    while (CALL(write, ends_[1], block_, sizeof block_) > 0)
        ;
    polled("poll of a full pipe", ends_[1], POLLOUT);
    CALL(close, ends_[0]);
    polled("poll of a pipe without readers", ends_[1], POLLOUT);
    CALL(pipe, ends_);
    CALL(close, ends_[1]);
    polled("poll of a pipe without writers", ends_[0], POLLIN);
    T(poll, "of nothing", 0, 0, 0);
    T(poll, "of nothing for some time", 0, 0, 5);
    FAULTS(poll, "of a bad list", bad, 1, 0);
    T(poll, "of too many", &fd, 1 << 30, 0);
    T(ppoll, "of nothing", 0, 0, &none, 0, 8);
    T(ppoll, "of a wrong time", 0, 0, &wrong, 0, 8);
    FAULTS_BUT_NULL(ppoll, "of a bad time", 0, 0, bad, 0, 8);
    FAULTS_BUT_NULL(ppoll, "of a bad mask", 0, 0, &none, bad, 8);
    FAULTS(ppoll, "of a bad list", bad, 1, &none, 0, 8);
}

static void selects(void)
{
    int ends_[2];
    struct timeval none = {0, 0}, wrong = {0, -1}, more = {0, 1000000};
    struct timespec no_time = {0, 0}, wrong_time = {0, -1};
    CALL(pipe, ends_);
    CALL(write, ends_[1], "x", 1);
    word in = 1ul << ends_[0] | 1ul << ends_[1], out = in, rest = in;
    T(select, "of a pipe", 10, &in, &out, &rest, &none);
    text("select tells", "%#lx %#lx %#lx", in, out, rest);
    T(select, "of nothing", 0, 0, 0, 0, &none);
    T(select, "of nothing, with a set out of reach", 0, -8L, 0, 0, &none);
    T(select, "of a negative count", -1, 0, 0, 0, &none);
    T(select, "of a wrong time", 0, 0, 0, 0, &wrong);
    T(select, "of a time with many microseconds", 10, &out, 0, 0, &more);
    in = 1ul << 50;
    T(select, "of a closed descriptor", 60, &in, 0, 0, &none);
    FAULTS_BUT_NULL(select, "of a bad set", 10, bad, 0, 0, &none);
    FAULTS_BUT_NULL(select, "of a bad time", 0, 0, 0, 0, bad);
    in = 1ul << ends_[0];
    T(pselect6, "of a pipe", 10, &in, 0, 0, &no_time, 0);
    T(pselect6, "of a wrong time", 0, 0, 0, 0, &wrong_time, 0);
    T(pselect6, "of a negative count", -1, 0, 0, 0, &no_time, 0);
    FAULTS_BUT_NULL(pselect6, "of a bad set", 10, bad, 0, 0, &no_time, 0);
    word mask[2] = {(word)&in, 4};
    T(pselect6, "of a mask of the wrong size", 0, 0, 0, 0, &no_time, mask);
    CALL(read, ends_[0], &rest, 1);
    in = 1ul << ends_[0];
    struct timeval some = {0, 3000};
    T(select, "of an empty pipe for some time", 10, &in, 0, 0, &some);
    text("select tells what is left", "%#lx %ld %ld", in, (long)some.tv_sec, (long)some.tv_usec);
}

static void epolled(const char *name, long set, int max)
{
    struct epoll_event events[4];
    long count = CALL(epoll_wait, set, events, max, 0);
    char found[100] = "";
    for (long i = 0; i < count; i++)
        snprintf(found + strlen(found), 30, " %#x:%d", events[i].events, events[i].data.fd);
    text(name, "%ld%s", count, found);
}

static void epolls(void)
{
    int one[2], two[2];
    CALL(pipe, one), CALL(pipe, two);
    T(epoll_create, "of size 0", 0);
    OK(epoll_create, "of size 1", 1);
    T(epoll_create1, "with an unknown flag", 1);
    long set = OK(epoll_create1, "that closes on exec", EPOLL_CLOEXEC);
    T(fcntl, "tells what epoll_create1 set", set, F_GETFD);
    struct epoll_event event = {EPOLLIN, {.fd = 7}}, got[4];
    T(epoll_ctl, "adds", set, EPOLL_CTL_ADD, one[0], &event);
    T(epoll_ctl, "adds twice", set, EPOLL_CTL_ADD, one[0], &event);
    T(epoll_ctl, "changes what is not in it", set, EPOLL_CTL_MOD, two[0], &event);
    T(epoll_ctl, "removes what is not in it", set, EPOLL_CTL_DEL, two[0], 0);
    T(epoll_ctl, "adds itself", set, EPOLL_CTL_ADD, set, &event);
    T(epoll_ctl, "adds a file", set, EPOLL_CTL_ADD, make("data", ""), &event);
    T(epoll_ctl, "adds a bad descriptor", set, EPOLL_CTL_ADD, 99, &event);
    T(epoll_ctl, "of a bad descriptor", 99, EPOLL_CTL_ADD, one[0], &event);
    T(epoll_ctl, "of a pipe", one[0], EPOLL_CTL_ADD, two[0], &event);
    T(epoll_ctl, "of an unknown operation", set, 99, one[0], &event);
    FAULTS(epoll_ctl, "of a bad event", set, EPOLL_CTL_ADD, two[0], bad);
    epolled("epoll_wait of an empty pipe", set, 4);
    CALL(write, one[1], "x", 1);
    epolled("epoll_wait of a pipe with bytes", set, 4);
    epolled("epoll_wait by level, again", set, 4);
    event.events = EPOLLIN | EPOLLET;
    T(epoll_ctl, "changes", set, EPOLL_CTL_MOD, one[0], &event);
    epolled("epoll_wait by edge", set, 4);
    epolled("epoll_wait by edge, again", set, 4);
    CALL(write, one[1], "x", 1);
    epolled("epoll_wait by edge, after another byte", set, 4);
    event.events = EPOLLIN | EPOLLONESHOT;
    CALL(epoll_ctl, set, EPOLL_CTL_MOD, one[0], &event);
    epolled("epoll_wait once", set, 4);
    epolled("epoll_wait once, again", set, 4);
    event = (struct epoll_event){EPOLLOUT, {.fd = 8}};
    CALL(epoll_ctl, set, EPOLL_CTL_ADD, two[1], &event);
    epolled("epoll_wait of another pipe", set, 4);
    T(epoll_wait, "of no events", set, got, 0, 0);
    T(epoll_wait, "of a negative number of events", set, got, -1, 0);
    T(epoll_wait, "of a bad descriptor", 99, got, 1, 0);
    T(epoll_wait, "of a pipe", one[0], got, 1, 0);
    FAULTS(epoll_wait, "to a bad pointer", set, bad, 1, 0);
    T(epoll_pwait, "without a mask", set, got, 4, 0, 0, 8);
    T(epoll_pwait, "with a mask of the wrong size", set, got, 4, 0, got, 4);
    struct timespec none = {0, 0}, wrong = {0, -1};
    T(epoll_pwait2, "without time", set, got, 4, &none, 0, 8);
    T(epoll_pwait2, "of a wrong time", set, got, 4, &wrong, 0, 8);
    T(epoll_ctl, "removes", set, EPOLL_CTL_DEL, two[1], 0);
    CALL(close, one[1]);
    event = (struct epoll_event){EPOLLIN | EPOLLRDHUP, {.fd = 9}};
    CALL(epoll_ctl, set, EPOLL_CTL_MOD, one[0], &event);
    CALL(read, one[0], got, 16);
    epolled("epoll_wait of a pipe without writers", set, 4);
    CALL(close, one[0]);
    epolled("epoll_wait after what was in it is closed", set, 4);
    long inner = CALL(epoll_create1, 0);
    event = (struct epoll_event){EPOLLIN, {.fd = 10}};
    CALL(epoll_ctl, inner, EPOLL_CTL_ADD, two[0], &event);
    CALL(epoll_ctl, set, EPOLL_CTL_ADD, inner, &event);
    CALL(write, two[1], "x", 1);
    epolled("epoll_wait of a set in a set", set, 4);
    T(epoll_ctl, "adds in a circle", inner, EPOLL_CTL_ADD, set, &event);
    T(read, "of an epoll", set, got, 1);
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    T(epoll_ctl, "adds exclusively", set, EPOLL_CTL_ADD, two[0], &event);
    T(epoll_ctl, "changes to exclusively", set, EPOLL_CTL_MOD, two[0], &event);
}

static void counters(void)
{
    uint64_t value = 5;
    long fd = OK(eventfd2, "that does not wait", 3, O_NONBLOCK | O_CLOEXEC);
    T(fcntl, "tells what eventfd2 set", fd, F_GETFD);
    T(read, "of a counter", fd, &value, 8);
    text("read of a counter tells", "%ld", (long)value);
    T(read, "of a counter that is 0", fd, &value, 8);
    T(read, "of too few bytes of a counter", fd, &value, 4);
    T(write, "of too few bytes to a counter", fd, &value, 4);
    polled("poll of a counter that is 0", fd, POLLIN | POLLOUT);
    value = 2;
    T(write, "to a counter", fd, &value, 8);
    polled("poll of a counter", fd, POLLIN | POLLOUT);
    value = ~0ul;
    T(write, "of too much to a counter", fd, &value, 8);
    value = ~0ul - 3;
    T(write, "up to the highest to a counter", fd, &value, 8);
    polled("poll of a counter that is full", fd, POLLIN | POLLOUT);
    value = 1;
    T(write, "to a counter that is full", fd, &value, 8);
    FAULTS(read, "of a counter to a bad pointer", fd, bad, 8);
    struct itimerspec soon = {{0, 0}, {0, 1}};
    long timer = CALL(timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK);
    CALL(timerfd_settime, timer, 0, &soon, 0);
    rest_ms(1);
    FAULTS(read, "of a timer to a bad pointer", timer, bad, 8);
    T(pread64, "of a counter", fd, &value, 8, 0);
    T(lseek, "of a counter", fd, 0, SEEK_SET);
    long semaphore = OK(eventfd2, "that counts down", 2, 1 | O_NONBLOCK);
    T(read, "of a semaphore", semaphore, &value, 8);
    text("read of a semaphore tells", "%ld", (long)value);
    T(read, "of a semaphore again", semaphore, &value, 8);
    T(read, "of a semaphore that is 0", semaphore, &value, 8);
    T(eventfd2, "with an unknown flag", 0, 64);
    OK(eventfd, "of a value", 4);
}

const struct group polling[] = {
    GROUP(polls), GROUP(selects), GROUP(epolls), GROUP(counters), END_OF_GROUPS,
};
