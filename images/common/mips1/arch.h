// The few things of a MIPS-I core that C has no words for.
//
// Nothing here is beyond the R3000, so it runs on Lexra's cores too: they have no lwl, lwr, swl and
// swr, and do not wait for a load (or a move from a coprocessor) whose result the very next
// instruction uses. Nor does MIPS-I have an instruction to sleep, to return from an exception
// without `rfe` (which MIPS32 dropped), or a counter of cycles: so there are no interrupts while a
// program runs, everything is polled, and the clock is the board's business.
// Kane and Heinrich, "MIPS RISC Architecture", chapters 3 (pipeline) and 6 (exceptions).

#ifndef HIL_ARCH_H
#define HIL_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#define ARCH_BYTE(address)     (*(volatile uint8_t *)(address))
#define ARCH_REGISTER(address) (*(volatile uint32_t *)(address))

// There are no interrupt handlers that could change anything.
static inline uint32_t arch_mask_interrupts(void) {
    return 0;
}

static inline void arch_restore_interrupts(uint32_t state) {
    (void)state;
}

static inline void arch_unmask_interrupts(void) {
}

// Was the program's stack never used to its end?
bool arch_stack_is_whole(void);

// Called by the board every now and then, because no memory protection notices when it happens: ends
// the machine, by an exception, if the program's stack has been used to its end.
static inline void arch_check_stack(void) {
    if (!arch_stack_is_whole()) {
        __asm volatile ("break");
    }
}

// Given by the board: what was just stored (the exception vectors) is going to be executed, so write
// the data cache back and empty the instruction cache, if there are any.
void board_vectors_written(void);

// The registers a garbage collection must look at: s0 to s7 and fp (shared/runtime/gchelper.h).
typedef uintptr_t gc_helper_regs_t[9];

#endif // HIL_ARCH_H
