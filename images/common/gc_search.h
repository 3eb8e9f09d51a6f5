// Included before py/gc.c, which looks for free blocks one by one: here 16 that are all in use are
// passed over at once.
//
// The hook is called at each step of several loops. Only in that of gc_alloc() is n_free a variable,
// the free blocks just before; elsewhere it is this constant, and nothing is compiled.

#include <stdint.h>

enum { n_free = 1 };

#define ANY_OF_16 (0x55555555u)  // two bits a block, both zero if it is free

#define MICROPY_GC_HOOK_LOOP(at) \
    while (n_free == 0 && (at & 3) == 0 && at + 4 < area->gc_alloc_table_byte_len) { \
        uint32_t kinds = *(const uint32_t *)(area->gc_alloc_table_start + at); \
        if (((kinds | kinds >> 1) & ANY_OF_16) != ANY_OF_16) { \
            break; \
        } \
        at += 4; \
    }
