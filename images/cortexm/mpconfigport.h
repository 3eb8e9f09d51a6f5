// MicroPython on the MPS2 board: see common/mpconfigport_common.h for what it has; here its CPU.

#include "mpconfigport_common.h"

#define MICROPY_EMIT_THUMB              (1)
#define MICROPY_EMIT_INLINE_THUMB       (1)
#define MICROPY_MAKE_POINTER_CALLABLE(pointer) ((void *)((uintptr_t)(pointer) | 1))

#define MICROPY_HW_BOARD_NAME           "mps2-an385"
#define MICROPY_HW_MCU_NAME             "Cortex-M3"
#define MICROPY_PY_SYS_PLATFORM         "mps2"

#define BOARD_TICKS_PER_US              (25)
#define BOARD_UARTS                     (2)
