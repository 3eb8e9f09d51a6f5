// MicroPython on big-endian MIPS-I: see common/mpconfigport_common.h for what it has; here its CPU
// and what comes of having no interrupts.

#include "arch.h"
#define MICROPY_ENABLE_FINALISER        (1)  // of upstream's sockets
#include "mpconfigport_common.h"
#include "board_config.h"

// Every so many turns of a loop or returns of a function the program stops for the board to look
// after the console (Ctrl-C), the clock and the stack.
void board_look_after(void);
#define BOARD_LOOK_AFTER_EACH           (64)
extern uint32_t board_until_look_after;
#define MICROPY_VM_HOOK_LOOP \
    if (--board_until_look_after == 0) { \
        board_look_after(); \
    }
#define MICROPY_VM_HOOK_RETURN          MICROPY_VM_HOOK_LOOP
