# SPDX-License-Identifier: Apache-2.0 OR MIT

# Ring 0, all of it: from a program to the kernel, which runs in ring 3 as well, and back.
#
# ring0_request says what a trap out of ring 3 is for. Ring 0 itself touches nothing but this file's
# data: a trap leaves its frame in trap_frame, and the program goes on with what next_frame and its
# neighbours hold. To bring both from and to the registers of a thread is for the kernel, in ring 3.
#
# All of this runs at the image's alias, so it reaches its data relative to rip. Each instruction
# here counts: some machines interpret them.

.section .text.vectors, "ax", @progbits
.global vectors
vectors:
.macro stub number, has_error=0, target=trap
    .balign {VECTOR_STRIDE}
    .if !\has_error
    push 0
    .endif
    push rax
    mov eax, \number
    jmp \target
.endm
.set number, 0
.rept 32
    .if number == 2 || number == 18
    stub number, 0, kernel_fault
    .elseif number == 8
    stub number, 1, kernel_fault
    .elseif (number >= 10 && number <= 14) || number == 17 || number == 21
    stub number, 1
    .else
    stub number
    .endif
    .set number, number + 1
.endr
    stub {VECTOR_INT80}                 # stub number 32: int $0x80
    stub {TIMER_VECTOR}, 0, interrupt   # stub number 33: the local APIC

# Goes on in the kernel, in ring 3, with the frame at `start`. Loses rax.
.macro enter_kernel start
    mov eax, offset kernel_tables
    mov cr3, rax
    lea rsp, [rip + \start]
    iretq
.endm

.balign {VECTOR_STRIDE}
# Stub number 34: a page fault. Where a KVM interprets ring 0 it may not know `syscall`: ring 3 arrives
# at its entry, which it may not execute, with rcx and r11 set. So a fault may be anybody's `syscall`.
    push rax
    cmp dword ptr [rip + ring0_request], {REQUEST_RESUME}
    jae of_kernel
    mov rax, cr2
    mov [rip + fault_address], rax
    enter_kernel page_fault_start

.balign 16
# Where `syscall` leads, from a program and from the kernel.
# Expects: rcx = rip, r11 = flags, the stack pointer of ring 3.
.global syscall_entry
syscall_entry:
    cmp dword ptr [rip + ring0_request], {REQUEST_RESUME}
    jae of_kernel
    mov [rip + trap_rsp], rsp
    mov [rip + trap_rax], rax
    enter_kernel syscall_start

# Expects: the flags of the comparison with REQUEST_RESUME.
of_kernel:
    ja other_request
resume_program:
    mov dword ptr [rip + ring0_request], {REQUEST_SERVE}
    mov rax, [rip + next_tables]
    mov cr3, rax
    mov rcx, [rip + next_rcx]
    mov r11, [rip + next_r11]
    mov rax, [rip + next_rax]
    lea rsp, [rip + next_frame]
    iretq

# The handlers find what `ask_ring0` was given, and lose rax, rcx, rdx, rsi, rdi and r11.
other_request:
    mov eax, [rip + ring0_request]
    jmp [rax * 8 + request_handlers + {IMAGE_ALIAS}]

# Expects: dx = port to write to, above it the one to read from afterwards; rsi = bytes, r8 = their
# number.
write_port_bytes:
    mov rcx, r8
    rep outsb
    shr edx, 16
# Expects: dx = port. Leaves: what it reads in al.
read_port:
    in al, dx
    jmp return_to_kernel

# Expects: dx = port, si = word.
write_port:
    mov eax, esi
    out dx, ax
    jmp return_to_kernel

# Expects: rdx = addresses of device registers to write, 32 bits each, the first one last; rsi = the
# values, in order; r8 = their number, not 0. r10 = addresses of those to read, r9 = their number; what
# they hold goes behind the values.
access_registers:
    mov rcx, r8
write_register:
    mov edi, [rdx + rcx * 4 - 4]
    movsd
    loop write_register
    mov rcx, r9
    jrcxz return_to_kernel
    mov rdi, rsi
