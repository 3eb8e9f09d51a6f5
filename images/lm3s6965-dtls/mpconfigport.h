// The MicroPython of lm3s6965/ with short messages of its own errors, without lines in tracebacks (the
// modules have none), and without what none of the modules uses.

#define MICROPY_ERROR_REPORTING         (MICROPY_ERROR_REPORTING_TERSE)
#define MICROPY_PY_BUILTINS_ENUMERATE   (0)
#define MICROPY_PY_BUILTINS_REVERSED    (0)
#define MICROPY_PY_BUILTINS_SET         (0)
#define MICROPY_PY_STRUCT               (0)

#include "lm3s6965/mpconfigport.h"

#undef MICROPY_ENABLE_SOURCE_LINE
#define MICROPY_ENABLE_SOURCE_LINE      (0)
#undef MICROPY_OPT_MPZ_BITWISE
#define MICROPY_OPT_MPZ_BITWISE         (0)
#undef MICROPY_PY_BUILTINS_BYTES_HEX
#define MICROPY_PY_BUILTINS_BYTES_HEX   (0)
#undef MICROPY_PY_BUILTINS_POW3
#define MICROPY_PY_BUILTINS_POW3        (0)
#undef MICROPY_PY_BINASCII
#define MICROPY_PY_BINASCII             (0)
#undef MICROPY_PY_MICROPYTHON_MEM_INFO
#define MICROPY_PY_MICROPYTHON_MEM_INFO (0)
