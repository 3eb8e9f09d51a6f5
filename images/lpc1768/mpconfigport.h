// MicroPython on the mbed LPC1768: see common/mpconfigport_common.h for what it has. Its one serial
// port is console and link in one, for which frames need the console as bytes, and CRC-32; its heap
// is in two pieces; and it has an analogue input to take noise from.

#define MICROPY_GC_SPLIT_HEAP           (1)

#include "mpconfigport_common.h"
#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_PY_SYS_STDIO_BUFFER     (1)
#undef MICROPY_PY_DEFLATE
#define MICROPY_PY_DEFLATE              (1) // and with it binascii.crc32
#undef MICROPY_PY_MACHINE_UART
#define MICROPY_PY_MACHINE_UART         (0)
#define MICROPY_PY_MACHINE_ADC          (1)
#define MICROPY_PY_MACHINE_ADC_INCLUDEFILE "lpc1768/adc.c"
#define MICROPY_PY_MACHINE_ADC_CLASS_CONSTANTS
#include "armv7m/mpconfigport_armv7m.h"

#define MICROPY_HW_BOARD_NAME           "mbed"
#define MICROPY_HW_MCU_NAME             "LPC1768"
#define MICROPY_PY_SYS_PLATFORM         "lpc1768"

// The timer counts the peripherals' clock, a quarter of the CPU's 96 MHz.
#define BOARD_TICKS_PER_US              (24)
#define BOARD_UARTS                     (1)
#define BOARD_RAM_IS_RANDOM             (1)