read_register:
    mov esi, [r10 + rcx * 4 - 4]
    movsd
    loop read_register
    jmp return_to_kernel

halt:
    lea rsp, [rip + trap_frame_end]
    sti
    hlt                                 # the interrupt goes on below
return_to_kernel:
    lea rsp, [rip + service_frame]
    iretq

resume_with_bases:
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
    jmp resume_program

# These expect: eax = vector; on the stack rax, an error code and what the processor pushed.
# In ring 0 an interrupt is waited for by one instruction.
interrupt:
    test byte ptr [rsp + 24], 3
    jz return_to_kernel
trap:
    test byte ptr [rsp + 24], 3         # a fault of ring 0
    jz kernel_fault
    cmp dword ptr [rip + ring0_request], {REQUEST_SERVE}
    jne kernel_fault
    mov [rip + trap_vector], eax
    enter_kernel trap_start

# A page fault while the kernel runs and wants nothing.
kernel_page_fault:
    mov rax, cr2
    mov [rip + fault_address], rax
    mov eax, {VECTOR_PAGE_FAULT}
# A fault of the kernel itself: it goes on in ring 3, where it says so.
kernel_fault:
    mov edi, eax                        # vector
    mov rsi, [rsp + 8]                  # error code
    mov rdx, [rsp + 16]                 # rip
    mov dword ptr [rip + ring0_request], {REQUEST_FAULT}
    enter_kernel kernel_fault_start

# ---- ring 3 ----

# Each expects: the kernel's stack, and all registers but rax as the program had them.
page_fault_arrived:
    mov dword ptr [rip + trap_vector], {VECTOR_PAGE_FAULT}
trap_arrived:
    mov dword ptr [rip + ring0_request], {REQUEST_FAULT}
    mov rax, [rip + registers]
    mov [rax + {RCX}], rcx
    mov [rax + {R11}], r11
    mov ecx, [rip + trap_vector]
    mov [rax + {VECTOR}], rcx
    mov rcx, [rip + trap_error]
    mov [rax + {ERROR}], rcx
    mov rcx, [rip + trap_rip]
    mov r11, [rip + trap_flags]
    jmp save
syscall_arrived:
    mov dword ptr [rip + ring0_request], {REQUEST_FAULT}
    mov rax, [rip + registers]
    mov [rax + {RCX}], rcx
    mov [rax + {R11}], r11
    mov qword ptr [rax + {VECTOR}], {VECTOR_SYSCALL}
# Expects: rcx = rip, r11 = flags.
save:
    mov [rax + {RIP}], rcx
    mov [rax + {FLAGS}], r11
    mov rcx, [rip + trap_rax]
    mov [rax + {RAX}], rcx
    mov rcx, [rip + trap_rsp]
    mov [rax + {RSP}], rcx
    mov [rax + {R15}], r15
    mov [rax + {R14}], r14
    mov [rax + {R13}], r13
    mov [rax + {R12}], r12
    mov [rax + {RBP}], rbp
    mov [rax + {RBX}], rbx
    mov [rax + {R10}], r10
    mov [rax + {R9}], r9
    mov [rax + {R8}], r8
    mov [rax + {RDX}], rdx
    mov [rax + {RSI}], rsi
    mov [rax + {RDI}], rdi
    mov rdi, rax
    call {serve_trap}

# Goes on with the thread whose registers `registers` names. Needs nothing of the stack.
.global resume
resume:
    mov rax, [rip + registers]
    mov rcx, [rax + {RIP}]
    mov [rip + next_rip], rcx
    mov rcx, [rax + {FLAGS}]
    mov [rip + next_flags], rcx
    mov rcx, [rax + {RSP}]
    mov [rip + next_rsp], rcx
    mov rcx, [rax + {RAX}]
    mov [rip + next_rax], rcx
    mov rcx, [rax + {RCX}]
    mov [rip + next_rcx], rcx
    mov rcx, [rax + {R11}]
    mov [rip + next_r11], rcx
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
    mov ecx, [rip + resume_request]
    mov dword ptr [rip + resume_request], {REQUEST_RESUME}
    # The last before `syscall`: from here on a page fault is taken for it.
    mov [rip + ring0_request], ecx
    syscall
    ud2

