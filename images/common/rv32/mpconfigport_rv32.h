// MicroPython on RV32IMC: native code, viper and the inline assembler.

#define MICROPY_EMIT_RV32               (1)
#define MICROPY_EMIT_INLINE_RV32        (1)
