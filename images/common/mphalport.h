// MicroPython's hardware layer on top of board.h: ticks, waiting, atomic sections.

#ifndef HIL_MPHALPORT_H
#define HIL_MPHALPORT_H

#include "arch.h"
#include "board.h"
#include "shared/runtime/interrupt_char.h"

static inline mp_uint_t mp_hal_ticks_ms(void) {
    return board_ticks() / (BOARD_TICKS_PER_US * 1000);
}

static inline mp_uint_t mp_hal_ticks_us(void) {
    return board_ticks() / BOARD_TICKS_PER_US;
}

// Clear what returned calls have left on the stack below the caller, but for paint that no call has
// touched; it always takes the same instructions. The collector takes any word on the stack for a
// pointer, stale ones included: without this the work of a program would depend on whether it had to
// wait for a byte before.
void forget_calls(void);

// For the end of each try to read or write a byte: what tries leave behind must not depend on how many
// it took. Beside the stack that is the interpreter's memory of look-ups: for each of 128 groups of
// names, at which place of a table one of them was found last. Only a loop that waits looks its names
// up, and whoever finds one at another place than before takes a hundred instructions more.
void forget_wait(void);

// The same, for all that the stack has room for. REPLs set the character that interrupts between
// compiling a program and running it, so what the program's calls find in their frames, and what is
// remembered of look-ups, depends neither on how its text came in nor on the program before.
void forget_all_calls(void);
// From now on a program runs, or a REPL (console.c).
void console_runs(bool program);
#define mp_hal_set_interrupt_char(character) \
    (forget_all_calls(), mp_hal_set_interrupt_char(character), console_runs((character) != -1))

// The raw timer: what measurements are made of, so it does not even divide.
static inline mp_uint_t mp_hal_ticks_cpu(void) {
    forget_calls();
    #ifdef BOARD_LOOK_AFTER_EACH
    board_look_after();  // so that what happens until the next reading has not begun before this one
    #endif
    return board_ticks();
}

#define MICROPY_INTERNAL_WFE(timeout_ms) board_sleep((uint32_t)(timeout_ms))

#define MICROPY_BEGIN_ATOMIC_SECTION() arch_mask_interrupts()
#define MICROPY_END_ATOMIC_SECTION(state) arch_restore_interrupts(state)

#endif // HIL_MPHALPORT_H
