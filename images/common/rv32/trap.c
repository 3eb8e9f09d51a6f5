// Every trap comes here: an interrupt goes to the board, anything else is the end of the program.

#include "arch.h"
#include "last_words.h"

extern char hil_stack_bottom[];

#define CAUSE_INTERRUPT (1u << 31)
// A program whose stack pointer is this near the end, or beyond it, has run out of stack.
#define NEAR_BYTES      (64)

#define CSR_READ(name) \
    ({ uint32_t csr_value; __asm volatile ("csrr %0, " #name : "=r" (csr_value)); csr_value; })

void trap_handler(const uint32_t *frame);

void trap_handler(const uint32_t *frame) {
    uint32_t cause = CSR_READ(mcause);
    if (cause & CAUSE_INTERRUPT) {
        board_interrupt();
        return;
    }
    // As startup.S saves them.
    static const char *const names[] = {
        "ra", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5", "t6",
    };
    uint32_t sp = CSR_READ(mscratch);
    last_words_begin();
    last_words_value("exception", cause);
    if (sp < (uint32_t)hil_stack_bottom + NEAR_BYTES) {
        last_words_note("stack-overflow");
    }
    last_words_value("sp", sp);
    last_words_value("pc", CSR_READ(mepc));
    last_words_value("address", CSR_READ(mtval));
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        last_words_value(names[i], frame[i]);
    }
    last_words_end();
}
