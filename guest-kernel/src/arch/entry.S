# SPDX-License-Identifier: Apache-2.0 OR MIT

# From the PVH entry to Rust. Xen's docs/misc/pvh.pandoc says what the loader guarantees; Intel SDM
# volume 3, 9.8.5 how long mode is entered.

.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, {NOTE_PHYS32_ENTRY}
    .asciz "Xen"
    .quad pvh_start_physical
    .long 8, 8, {NOTE_RECORD}
    .asciz "seedvmm"
    .quad kernel_record - {KERNEL_BASE}

.global pvh_start_physical
.set pvh_start_physical, pvh_start - {KERNEL_BASE}

.section .bss.kernel_stack, "aw", @nobits
.balign 4096
    .skip {STACK_SIZE}

# The stack of faults that must not trust any other, and the frame that bulk copies return to.
.section .bss.fault_stack, "aw", @nobits
.balign 16
    .skip 4096
.global fault_stack_top
fault_stack_top:

.section .text.entry, "ax", @progbits
.code32

# Expects: 32-bit protected mode, paging off, flat segments, interrupts off, ebx = start info.
# Leaves: long mode under boot_pml4, still at the physical address.
pvh_start:
    cld
    mov eax, {CR4}
    mov cr4, eax
    mov eax, offset boot_pml4 - {KERNEL_BASE}
    mov cr3, eax
    mov ecx, {MSR_EFER}
    xor edx, edx
    mov eax, {EFER}
    wrmsr
    mov eax, {CR0}
    mov cr0, eax
    lgdt [gdt_pointer_physical - {KERNEL_BASE}]
    ljmp 0x10, offset long_mode - {KERNEL_BASE}

.code64
# Expects: long mode, identity mapping of the image.
# Leaves: the final tables and the kernel stack; calls kernel_main(start info) in the upper half.
long_mode:
    mov rax, offset upper_half
    jmp rax
upper_half:
    mov eax, 0x18
    mov ss, eax
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    lgdt [rip + gdt_pointer]
    lidt [rip + idt_pointer]
    mov eax, 0x40
    ltr ax
    mov rsp, {STACK_TOP}
    mov edi, ebx
    xor ebp, ebp
    call kernel_main
    ud2
