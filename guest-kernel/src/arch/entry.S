# SPDX-License-Identifier: Apache-2.0 OR MIT

# From the PVH entry to Rust. Xen's docs/misc/pvh.pandoc says what the loader guarantees; Intel SDM
# volume 3, 9.8.5 how long mode is entered.

.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, {NOTE_PHYS32_ENTRY}
    .asciz "Xen"
    .quad pvh_start
    .long 8, 8, {NOTE_RECORD}
    .asciz "seedvmm"
    .quad kernel_record
    .long 8, 8, {NOTE_EARLY_MEMORY}
    .asciz "seedvmm"
    .quad {EARLY_MEMORY_END}
    .long 8, 8, {NOTE_CONSOLE_BLOCK}
    .asciz "seedvmm"
    .quad console_block

.section .bss.kernel_stack, "aw", @nobits
.balign 4096
    .skip {STACK_SIZE}

# The stack of faults that must not trust any other.
.section .bss.fault_stack, "aw", @nobits
.balign 16
    .skip 8192
.global fault_stack_top
fault_stack_top:

.section .text.entry, "ax", @progbits
.code32

# Expects: 32-bit protected mode, paging off, flat segments, interrupts off, ebx = start info.
# Leaves: long mode under the kernel's tables, which map the image where it lies.
.global pvh_start
pvh_start:
    cld
    mov dword ptr [kernel_tables], offset memory_pdpt + {USER_TABLE}
    mov dword ptr [memory_pdpt], offset first_gib + {USER_TABLE}
    mov dword ptr [memory_pdpt + 3 * 8], offset device_pd + {USER_TABLE}
    mov dword ptr [kernel_tables + 511 * 8], offset image_pdpt + {RING0_TABLE}
    mov dword ptr [image_pdpt + 510 * 8], offset first_gib + {RING0_TABLE}
    mov eax, {CR4}
    mov cr4, eax
    mov eax, offset kernel_tables
    mov cr3, eax
    mov ecx, {MSR_EFER}
    xor edx, edx
    mov eax, {EFER}
    wrmsr
    mov eax, {CR0}
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    ljmp 0x10, offset long_mode

.code64
# Expects: long mode, ring 0.
# Leaves: the processor's tables at their final addresses, its features set up; calls
# kernel_main(start info) in ring 3.
long_mode:
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
    mov esp, {STACK_TOP}
    call {cpu_init}
    # Here it is three instructions; to ask ring 0 for it later would be fifty.
    mov edx, {FIFO_CONTROL}
    mov al, {FIFO_ENABLE_AND_CLEAR}
    out dx, al
    push {USER_DATA}
    push {STACK_TOP}
    push {KERNEL_FLAGS}
    push {USER_CODE}
    push offset ring3
    iretq
ring3:
    mov edi, ebx
    xor ebp, ebp
    call kernel_main
    ud2
