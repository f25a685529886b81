// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The floor: the least that a program can do to run a guest on KVM. One machine, 512 MiB, one vCPU in
// real mode, five exits, gone. What a monitor takes beyond this is its own.

#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

// Writes five bytes to port 0x3f8, then halts.
static const unsigned char guest[] = {
    0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0xb0, 0x2e,       // mov al, '.'
    0xee, 0xee, 0xee, 0xee, 0xee, // out dx, al
    0xf4,             // hlt
};

int main(void)
{
    const unsigned long size = 512ul << 20;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (kvm < 0 || vm < 0 || memory == MAP_FAILED)
        return 1;
    memcpy(memory + 0x1000, guest, sizeof guest);
    struct kvm_userspace_memory_region region = {0, 0, 0, size, (unsigned long)memory};
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
        return 2;
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    int length = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    struct kvm_run *run = mmap(0, (unsigned long)length, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (vcpu < 0 || run == MAP_FAILED)
        return 3;
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
    if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
        return 4;
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
        return 5;
    for (int exits = 0;; exits++) {
        if (ioctl(vcpu, KVM_RUN, 0))
            return 6;
        if (run->exit_reason == KVM_EXIT_HLT)
            return exits == 5 ? 0 : 7;
        if (run->exit_reason != KVM_EXIT_IO)
            return 8;
    }
}
