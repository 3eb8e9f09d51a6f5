// Configuration of the `unix` image: upstream's standard feature level, and a module search path
// that looks nowhere on this machine but in the current directory and in the frozen modules.

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#define MICROPY_PY_SYS_PATH_DEFAULT ".frozen"

// The agent reports stack use next to the heap.
#define MICROPY_PY_MICROPYTHON_STACK_USE (1)

#include "ports/unix/variants/mpconfigvariant_common.h"
