# SPDX-License-Identifier: Apache-2.0 OR MIT

# Ring 0, all of it: from a program to the kernel, which runs in ring 3 as well, and back.
#
# A trap makes the processor push onto the end of the running thread's register frame (trap.rs,
# `Registers`), to which tss.rsp0 points. Ring 0 adds rax, changes the page tables and goes on at
# kernel_entry in ring 3, with all other registers as they were. The kernel returns by `syscall`:
# ring 0 changes back and goes on with the frame that it finds in next_trap_stack.
#
# All of this runs at the image's alias, so it reaches its data relative to rip. Each instruction
# here counts: some machines interpret them.

.section .text.vectors, "ax", @progbits
.global vectors
vectors:
.macro stub number, has_error=0, target=trap_checked
    .balign {VECTOR_STRIDE}
    .if !\has_error
    push 0
    .endif
    push \number
    jmp \target
.endm
.set number, 0
.rept 32
    .if number == 14
    stub number, 1, page_fault
    .elseif number == 2 || number == 18
    stub number, 0, kernel_fault
    .elseif number == 8
    stub number, 1, kernel_fault
    .elseif (number >= 10 && number <= 13) || number == 17 || number == 21
    stub number, 1
    .else
    stub number
    .endif
    .set number, number + 1
.endr
    stub {VECTOR_INT80}                 # stub number 32: int $0x80
    stub {TIMER_VECTOR}, 0, interrupt   # stub number 33: the local APIC

.balign 16
# Where `syscall` leads, from a program and from the kernel.
# Expects: rcx = rip, r11 = flags, the stack pointer of ring 3.
.global syscall_entry
syscall_entry:
    cmp byte ptr [rip + in_kernel], 0
    jne return_to_program
    # Builds the frame that an interrupt would have pushed.
    mov [rip + syscall_user_stack], rsp
    mov rsp, [rip + tss + 4]
    push {USER_DATA}
    push [rip + syscall_user_stack]
    push r11
    push {USER_CODE}
    push rcx
    push 0
    push {VECTOR_SYSCALL}

# Expects: the frame down to the vector number.
trap:
    push rax
enter_kernel:
    mov eax, offset kernel_tables
    mov cr3, rax
    mov byte ptr [rip + in_kernel], 1
    lea rax, [rip + service_frame_end]
    mov [rip + tss + 4], rax
    lea rsp, [rip + kernel_start]
    iretq

# In ring 0 an interrupt is waited for by one instruction.
interrupt:
    test byte ptr [rsp + 24], 3
    jz halt_is_over
trap_checked:
    test byte ptr [rsp + 24], 3         # a fault of ring 0
    jz kernel_fault
    cmp byte ptr [rip + in_kernel], 0
    je trap
# A fault of the kernel itself: it goes on in ring 3, where it says so.
kernel_fault:
    mov eax, offset kernel_tables
    mov cr3, rax
    mov byte ptr [rip + in_kernel], 1
    pop rdi                             # vector
    pop rsi                             # error code
    mov rdx, [rsp]                      # rip
    lea rax, [rip + service_frame_end]
    mov [rip + tss + 4], rax
    lea rsp, [rip + kernel_fault_start]
    iretq

page_fault:
    push rax
    cmp byte ptr [rip + in_kernel], 0
    jne kernel_page_fault
    mov rax, cr2
    mov [rip + fault_address], rax
    jmp enter_kernel

# Where a KVM interprets ring 0 it may not know `syscall`: ring 3 arrives at its entry, which it may
# not execute, with rcx and r11 set. So this may be the kernel's return.
kernel_page_fault:
    lea rax, [rip + syscall_entry]
    cmp [rsp + 24], rax
    je return_to_program
    mov rax, cr2
    mov [rip + fault_address], rax
    add rsp, 8
    jmp kernel_fault

# Expects: the kernel's `syscall`; all registers but rax, rcx and r11 are the program's.
return_to_program:
    cmp byte ptr [rip + ring0_request], {REQUEST_NONE}
    jne serve_request
request_served:
    mov byte ptr [rip + in_kernel], 0
    mov rax, [rip + next_tables]
    mov cr3, rax
    mov rax, [rip + next_trap_stack]
    mov [rip + tss + 4], rax
    lea rsp, [rax - {RAX_TO_END}]
    mov rcx, [rsp - {RCX_TO_RAX}]
    mov r11, [rsp - {R11_TO_RAX}]
    pop rax
    add rsp, 16                         # vector and error code
    iretq

