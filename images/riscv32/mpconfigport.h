// MicroPython on QEMU's RISC-V board: see common/mpconfigport_common.h for what it has; here its CPU.

#include "mpconfigport_common.h"
#include "rv32/mpconfigport_rv32.h"

#define MICROPY_HW_BOARD_NAME           "virt"
#define MICROPY_HW_MCU_NAME             "RV32IMC"
#define MICROPY_PY_SYS_PLATFORM         "riscv-virt"

#define BOARD_TICKS_PER_US              (10)
#define BOARD_UARTS                     (2)
