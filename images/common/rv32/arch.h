// The few things of a RISC-V core in machine mode that C has no words for.
// "The RISC-V Instruction Set Manual", volume II, chapter 3.

#ifndef HIL_ARCH_H
#define HIL_ARCH_H

#include <stdint.h>

#define ARCH_REGISTER(address) (*(volatile uint32_t *)(address))
#define ARCH_BYTE(address)     (*(volatile uint8_t *)(address))

#define ARCH_CSR_SET(name, bits)   __asm volatile ("csrs " #name ", %0" :: "r" (bits) : "memory")
#define ARCH_CSR_CLEAR(name, bits) __asm volatile ("csrc " #name ", %0" :: "r" (bits) : "memory")

#define MSTATUS_MIE            (1u << 3)
// Bits of the register mie.
#define ARCH_TIMER_INTERRUPT   (1u << 7)
#define ARCH_BOARD_INTERRUPT   (1u << 11)

// Mask all interrupts; returns the former state, to be given back.
static inline uint32_t arch_mask_interrupts(void) {
    uint32_t state;
    __asm volatile ("csrrci %0, mstatus, 8" : "=r" (state) :: "memory");
    return state & MSTATUS_MIE;
}

static inline void arch_restore_interrupts(uint32_t state) {
    ARCH_CSR_SET(mstatus, state);
}

// Let interrupts in, those that are pending at once.
static inline void arch_unmask_interrupts(void) {
    ARCH_CSR_SET(mstatus, MSTATUS_MIE);
}

// Sleep until an interrupt enabled in mie is pending, be it masked or not.
static inline void arch_wait_for_interrupt(void) {
    __asm volatile ("wfi" ::: "memory");
}

// Given by the board: the handler of its interrupt controller's line.
void board_interrupt(void);

#endif // HIL_ARCH_H
