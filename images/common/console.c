// The console, port 0: standard input and output of MicroPython, and Ctrl-C.
//
// Input is taken by the receive interrupt into a small buffer, so that Ctrl-C stops a program that
// is not reading. When the buffer is full the rest stays where it is, in the serial port and on the
// host's side of it, so nothing is ever lost. Output waits until the port takes it.
//
// While a REPL reads and compiles there is nothing to stop, and an emulator keeps what is not taken:
// there the interrupt is let in only where input is waited for. An interrupt leaves its frame on the
// stack it came upon, and whatever function comes next to lie there does not set every word of its
// own; the collector sees the rest for as long as the program runs (a Cortex-M took 8 instructions
// more or less in each collection, in one of ten runs).

#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"

// A power of two. Where the host keeps what is not taken there needs to be room for Ctrl-C alone.
#if BOARD_RAM_IS_RANDOM || BOARD_IS_ON_A_CABLE
#define INPUT_BYTES (512)
#else
#define INPUT_BYTES (128)
#endif

static struct {
    uint8_t bytes[INPUT_BYTES];
    volatile uint16_t put;  // both run free and are taken modulo the size
    volatile uint16_t taken;
    volatile bool held_back;
} input;

bool console_receive(void) {
    while (board_uart_readable(BOARD_CONSOLE)) {
        if ((uint16_t)(input.put - input.taken) == INPUT_BYTES) {
            input.held_back = true;
            return false;
        }
        int byte = board_uart_take(BOARD_CONSOLE);
        if (byte == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        } else {
            input.bytes[input.put % INPUT_BYTES] = byte;
            input.put += 1;
        }
    }
    return true;
}

#if BOARD_RAM_IS_RANDOM
// A real port loses what it has no room for, so its interrupt comes whatever runs.
void console_runs(bool program) {
    (void)program;
}

static void let_in(void) {
}
#else
void console_runs(bool program) {
    if (program) {
        arch_unmask_interrupts();
    } else {
        arch_mask_interrupts();
    }
}

static void let_in(void) {
    if (mp_interrupt_char == -1) {
        arch_unmask_interrupts();
        arch_mask_interrupts();
    }
}
#endif

int mp_hal_stdin_rx_chr(void) {
    let_in();
    while (input.put == input.taken) {
        mp_event_wait_indefinite();
        let_in();
    }
    int byte = input.bytes[input.taken % INPUT_BYTES];
    input.taken += 1;
    if (input.held_back) {
        input.held_back = false;
        board_console_resume();
    }
    forget_wait();  // what the wait leaves behind depends on when the byte came
    return byte;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        while (!board_uart_give(BOARD_CONSOLE, text[i])) {
        }
    }
    return length;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    let_in();
    uintptr_t ready = flags & MP_STREAM_POLL_WR;
    if ((flags & MP_STREAM_POLL_RD) && input.put != input.taken) {
        ready |= MP_STREAM_POLL_RD;
    }
    return ready;
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t end = board_ticks() + (uint64_t)ms * 1000 * BOARD_TICKS_PER_US;
    for (;;) {
        uint64_t now = board_ticks();
        if (now >= end) {
            return;
        }
        mp_event_wait_ms((end - now) / (1000 * BOARD_TICKS_PER_US) + 1);
    }
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t end = board_ticks() + (uint64_t)us * BOARD_TICKS_PER_US;
    while (board_ticks() < end) {
    }
}
