// MicroPython on the MPS2 board: see common/mpconfigport_common.h for what it has; here its CPU.

#define MICROPY_PY_ASYNCIO              (1)

#include "mpconfigport_common.h"
#include "armv7m/mpconfigport_armv7m.h"
#include "mps2/map_an385.h"

#define MICROPY_HW_BOARD_NAME           "mps2-an385"
#define MICROPY_HW_MCU_NAME             "Cortex-M3"
#define MICROPY_PY_SYS_PLATFORM         "mps2"
