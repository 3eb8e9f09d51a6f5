// First fit over blocks that lie side by side, each with 8 bytes of its own before what it holds.
//
// Freeing marks a block, and whoever looks for room afterwards joins what is free side by side. So
// memory is lost to fragmentation as in any heap, and little to bookkeeping.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"

#define ALIGNMENT (8)

typedef struct {
    size_t bytes;  // of what it holds
    bool used;
} block_t;

_Static_assert(sizeof(block_t) == ALIGNMENT, "what a block holds must be aligned");

extern char hil_heap_start[];  // from the linker script

// No part of what is measured.
__attribute__((section(".noinit"))) static struct {
    char *end;
    size_t live, peak;
    unsigned calls;
} arena;

static block_t *after(block_t *block) {
    return (block_t *)((char *)(block + 1) + block->bytes);
}

void arena_start(size_t bytes) {
    memset(&arena, 0, sizeof(arena));
    bytes &= ~(size_t)(ALIGNMENT - 1);
    arena.end = hil_heap_start + bytes;
    if (bytes > sizeof(block_t)) {
        block_t *first = (block_t *)hil_heap_start;
        first->bytes = bytes - sizeof(block_t);
        first->used = false;
    }
}

static block_t *room_for(size_t bytes) {
    for (block_t *block = (block_t *)hil_heap_start; (char *)block < arena.end; block = after(block)) {
        if (block->used) {
            continue;
        }
        for (block_t *next = after(block); (char *)next < arena.end && !next->used; next = after(block)) {
            block->bytes += sizeof(block_t) + next->bytes;
        }
        if (block->bytes >= bytes) {
            return block;
        }
    }
    return NULL;
}

void *arena_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)(arena.end - hil_heap_start)) {
        return NULL;
    }
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    block_t *block = room_for(bytes);
    if (block == NULL) {
        return NULL;
    }
    if (block->bytes > bytes + sizeof(block_t)) {
        size_t left = block->bytes - bytes - sizeof(block_t);
        block->bytes = bytes;
        after(block)->bytes = left;
        after(block)->used = false;
    }
    block->used = true;
    arena.calls += 1;
    arena.live += block->bytes;
    arena.peak = arena.live > arena.peak ? arena.live : arena.peak;
    return memset(block + 1, 0, block->bytes);
}

void arena_free(void *memory) {
    if (memory != NULL) {
        block_t *block = (block_t *)memory - 1;
        arena.live -= block->bytes;
        block->used = false;
    }
}

size_t arena_live_bytes(void) {
    return arena.live;
}

size_t arena_peak_bytes(void) {
    return arena.peak;
}

unsigned arena_calls(void) {
    return arena.calls;
}
