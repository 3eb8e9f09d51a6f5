// Included before py/runtime.c, which puts together the arguments of f(*args) and f(**named).
//
// With a stack of Python's own that would be done there, and a function called so by one that does
// without C in between (MICROPY_STACKLESS) ends without giving its arguments back: each such call in a
// loop takes some more, until the stack is exhausted, and what was there before is seen by the
// collector. On the heap they are garbage like any other.

// py/obj.h declares what takes a va_list only where stdarg.h came first, and runtime.c calls that.
#include <stdarg.h>

#include "py/runtime.h"
#include "py/pystack.h"

#define mp_nonlocal_alloc(n_bytes) ((void *)m_new(uint8_t, (n_bytes)))
#define mp_nonlocal_realloc(ptr, old_n_bytes, new_n_bytes) \
    ((void *)m_renew(uint8_t, (ptr), (old_n_bytes), (new_n_bytes)))
#define mp_nonlocal_free(ptr, n_bytes) m_del(uint8_t, (ptr), (n_bytes))
