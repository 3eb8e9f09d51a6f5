// The memory that Mbed TLS allocates from: from hil_heap_start on, as large as the host says, counted.

#ifndef HIL_ARENA_H
#define HIL_ARENA_H

#include <stddef.h>

void arena_start(size_t bytes);
void *arena_calloc(size_t count, size_t size);
void arena_free(void *memory);

// Bytes that are allocated, as asked for and rounded up to 8, and the most there ever were.
size_t arena_live_bytes(void);
size_t arena_peak_bytes(void);
unsigned arena_calls(void);

#endif // HIL_ARENA_H
