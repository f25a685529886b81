# SPDX-License-Identifier: Apache-2.0 OR MIT

# Ways into the kernel and back. The processor pushes onto the end of the running thread's register
# frame (trap.rs, `Registers`), to which tss.rsp0 points; Rust runs on the one kernel stack.
#
# Most traps need only the registers that a Rust function may change. So these are saved first, and
# trap_first is called; when it says that the whole frame is needed (a fork, a signal, a switch of
# threads), the others are saved as well, and trap_second is called. Each instruction here counts.

.section .text.vectors, "ax", @progbits
.global vectors
vectors:
.macro stub number, has_error=0, target=trap
    .balign {VECTOR_STRIDE}
    .if !\has_error
    push 0
    .endif
    push \number
    jmp \target
.endm
.set number, 0
.rept 32
    .if number == 8 || (number >= 10 && number <= 14) || number == 17 || number == 21
    stub number, 1
    .elseif number == 6
    stub number, 0, invalid_opcode
    .else
    stub number
    .endif
    .set number, number + 1
.endr
    stub {VECTOR_INT80}                 # stub number 32: int $0x80

.balign 16
# Where `syscall` leads. Expects: rcx = user rip, r11 = user flags, the user's stack pointer.
# Builds the frame that an interrupt would have pushed.
.global syscall_entry
syscall_entry:
    mov [rip + syscall_user_stack], rsp
    mov rsp, [rip + tss + 4]
    push {USER_DATA}
    push [rip + syscall_user_stack]
    push r11
    push {USER_CODE}
    push rcx
    push 0
    push {VECTOR_SYSCALL}

trap:
    push rdi
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    test byte ptr [rsp + {CS_FROM_VOLATILE}], 3
    jz kernel_trap
    lea rdi, [rsp - {SAVED_BYTES}]
    mov rsp, {STACK_TOP}
    cld
    call {trap_first}
    test al, al
    jnz need_all
    mov rsp, [rip + tss + 4]
    sub rsp, {VOLATILE_TO_END}
return_volatile:
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    add rsp, 16                         # vector and error code
    iretq

need_all:
    mov rdi, [rip + tss + 4]
    sub rdi, {REGISTERS_SIZE}
    mov [rdi], r15
    mov [rdi + 8], r14
    mov [rdi + 16], r13
    mov [rdi + 24], r12
    mov [rdi + 32], rbp
    mov [rdi + 40], rbx
    call {trap_second}

# Goes on with the thread whose frame tss.rsp0 names. Needs nothing of the stack.
.global resume
resume:
    mov rsp, [rip + tss + 4]
    sub rsp, {REGISTERS_SIZE}
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    jmp return_volatile

# A fault of the kernel itself: the frame lies on the kernel stack.
kernel_trap:
    lea rdi, [rsp - {SAVED_BYTES}]
    mov rsp, rdi
    and rsp, -16
    call {kernel_fault}
    ud2

# A #UD may be the end of a bulk copy, see bulk.rs.
invalid_opcode:
    cmp qword ptr [rip + bulk_stack], 0
    je trap
    mov rsp, [rip + bulk_stack]
    mov qword ptr [rip + bulk_stack], 0
    pop rax
    mov cr3, rax
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

# bulk_enter(list, count, root): lets ring 3 work off `count` segments at user address `list` under
# the page tables at `root`. tss.rsp0 must name a frame that nobody needs.
.global bulk_enter
bulk_enter:
    movabs rax, offset bulk_program - {KERNEL_BASE} + {BULK_TEXT}
    jmp enter_ring3

# bulk_enter_vectors(save, restore, root): the same for vector_program.
.global bulk_enter_vectors
bulk_enter_vectors:
    movabs rax, offset vector_program - {KERNEL_BASE} + {BULK_TEXT}

# Expects: rax = where to go, rdx = page tables.
enter_ring3:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov rcx, cr3
    push rcx
    mov [rip + bulk_stack], rsp
    mov cr3, rdx
    push {USER_DATA}
    push 0
    push 2
    push {USER_CODE}
    push rax
    iretq

# Runs in ring 3. rdi = list of (to, from, length), from = 0 for zeros; rsi = how many.
bulk_program:
    mov r8, rdi
    mov r9, rsi
1:
    mov rdi, [r8]
    mov rsi, [r8 + 8]
    mov rcx, [r8 + 16]
    test rsi, rsi
    jz 2f
    rep movsb
    jmp 3f
2:
    xor eax, eax
    rep stosb
3:
    add r8, 24
    dec r9
    jnz 1b
    ud2

# Runs in ring 3. rdi = where to save the vector registers, or 0; rsi = where to load them from, or
# 0. What the bare processor has decides how.
vector_program:
    mov r8, rdi
    mov r9, rsi
    mov eax, 1
    xor ecx, ecx
    cpuid
    mov r10d, ecx
    mov eax, {VECTOR_COMPONENTS}
    xor edx, edx
    test r8, r8
    jz 2f
    bt r10d, 27                         # OSXSAVE
    jnc 1f
    xsave64 [r8]
    jmp 2f
1:
    fxsave64 [r8]
2:
    test r9, r9
    jz 4f
    bt r10d, 27
    jnc 3f
    xrstor64 [r9]
    ud2
3:
    fxrstor64 [r9]
4:
    ud2

.section .bss.traps, "aw", @nobits
.balign 8
syscall_user_stack:
    .skip 8
bulk_stack:
    .skip 8
