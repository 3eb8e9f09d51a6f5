// MicroPython on the simulated board with a radio: that of ../mips, and the console as bytes.

#include "mips/mpconfigport.h"
#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_PY_SYS_STDIO_BUFFER     (1)
#undef MICROPY_PY_DEFLATE
#define MICROPY_PY_DEFLATE              (1) // and with it binascii.crc32
#define BOARD_IS_ON_A_CABLE             (1)  // which keeps nothing: console.c
