// MicroPython on the LM3S6965: its flash is small, so the base is the level of core features, and of
// the extra ones only what the core of TLS, the agent and a portable test need is added. What nobody
// needs of the core's is taken away.

#define MICROPY_CONFIG_ROM_LEVEL        (MICROPY_CONFIG_ROM_LEVEL_CORE_FEATURES)

// Nobody filters, or asks a range for its ends; what is compiled on the board may be a little slower.
#define MICROPY_COMP_DOUBLE_TUPLE_ASSIGN (0)
#define MICROPY_PY_BUILTINS_FILTER      (0)
#define MICROPY_PY_BUILTINS_RANGE_ATTRS (0)

#include "mpconfigport_common.h"
#include "armv7m/mpconfigport_armv7m.h"

#define MICROPY_ENABLE_SCHEDULER        (1)
#define MICROPY_ENABLE_SOURCE_LINE      (1)
#define MICROPY_HELPER_REPL             (1)
#define MICROPY_KBD_EXCEPTION           (1)
#define MICROPY_STACK_CHECK             (1)
#define MICROPY_STREAMS_NON_BLOCK       (1)
#define MICROPY_CAN_OVERRIDE_BUILTINS   (1)
#define MICROPY_OPT_LOAD_ATTR_FAST_PATH (1)
#define MICROPY_OPT_MAP_LOOKUP_CACHE    (1)
#define MICROPY_OPT_MPZ_BITWISE         (1)
#define MICROPY_COMP_MODULE_CONST       (1)
#define MICROPY_PY_ALL_SPECIAL_METHODS  (1)
#define MICROPY_PY_ARRAY_SLICE_ASSIGN   (1)
#define MICROPY_PY_BINASCII             (1)
#define MICROPY_PY_BUILTINS_BYTES_HEX   (1)
#define MICROPY_PY_BUILTINS_MEMORYVIEW  (1)
#define MICROPY_PY_BUILTINS_POW3        (1)
#define MICROPY_PY_BUILTINS_STR_PARTITION (1)
#define MICROPY_PY_ERRNO                (1)
#define MICROPY_PY_FUNCTION_ATTRS       (1)
#define MICROPY_PY_HASHLIB              (1)
#define MICROPY_PY_MICROPYTHON_MEM_INFO (1)
#define MICROPY_PY_SELECT               (1)
#define MICROPY_PY_SYS_MAXSIZE          (1)
#define MICROPY_PY_SYS_STDFILES         (1)
#define MICROPY_PY_TIME                 (1)

#define MICROPY_PY_ASYNC_AWAIT          (0)
#define MICROPY_PY_COLLECTIONS          (0)
#define MICROPY_PY_IO                   (0)

#define MICROPY_HW_BOARD_NAME           "lm3s6965evb"
#define MICROPY_HW_MCU_NAME             "Cortex-M3"
#define MICROPY_PY_SYS_PLATFORM         "lm3s6965"

#define BOARD_TICKS_PER_US              (50)
#define BOARD_UARTS                     (2)
