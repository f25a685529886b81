# SPDX-License-Identifier: Apache-2.0 OR MIT

# What the processor reads: task state, descriptors, gates, and the page table of the first GiB, complete
# at link time. Tables with few entries are filled by entry.S.
# Intel SDM volume 3: 3.4.5 (descriptors), 6.14 (gates), 7.7 (64-bit TSS), 4.5 (4-level paging).

.section .data.tables, "aw", @progbits

# ---- task state: the first bytes of the data, see kernel.ld ----
.global tss
tss:
    .long 0
    .quad trap_frame_end + {IMAGE_ALIAS} # rsp0: where a trap out of ring 3 pushes its frame
    .quad 0, 0                          # rsp1, rsp2
    .quad 0
    .quad fault_stack_top + {IMAGE_ALIAS}   # ist1: for NMI, double fault and machine check
    .quad 0, 0, 0, 0, 0, 0              # ist2 to ist7
    .quad 0
    .word 0, 104                        # no I/O permission map: it would start behind the end
.set TSS_LIMIT, . - tss - 1

# ---- segments; the selectors are Linux's, as programs may look at them ----
.balign 16
gdt:
    .quad 0
    .quad 0
    .quad 0x00af9b000000ffff            # 0x10: kernel code, 64 bits
    .quad 0x00cf93000000ffff            # 0x18: kernel data
    .quad 0                             # 0x23: there is no 32-bit code, nor a way into it
    .quad 0x00cff3000000ffff            # 0x2b: user data
    .quad 0x00affb000000ffff            # 0x33: user code, 64 bits
    .quad 0
    # 0x40: the task state segment; its address is a constant, so the split is one too
    .word TSS_LIMIT, {TSS} & 0xffff
    .byte ({TSS} >> 16) & 0xff, 0x89, 0, ({TSS} >> 24) & 0xff
    .long ({TSS} >> 32) & 0xffffffff, 0
.set GDT_LIMIT, . - gdt - 1

.global gdt_pointer
gdt_pointer:
    .word GDT_LIMIT
    .quad gdt + {IMAGE_ALIAS}
boot_gdt_pointer:
    .word GDT_LIMIT
    .long gdt

# ---- gates: stub number n stands at VECTORS + n * VECTOR_STRIDE, see traps.S ----
.macro gate stub, attributes, stack=0
    .set handler, {VECTORS} + \stub * {VECTOR_STRIDE}
    .word handler & 0xffff, 0x10
    .byte \stack, \attributes
    .word (handler >> 16) & 0xffff
    .long (handler >> 32) & 0xffffffff, 0
.endm

.set KERNEL_GATE, 0x8e                  # present, privilege 0, interrupt gate
.set USER_GATE, 0xee                    # the same, programs may call it

.balign 16
idt:
.set vector, 0
.rept 32
    .if vector == 2 || vector == 8 || vector == 18
    gate vector, KERNEL_GATE, 1
    .elseif vector == 14
    gate 34, KERNEL_GATE
    .elseif vector == 3 || vector == 4
    gate vector, USER_GATE
    .else
    gate vector, KERNEL_GATE
    .endif
    .set vector, vector + 1
.endr
    .fill 16 * ({TIMER_VECTOR} - 32), 1, 0
    gate 33, KERNEL_GATE
    .fill 16 * ({SPURIOUS_VECTOR} - {TIMER_VECTOR} - 1), 1, 0
    gate 33, KERNEL_GATE
    .fill 16 * (0x80 - {SPURIOUS_VECTOR} - 1), 1, 0
    gate 32, USER_GATE                  # int $0x80
.set IDT_LIMIT, . - idt - 1

idt_pointer:
    .word IDT_LIMIT
    .quad idt + {IMAGE_ALIAS}

# ---- page tables ----
.set P, 1 << 0                          # present
.set W, 1 << 1                          # writable
.set U, 1 << 2                          # user, where all levels say so
.set AD, 3 << 5                         # accessed and dirty: spares the processor the write
.set PS, 1 << 7                         # large page
.set NX, 1 << 63

.balign 4096
# Physical memory from 0 to 1 GiB.
first_gib:
.set n, 0
.rept 512
    .if n == {TEXT} / 0x200000
    .quad n * 0x200000 + P + U + PS + AD
    .elseif n == {TEXT} / 0x200000 + 1
    .quad n * 0x200000 + P + U + PS + AD + NX
    .else
    .quad n * 0x200000 + P + W + U + PS + AD + NX
    .endif
    .set n, n + 1
.endr

.section .bss.tables, "aw", @nobits
.balign 4096
# The kernel's own tables. Every program's have entry 511 of it too, which lacks the user bit.
.global kernel_tables
kernel_tables:
    .skip 4096
image_pdpt:
    .skip 4096
# What lies above 1 GiB is for paging::complete_direct_map, as is the table below.
.global memory_pdpt
memory_pdpt:
    .skip 4096
# From 3 to 4 GiB.
.global device_pd
device_pd:
    .skip 4096
