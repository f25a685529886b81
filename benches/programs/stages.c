// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What each step of making a machine costs on this host's KVM: a line "NAME NANOSECONDS" for each, in
// the order of a machine's life. The guest is in real mode and writes to a port.

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define GUEST_SIZE (512ul << 20)
#define EXITS 100

static struct stage {
    const char *name;
    long nanoseconds;
} stages[16];
static int nr_stages;
static struct timespec before;

static void begin(void)
{
    clock_gettime(CLOCK_MONOTONIC, &before);
}

// Notes what was done since the last stage.
static void done(const char *name, int has_worked)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!has_worked) {
        perror(name);
        exit(1);
    }
    long nanoseconds = (now.tv_sec - before.tv_sec) * 1000000000 + now.tv_nsec - before.tv_nsec;
    stages[nr_stages++] = (struct stage){name, nanoseconds};
    clock_gettime(CLOCK_MONOTONIC, &before);
}

int main(void)
{
    // mov dx, 0x3f8; again: out dx, al; jmp again
    static const unsigned char guest[] = {0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd};
    begin();
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    done("open /dev/kvm", kvm >= 0);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    done("KVM_CREATE_VM", vm >= 0);
    char *memory = mmap(0, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    done("map 512 MiB", memory != MAP_FAILED);
    memcpy(memory + 0x1000, guest, sizeof guest);
    done("touch a page", 1);
    struct kvm_userspace_memory_region region = {0, 0, 0, GUEST_SIZE, (unsigned long)memory};
    done("KVM_SET_USER_MEMORY_REGION", ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0);
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    done("KVM_CREATE_VCPU", vcpu >= 0);
    int length = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(0, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    done("map the vCPU's page", run != MAP_FAILED);
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
    int is_set = ioctl(vcpu, KVM_GET_SREGS, &sregs) == 0;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    is_set = is_set && ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0;
    done("set registers", is_set && ioctl(vcpu, KVM_SET_REGS, &regs) == 0);
    done("first entry to first exit", ioctl(vcpu, KVM_RUN, 0) == 0);
    int has_run = 1;
    for (int i = 0; i < EXITS; i++)
        has_run &= ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_IO;
    done("100 further exits", has_run);
    munmap(run, (size_t)length);
    done("close the vCPU", close(vcpu) == 0);
    done("close the machine", close(vm) == 0);
    done("unmap memory", munmap(memory, GUEST_SIZE) == 0);
    done("close /dev/kvm", close(kvm) == 0);
    for (int i = 0; i < nr_stages; i++)
        printf("%s\t%ld\n", stages[i].name, stages[i].nanoseconds);
    return 0;
}
