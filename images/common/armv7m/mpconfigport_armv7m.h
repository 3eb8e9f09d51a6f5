// MicroPython on a core with Thumb-2: native code, viper and the inline assembler.

#define MICROPY_EMIT_THUMB              (1)
#define MICROPY_EMIT_INLINE_THUMB       (1)
#define MICROPY_MAKE_POINTER_CALLABLE(pointer) ((void *)((uintptr_t)(pointer) | 1))
