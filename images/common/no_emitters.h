// Included before py/compile.c and py/emitbc.c where the board shall run native code that is frozen
// into its firmware but make none itself: without the emitters for it the compiler is 18 KB smaller.

#include "py/mpconfig.h"

#undef MICROPY_EMIT_NATIVE
#undef MICROPY_EMIT_INLINE_ASM
#undef MICROPY_EMIT_MACHINE_CODE
#define MICROPY_EMIT_NATIVE             (0)
#define MICROPY_EMIT_INLINE_ASM         (0)
#define MICROPY_EMIT_MACHINE_CODE       (0)