# What the kernel cannot do in ring 3. For ports: dx = port, with a port to read afterwards above it,
# rsi = value or address, r8 = length, r9 = the kernel's stack; the answer is in al, and rcx, rdx, rsi,
# rdi, r8, r10 and r11 are lost.
serve_request:
    mov al, [rip + ring0_request]
    mov byte ptr [rip + ring0_request], {REQUEST_NONE}
    cmp al, {REQUEST_WRITE_BASES}
    je write_bases
    mov r10, rcx
    cmp al, {REQUEST_READ_PORT}
    je read_port
    cmp al, {REQUEST_WRITE_PORT}
    je write_port
    cmp al, {REQUEST_REGISTERS}
    je access_registers
    cmp al, {REQUEST_HALT}
    je halt
    mov rcx, r8
    rep outsb
    shr edx, 16
read_port:
    in al, dx
    jmp return_to_kernel
write_port:
    mov eax, esi
    out dx, ax
    jmp return_to_kernel
halt:
    lea rsp, [rip + service_frame_end]
    sti
    hlt                                 # the interrupt goes on below
halt_is_over:
return_to_kernel:
    lea rsp, [rip + service_frame_end]
    push {USER_DATA}
    push r9
    push {KERNEL_FLAGS}
    push {USER_CODE}
    push r10
    iretq

# Expects: rsi = pairs of a device register's address and a value; in r8 the number of those to
# write, which is not 0, and above it the number of those to read, which come behind.
access_registers:
    mov ecx, r8d
write_register:
    lodsd
    mov edi, eax
    movsd
    loop write_register
    mov rcx, r8
    shr rcx, 32
    jz return_to_kernel
read_register:
    lodsd
    mov eax, [rax]
    mov [rsi], eax
    add rsi, 4
    loop read_register
    jmp return_to_kernel

write_bases:
    mov r11, rdx
    mov ecx, {MSR_FS_BASE}
    mov eax, [rip + next_fs_base]
    mov edx, [rip + next_fs_base + 4]
    wrmsr
    mov ecx, {MSR_GS_BASE}
    mov eax, [rip + next_gs_base]
    mov edx, [rip + next_gs_base + 4]
    wrmsr
    mov rdx, r11
    jmp request_served

# ---- ring 3 ----

# Expects: the kernel's stack, and all registers but rax as the program had them.
kernel_entry:
    mov rax, [rip + registers]
    mov [rax + {R15}], r15
    mov [rax + {R14}], r14
    mov [rax + {R13}], r13
    mov [rax + {R12}], r12
    mov [rax + {RBP}], rbp
    mov [rax + {RBX}], rbx
    mov [rax + {R11}], r11
    mov [rax + {R10}], r10
    mov [rax + {R9}], r9
    mov [rax + {R8}], r8
    mov [rax + {RCX}], rcx
    mov [rax + {RDX}], rdx
    mov [rax + {RSI}], rsi
    mov [rax + {RDI}], rdi
    mov rdi, rax
    cld
    call {serve_trap}

# Goes on with the thread whose registers `registers` names. Needs nothing of the stack.
.global resume
resume:
    mov rax, [rip + registers]
    mov r15, [rax + {R15}]
    mov r14, [rax + {R14}]
    mov r13, [rax + {R13}]
    mov r12, [rax + {R12}]
    mov rbp, [rax + {RBP}]
    mov rbx, [rax + {RBX}]
    mov r10, [rax + {R10}]
    mov r9, [rax + {R9}]
    mov r8, [rax + {R8}]
    mov rdx, [rax + {RDX}]
    mov rsi, [rax + {RSI}]
    mov rdi, [rax + {RDI}]
    syscall
    ud2

# Expects: what `kernel_fault` passes on, and a stack of its own.
kernel_fault_entry:
    call {report_kernel_fault}
    ud2

.section .data.traps, "aw", @progbits
.balign 8
# What the kernel sets: the thread that runs next, as both rings see it.
.global registers
registers:
    .quad 0
.global next_trap_stack
next_trap_stack:
    .quad 0
.global next_tables
next_tables:
    .quad 0
.global next_fs_base
next_fs_base:
    .quad 0
.global next_gs_base
next_gs_base:
    .quad 0
# Where `syscall` leads, for ring 0.
.global syscall_entry_alias
syscall_entry_alias:
    .quad syscall_entry + {IMAGE_ALIAS}
# What ring 0 sets.
.global fault_address
fault_address:
    .quad 0
syscall_user_stack:
    .quad 0
# The frame of an `iretq` to the kernel: address, selector, flags, stack.
kernel_start:
    .quad kernel_entry, {USER_CODE}, {KERNEL_FLAGS}, {STACK_TOP}, {USER_DATA}
kernel_fault_start:
    .quad kernel_fault_entry, {USER_CODE}, {KERNEL_FLAGS}, fault_stack_top, {USER_DATA}
.global ring0_request
ring0_request:
    .byte {REQUEST_NONE}
in_kernel:
    .byte 1

# Where a trap of the kernel pushes: its return, on a machine that makes it a page fault.
.section .bss.service_frame, "aw", @nobits
.balign 16
    .skip {REGISTERS_SIZE}
service_frame_end:
