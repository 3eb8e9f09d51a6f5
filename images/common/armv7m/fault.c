// A crashed program on ARMv7-M or ARMv8-M says why, then the machine is reset.
//
// Runs on the stack of exceptions, which works even when the program's stack is what broke.

#include "arch.h"
#include "last_words.h"

extern char hil_stack_bottom[], hil_ram_end[];

#define CFSR_MMFAR_VALID (1u << 7)
#define FRAME_WORDS      (8)

// The exception frame: ARM DDI 0403E, B1.5.6.
__attribute__((used, noreturn)) static void fault_report(uint32_t *frame) {
    static const char *const names[FRAME_WORDS] = { "r0", "r1", "r2", "r3", "r12", "lr", "pc", "psr" };
    uint32_t number;
    __asm volatile ("mrs %0, ipsr" : "=r" (number));
    last_words_begin();
    last_words_value("exception", number);
    last_words_value("sp", (uint32_t)(frame + FRAME_WORDS));  // as it was before the frame
    char *at = (char *)frame;
    if (at < hil_stack_bottom || at + FRAME_WORDS * sizeof(*frame) > hil_ram_end) {
        last_words_note("stack-overflow");  // the frame could not be written there, nor be read
    } else {
        for (int i = 0; i < FRAME_WORDS; i++) {
            last_words_value(names[i], frame[i]);
        }
    }
    last_words_value("address", SCB_CFSR & CFSR_MMFAR_VALID ? SCB_MMFAR : SCB_BFAR);
    last_words_value("cfsr", SCB_CFSR);
    last_words_value("hfsr", SCB_HFSR);
    last_words_end();
}

__attribute__((naked)) void fault_handler(void) {
    __asm volatile (
        "tst lr, #4\n"      // EXC_RETURN: which stack was in use
        "ite eq\n"
        "mrseq r0, msp\n"
        "mrsne r0, psp\n"
        "b fault_report\n"
        );
}
