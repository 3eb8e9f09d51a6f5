// The 16550 serial ports of a board: uart16550.c gives board.h's functions for them.

#ifndef HIL_UART16550_H
#define HIL_UART16550_H

#include <stdint.h>

// Where a port is: the address of its first register and the distance from each to the next.
typedef struct {
    uint32_t base;
    uint32_t stride;
} uart16550_t;

// Given by the board: ports 0 to BOARD_UARTS - 1.
extern const uart16550_t board_uarts[];

// Empty the buffers of all ports and switch them on. Speed and format stay as they are.
void uart16550_start(void);
// Send at the given part of the base clock; 8 bits, no parity, one stop bit.
void uart16550_set_divisor(unsigned port, uint16_t divisor);
// Have a received byte raise the interrupt line of its port, or not.
void uart16550_interrupt(unsigned port, uint8_t on);

#endif // HIL_UART16550_H
