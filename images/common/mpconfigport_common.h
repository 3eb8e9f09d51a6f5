// What every image of ours has of MicroPython: the feature level most boards with room ship with,
// without what nothing here uses. An image's mpconfigport.h includes this and adds its CPU.
//
// Few names come to be at run time, and most boards have little room for them.
#define MICROPY_ALLOC_QSTR_CHUNK_INIT   (32)

// Left out on purpose: floats, a filesystem (so nothing can shadow a frozen module), os.urandom and
// a time of day (an emulated board has neither randomness nor a clock: they are given to it), and
// any cryptography in C beyond hashlib's SHA-256.

#include <alloca.h>
#include <stdint.h>

#ifndef MICROPY_CONFIG_ROM_LEVEL
#define MICROPY_CONFIG_ROM_LEVEL        (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)
#endif

#define MICROPY_ENABLE_GC               (1)
// Each block has a bit for it. Only upstream's files and sockets have finalisers: where there are any,
// the image says so.
#ifndef MICROPY_ENABLE_FINALISER
#define MICROPY_ENABLE_FINALISER        (0)
#endif
#define MICROPY_LONGINT_IMPL            (MICROPY_LONGINT_IMPL_MPZ)
#ifndef MPZ_DIG_SIZE
#define MPZ_DIG_SIZE                    (16)  // or 32: wide_digits.h
#endif
#define MICROPY_FLOAT_IMPL              (MICROPY_FLOAT_IMPL_NONE)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
// Enough for the longest message of a MemoryError; its traceback finds room on the heap or has few lines.
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (128)

// A call may use this much of the C stack before the next check of its depth.
#define MICROPY_STACK_CHECK_MARGIN      (1024)

// Python calls Python without C calling C: what a function has in its variables is on a stack of
// Python's own (main.c), which takes 80 bytes for a call instead of 200.
#define MICROPY_STACKLESS               (1)
#define MICROPY_ENABLE_PYSTACK          (1)

#ifndef MICROPY_PY_ASYNCIO
#define MICROPY_PY_ASYNCIO              (0)
#endif
#define MICROPY_PY_DEFLATE              (0)
#define MICROPY_PY_FRAMEBUF             (0)
#define MICROPY_PY_HEAPQ                (0)
#define MICROPY_PY_OS                   (0)
#define MICROPY_PY_RANDOM               (0)
#define MICROPY_PY_SYS_STDIO_BUFFER     (0)
#define MICROPY_PY_UCTYPES              (0)

// How much of a program the host may send before it is told to go on (raw paste): console.c has room for
// that. Half of it is a window, whose size the raw REPL says in three bytes that stay on the stack while
// the program runs. The collector takes any word there for a pointer: 64 or 128, and a byte that was there
// before, are one, 0x20010080, and what lies there would never be given back. 63 are none.
#define MICROPY_REPL_STDIN_BUFFER_MAX   (126)

#define MICROPY_PY_MACHINE              (1)
#define MICROPY_PY_MACHINE_INCLUDEFILE  "common/machine_port.c"
#define MICROPY_PY_MACHINE_RESET        (1)
#define MICROPY_PY_MACHINE_SIGNAL       (0)
#define MICROPY_PY_MACHINE_UART         (1)
#define MICROPY_PY_MACHINE_UART_INCLUDEFILE "common/machine_uart.c"
#define MICROPY_PY_MACHINE_UART_CLASS_CONSTANTS

// Modules in flash come first (common/rom_import.c).
#define mp_builtin___import__           rom_import

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef long mp_off_t;

#define MP_SSIZE_MAX                    (0x7fffffff)
#define MP_STATE_PORT                   MP_STATE_VM
