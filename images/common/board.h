// What a board gives the glue, and all it has to give: serial ports, a clock, sleep, and a stop.
//
// The glue (main.c, console.c, machine_uart.c, machine_port.c) is the same for every image; a board
// implements this header in one small file. Everything works on the bare hardware: nothing here
// needs a debugger, semihosting or any other help of an emulator.

#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include <stdbool.h>
#include <stdint.h>

// Serial port 0 is the console (REPL); ports from 1 on are data links, offered as machine.UART(n).
#define BOARD_CONSOLE (0)

// Called once, before anything else here and after memory is set up.
void board_init(void);

// Take one received byte. Returns 0..255, or -1 if none has arrived. Never blocks.
int board_uart_take(unsigned port);
// Is there a byte to take?
bool board_uart_readable(unsigned port);
// Can a byte be given right now?
bool board_uart_writable(unsigned port);
// Give one byte to be sent. Returns false, having done nothing, if the port is busy. Never blocks.
bool board_uart_give(unsigned port, uint8_t byte);

// Ticks of the hardware timer since board_init(), at BOARD_TICKS_PER_US (mpconfigport.h).
// Monotonic. It may rely on being called in every sleep and in every collection of garbage, but not
// on an interrupt: an interrupt's instructions would be added to those of a program that is measured.
uint64_t board_ticks(void);

// Sleep until a byte has arrived on any port, an interrupt handler called board_wake(), or the time
// is over (UINT32_MAX: never). May return early, so callers check and call again.
void board_sleep(uint32_t timeout_ms);
// Ends the current or else the next board_sleep(). To be called by interrupt handlers.
void board_wake(void);

// Start over as after power-on; under an emulator run with -no-reboot, end it.
__attribute__((noreturn)) void board_reset(void);

// Given to the board by console.c: moves received bytes from port 0 to the console's buffer.
// The board calls it from the receive interrupt of port 0, or often enough where there is none.
// Returns false if the buffer is full: the board then holds further input back until resume.
bool console_receive(void);
// Given by the board: receiving on port 0 goes on after console_receive() returned false.
void board_console_resume(void);

#endif // HIL_BOARD_H
