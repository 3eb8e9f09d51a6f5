// The Malta board, as far as MicroPython has to know it.

#define MICROPY_HW_BOARD_NAME           "malta"
#define MICROPY_HW_MCU_NAME             "4Kc"
#define MICROPY_PY_SYS_PLATFORM         "malta"

#define BOARD_TICKS_PER_US              (125)  // see board_ticks()
#define BOARD_UARTS                     (3)

#include "common/lwip/mpconfigport_lwip.h"
