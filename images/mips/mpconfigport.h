// MicroPython on big-endian MIPS-I: see common/mpconfigport_common.h for what it has; here its CPU
// and what comes of having no interrupts.

#include "arch.h"
#include "mpconfigport_common.h"
#include "board_config.h"

// Every so many turns of a loop or returns of a function the program stops for the board to look
// after the console (Ctrl-C), the clock and the stack.
void board_look_after(void);
#define BOARD_LOOK_AFTER_EACH           (64)
#define MICROPY_VM_HOOK_INIT \
    static uint32_t until_look_after = BOARD_LOOK_AFTER_EACH;
#define MICROPY_VM_HOOK_LOOP \
    if (--until_look_after == 0) { \
        until_look_after = BOARD_LOOK_AFTER_EACH; \
        board_look_after(); \
    }
#define MICROPY_VM_HOOK_RETURN          MICROPY_VM_HOOK_LOOP