# Asks ring 0 for what only it can do.
# Expects: edi = the request, and what its handler expects. Leaves: rax as the handler does; loses rcx,
# rdx, rsi, rdi and r11.
.global ask_ring0
ask_ring0:
    mov [rip + service_rsp], rsp
    mov [rip + ring0_request], edi
    syscall
asked:
    mov dword ptr [rip + ring0_request], {REQUEST_FAULT}
    ret

# Expects: what `kernel_fault` passes on, and a stack of its own.
kernel_fault_arrived:
    call {report_kernel_fault}
    ud2

.section .data.traps, "aw", @progbits
.balign 8
# What the kernel sets: the thread whose turn it is, and what it goes on with besides its registers.
.global registers
registers:
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
.global resume_request
resume_request:
    .long {REQUEST_RESUME}
# What the next trap out of ring 3 is for: set by each ring just before it leaves to the other.
ring0_request:
    .long {REQUEST_FAULT}
# Where `syscall` leads, for ring 0.
.global syscall_entry_alias
syscall_entry_alias:
    .quad syscall_entry + {IMAGE_ALIAS}
# Ring 0's side of what may be asked for, from REQUEST_FAULT on: see trap.rs, `Request`.
request_handlers:
    .quad 0, 0                          # never looked up: REQUEST_SERVE, REQUEST_RESUME
    .quad kernel_page_fault + {IMAGE_ALIAS}
    .quad resume_with_bases + {IMAGE_ALIAS}
    .quad read_port + {IMAGE_ALIAS}
    .quad write_port + {IMAGE_ALIAS}
    .quad write_port_bytes + {IMAGE_ALIAS}
    .quad access_registers + {IMAGE_ALIAS}
    .quad halt + {IMAGE_ALIAS}

# What a trap leaves: address of a page fault, and the vector of anything else that is no system call.
.global fault_address
fault_address:
    .quad 0
trap_vector:
    .long 0

# Frames as the processor pushes and `iretq` pops them: rip, cs, flags, rsp, ss.
# Those that start the kernel:
syscall_start:
    .quad syscall_arrived, {USER_CODE}, {KERNEL_FLAGS}, {STACK_TOP}, {USER_DATA}
page_fault_start:
    .quad page_fault_arrived, {USER_CODE}, {KERNEL_FLAGS}, {STACK_TOP}, {USER_DATA}
trap_start:
    .quad trap_arrived, {USER_CODE}, {KERNEL_FLAGS}, {STACK_TOP}, {USER_DATA}
kernel_fault_start:
    .quad kernel_fault_arrived, {USER_CODE}, {KERNEL_FLAGS}, fault_stack_top, {USER_DATA}
# The one that goes on with it after a request:
service_frame:
    .quad asked, {USER_CODE}, {KERNEL_FLAGS}
service_rsp:
    .quad 0, {USER_DATA}

# Where a trap out of ring 3 pushes, and what the stubs add. `syscall` uses two of the fields.
.balign 16
    .skip 8
trap_rax:
    .quad 0
trap_error:
    .quad 0
trap_rip:
    .quad 0
    .quad 0
trap_flags:
    .quad 0
trap_rsp:
    .quad 0
    .quad 0
trap_frame_end:

# What the program goes on with, and has in rax, rcx and r11. A fault of the `iretq` to it pushes onto
# the frame above, which nobody needs by then.
next_frame:
next_rip:
    .quad 0, {USER_CODE}
next_flags:
    .quad 0
next_rsp:
    .quad 0, {USER_DATA}
next_rax:
    .quad 0
next_rcx:
    .quad 0
next_r11:
    .quad 0
