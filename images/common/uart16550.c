// Serial ports of the 16550 kind, polled. Source: National Semiconductor PC16550D data sheet, 8.0.

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"
#include "uart16550.h"

enum { DATA = 0, DIVISOR_LOW = 0, INTERRUPTS = 1, DIVISOR_HIGH = 1, FIFO = 2, LINE = 3, STATUS = 5 };

#define INTERRUPT_RECEIVED (0x01)
// Buffers on and emptied; the receiving one calls when 14 of its 16 bytes are used.
#define FIFO_FRESH         (0xc7)
#define LINE_8N1           (0x03)
#define LINE_DIVISOR       (0x80)
#define STATUS_RECEIVED    (0x01)
#define STATUS_CAN_SEND    (0x20)

static volatile uint8_t *registers(unsigned port, unsigned number) {
    return &ARCH_BYTE(board_uarts[port].base + number * board_uarts[port].stride);
}

void uart16550_start(void) {
    for (unsigned port = 0; port < BOARD_UARTS; port++) {
        *registers(port, INTERRUPTS) = 0;
        *registers(port, FIFO) = FIFO_FRESH;
    }
}

void uart16550_set_divisor(unsigned port, uint16_t divisor) {
    *registers(port, LINE) = LINE_DIVISOR | LINE_8N1;
    *registers(port, DIVISOR_LOW) = divisor & 0xff;
    *registers(port, DIVISOR_HIGH) = divisor >> 8;
    *registers(port, LINE) = LINE_8N1;
}

void uart16550_interrupt(unsigned port, uint8_t on) {
    *registers(port, INTERRUPTS) = on ? INTERRUPT_RECEIVED : 0;
}

bool board_uart_readable(unsigned port) {
    return *registers(port, STATUS) & STATUS_RECEIVED;
}

int board_uart_take(unsigned port) {
    return board_uart_readable(port) ? *registers(port, DATA) : -1;
}

bool board_uart_writable(unsigned port) {
    return *registers(port, STATUS) & STATUS_CAN_SEND;
}

bool board_uart_give(unsigned port, uint8_t byte) {
    if (!board_uart_writable(port)) {
        return false;
    }
    *registers(port, DATA) = byte;
    return true;
}
