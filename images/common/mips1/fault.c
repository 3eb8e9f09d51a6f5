// A crashed program on MIPS says why, then the machine is reset. Runs on a small stack of its own.

#include "arch.h"
#include "last_words.h"

#define CAUSE_CODE(cause) ((cause) >> 2 & 31)

// Written by startup.S in this order.
__attribute__((section(".noinit"))) uint32_t port_fault_frame[12];
enum { FRAME_CAUSE = 9 };

__attribute__((noreturn)) void fault_report(const uint32_t *frame);

void fault_report(const uint32_t *frame) {
    static const char *const names[] = {
        "sp", "ra", "v0", "v1", "a0", "a1", "a2", "a3", "pc", "cause", "status", "address",
    };
    last_words_begin();
    last_words_value("exception", CAUSE_CODE(frame[FRAME_CAUSE]));
    if (!arch_stack_is_whole()) {
        last_words_note("stack-overflow");
    }
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        last_words_value(names[i], frame[i]);
    }
    last_words_end();
}
