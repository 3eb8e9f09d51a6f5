// The console of a board whose serial port has a receive buffer of 256 bytes and no flow control:
// what comes when it is full is lost, and counted nowhere, as on most real boards. The common
// console, which this one is otherwise, holds back instead.

#include "board.h"

#define RECEIVE_BYTES (256)

#define console_receive console_receive_or_hold
#include "common/console.c"
#undef console_receive

bool console_receive(void) {
    while (board_uart_readable(BOARD_CONSOLE)) {
        if ((uint16_t)(input.put - input.taken) < RECEIVE_BYTES) {
            console_receive_or_hold();
        } else if (board_uart_take(BOARD_CONSOLE) == mp_interrupt_char) {
            mp_sched_keyboard_interrupt();
        }
    }
    return true;
}
