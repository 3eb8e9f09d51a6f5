// The last words of a crashed program: one line on the console, then the machine is reset.
//
// Runs on the stack of exceptions, which works even when the program's stack is what broke, and uses
// nothing of MicroPython, whose state may be what broke.

#include "arch.h"
#include "board.h"

extern char hil_stack_bottom[], hil_ram_end[];

// If the host has stopped reading the console, the line is lost rather than the machine stuck.
#define TRIES (10000000)

static void say(const char *text) {
    for (; *text != 0; text++) {
        for (uint32_t tries = 0; tries < TRIES && !board_uart_give(BOARD_CONSOLE, *text); tries++) {
        }
    }
}

static void say_value(const char *name, uint32_t value) {
    char digits[9] = { 0 };
    for (int i = 7; i >= 0; i--, value >>= 4) {
        digits[i] = "0123456789abcdef"[value & 15];
    }
    say(" ");
    say(name);
    say("=");
    say(digits);
}

// The exception frame: ARM DDI 0403E, B1.5.6.
__attribute__((used, noreturn)) static void fault_report(uint32_t *frame) {
    static const char *const names[8] = { "r0", "r1", "r2", "r3", "r12", "lr", "pc", "psr" };
    uint32_t number;
    __asm volatile ("mrs %0, ipsr" : "=r" (number));
    say("\r\nHIL-FAULT");
    say_value("exception", number);
    say_value("sp", (uint32_t)(frame + 8));  // as it was before the frame
    char *at = (char *)frame;
    if (at < hil_stack_bottom || at + sizeof(names) > hil_ram_end) {
        say(" stack-overflow");  // the frame could not be written there, nor be read
    } else {
        for (int i = 0; i < 8; i++) {
            say_value(names[i], frame[i]);
        }
    }
    say_value("cfsr", SCB_CFSR);
    say_value("hfsr", SCB_HFSR);
    say_value("mmfar", SCB_MMFAR);
    say_value("bfar", SCB_BFAR);
    say("\r\n");
    board_reset();
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
