// MicroPython on the simulated boards: what stock firmware has for programs that use the console as
// bytes, and for modules from files.

#ifndef HIL_SIMBOARD_DISK
#define HIL_SIMBOARD_DISK               (0)
#endif

#if HIL_SIMBOARD_DISK
#define MICROPY_ENABLE_FINALISER        (1)
#define MICROPY_VFS                     (1)
#define MICROPY_READER_VFS              (1)
#define MICROPY_PERSISTENT_CODE_LOAD    (1)
#endif

#include "mpconfigport_common.h"
#undef MICROPY_PY_OS
#define MICROPY_PY_OS                   (HIL_SIMBOARD_DISK)
#define MICROPY_PY_OS_URANDOM           (HIL_SIMBOARD_DISK)
#define MICROPY_PY_OS_INCLUDEFILE       "simboard/urandom.c"
#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_PY_SYS_STDIO_BUFFER     (1)
#undef MICROPY_PY_DEFLATE
#define MICROPY_PY_DEFLATE              (1) // and with it binascii.crc32
#undef MICROPY_PY_UCTYPES
#define MICROPY_PY_UCTYPES              (HIL_SIMBOARD_DISK)
#include "armv7m/mpconfigport_armv7m.h"
#include "mps2/map_an385.h"

#define BOARD_IS_ON_A_CABLE             (1)  // which keeps nothing: console.c
#define MICROPY_HW_BOARD_NAME           "simboard"
#define MICROPY_HW_MCU_NAME             "Cortex-M3"
#define MICROPY_PY_SYS_PLATFORM         "simboard"
