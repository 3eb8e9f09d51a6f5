// Reset and traps of a RISC-V core in machine mode.
//
// There are two stacks. Traps use a small stack of their own, whose top waits in mscratch while a
// program runs; so interrupts never add to the program's stack use, and when the program runs out of
// stack, the last words still have one.

    .section .text.reset, "ax"
    .globl reset_entry
reset_entry:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, port_handler_stack_top
    la t0, trap_entry
    csrw mtvec, t0
    csrw mscratch, sp
    call prepare_memory
    la sp, hil_stack_top
    call port_main          // does not return

// The registers a function may change, in the order trap.c knows them by.
#define FRAME_BYTES 64

    .text
    .balign 4
    .globl trap_entry
trap_entry:
    csrrw sp, mscratch, sp
    addi sp, sp, -FRAME_BYTES
    sw ra, 0(sp)
    sw a0, 4(sp)
    sw a1, 8(sp)
    sw a2, 12(sp)
    sw a3, 16(sp)
    sw a4, 20(sp)
    sw a5, 24(sp)
    sw a6, 28(sp)
    sw a7, 32(sp)
    sw t0, 36(sp)
    sw t1, 40(sp)
    sw t2, 44(sp)
    sw t3, 48(sp)
    sw t4, 52(sp)
    sw t5, 56(sp)
    sw t6, 60(sp)
    mv a0, sp
    call trap_handler
    lw ra, 0(sp)
    lw a0, 4(sp)
    lw a1, 8(sp)
    lw a2, 12(sp)
    lw a3, 16(sp)
    lw a4, 20(sp)
    lw a5, 24(sp)
    lw a6, 28(sp)
    lw a7, 32(sp)
    lw t0, 36(sp)
    lw t1, 40(sp)
    lw t2, 44(sp)
    lw t3, 48(sp)
    lw t4, 52(sp)
    lw t5, 56(sp)
    lw t6, 60(sp)
    addi sp, sp, FRAME_BYTES
    csrrw sp, mscratch, sp
    mret
