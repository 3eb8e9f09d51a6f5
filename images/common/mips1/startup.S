// From the boot loader to port_main() on a MIPS-I core, and from an exception to its last words.
//
// The program has the big painted stack; start-up and the report of a fault use a small one of their
// own, so a program that ran out of stack can still say so. Three copies of one short stub are the
// exception vectors: where an R3000 or Lexra core looks (0x80000080), where MIPS32 does (0x80000180),
// and the refill of the TLB (0x80000000), which stands for any access outside the mapped memory.
//
// Interrupts are enabled nowhere but in a board's own function to sleep, which calls nothing. So
// "an interrupt happened" means "that function is to return", and this takes no more than a jump to
// ra: the instruction that ends an exception, different on MIPS32 and before, is not needed.

#include <regdef.h>

#define CP0_BADVADDR $8
#define CP0_STATUS   $12
#define CP0_CAUSE    $13
#define CP0_EPC      $14
#define STATUS_CALM  0x10000000     // coprocessor 0 usable, no interrupts, vectors in RAM
#define EXCEPTION_CODE 0x7c         // of the Cause register; 0 is an interrupt

    .set noat

    .section .text.reset, "ax"
    .globl reset_entry
    .ent reset_entry
reset_entry:
    li t0, STATUS_CALM
    mtc0 t0, CP0_STATUS
    mtc0 zero, CP0_CAUSE
    la sp, port_handler_stack_top - 16
    jal prepare_memory
    la sp, hil_stack_top - 16       // a callee may store its arguments in 16 bytes of its caller
    la ra, reset_entry
    j port_main
    .end reset_entry

    .text
    .globl vector_stub
    .globl vector_stub_end
vector_stub:
    la k0, exception_entry
    jr k0
vector_stub_end:

    .ent exception_entry
exception_entry:
    mfc0 k0, CP0_CAUSE
    andi k0, k0, EXCEPTION_CODE
    bnez k0, fault
    li k0, STATUS_CALM
    mtc0 k0, CP0_STATUS
    jr ra
fault:
    la k0, port_fault_frame         // in the order of fault.c
    sw sp, 0(k0)
    sw ra, 4(k0)
    sw v0, 8(k0)
    sw v1, 12(k0)
    sw a0, 16(k0)
    sw a1, 20(k0)
    sw a2, 24(k0)
    sw a3, 28(k0)
    mfc0 k1, CP0_EPC
    mfc0 a0, CP0_CAUSE
    sw k1, 32(k0)
    sw a0, 36(k0)
    mfc0 k1, CP0_STATUS
    mfc0 a0, CP0_BADVADDR
    sw k1, 40(k0)
    sw a0, 44(k0)
    move a0, k0
    la sp, port_handler_stack_top - 16
    j fault_report
    .end exception_entry

// uintptr_t gc_helper_get_regs_and_sp(uintptr_t registers[9])
    .globl gc_helper_get_regs_and_sp
    .ent gc_helper_get_regs_and_sp
gc_helper_get_regs_and_sp:
    sw s0, 0(a0)
    sw s1, 4(a0)
    sw s2, 8(a0)
    sw s3, 12(a0)
    sw s4, 16(a0)
    sw s5, 20(a0)
    sw s6, 24(a0)
    sw s7, 28(a0)
    sw fp, 32(a0)
    move v0, sp
    jr ra
    .end gc_helper_get_regs_and_sp
