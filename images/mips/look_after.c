// What is to be done now and then on a board whose ports have no interrupt handlers.

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"

uint32_t board_until_look_after = BOARD_LOOK_AFTER_EACH;

void board_look_after(void) {
    board_until_look_after = BOARD_LOOK_AFTER_EACH;
    console_receive();
    board_ticks();
    arch_check_stack();
    #if MICROPY_PY_LWIP
    network_look_after();
    #endif
}

void board_console_resume(void) {
    console_receive();
}
