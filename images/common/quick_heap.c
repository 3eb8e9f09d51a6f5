// Upstream's py/gc.c with a shorter way to free memory: compiled in its place.
//
// Upstream looks for more than one block from the first free one on, every time, past all the holes
// that are too small. Here it is remembered for each size from where on there may be room; where
// that is found is the same. Whatever is not quite ordinary is left to upstream: memory that is
// used up, finalisers, a locked heap.

#include <string.h>

#include "py/gc.h"

// Upstream's functions that make or destroy free memory, under other names.
#define gc_alloc upstream_gc_alloc
#define gc_free upstream_gc_free
#define gc_realloc upstream_gc_realloc
#define gc_collect_end upstream_gc_collect_end
#define gc_sweep_all upstream_gc_sweep_all
#define gc_init upstream_gc_init
void *upstream_gc_alloc(size_t bytes, unsigned int flags);
void upstream_gc_free(void *memory);
void *upstream_gc_realloc(void *memory, size_t bytes, bool may_move);
void upstream_gc_collect_end(void);
void upstream_gc_sweep_all(void);
void upstream_gc_init(void *start, void *end);

#include "py/gc.c"

#undef gc_alloc
#undef gc_free
#undef gc_realloc
#undef gc_collect_end
#undef gc_sweep_all
#undef gc_init

#if MICROPY_GC_SPLIT_HEAP || !MICROPY_GC_ALLOC_THRESHOLD || !MICROPY_GC_CONSERVATIVE_CLEAR \
    || MICROPY_PY_GC_COLLECT_RETVAL
#error "one heap, a threshold, memory that is cleared and collections that count nothing are expected"
#endif

// Sizes in blocks: each up to EXACT by itself, more by powers of two. A place is that of four blocks in
// the allocation table; before it there is no room for the smallest of its sizes.
enum { EXACT = 8, SIZES = EXACT + 4, LARGEST = 4 * EXACT + 1 };
static uint16_t places[SIZES];

static size_t kind_of(size_t blocks) {
    size_t kind = blocks <= EXACT ? blocks - 1 : EXACT;
    for (size_t larger = 2 * EXACT; blocks > larger && kind < SIZES - 1; larger *= 2) {
        kind += 1;
    }
    return kind;
}

static size_t smallest_of(size_t kind) {
    return kind < EXACT ? kind + 1 : ((size_t)EXACT << (kind - EXACT)) + 1;
}

static void forget_places(void) {
    memset(places, 0, sizeof(places));
}

// There will be a free block: it may make room for any size together with those before it.
static void freed(const void *memory) {
    size_t block = BLOCK_FROM_PTR((&MP_STATE_MEM(area)), memory);
    uint16_t place = block < LARGEST ? 0 : (block - LARGEST) / BLOCKS_PER_ATB;
    for (size_t kind = 0; kind < SIZES; kind++) {
        if (places[kind] > place) {
            places[kind] = place;
        }
    }
}

// Which of the four blocks of a place are of a kind, as bits 0, 2, 4 and 6.
enum { EACH = 0x55 };

static inline unsigned used(unsigned four) {
    return (four | four >> 1) & EACH;
}

static inline unsigned marked(unsigned four) {
    return four & four >> 1 & EACH;
}

// Return the first of as many free blocks, from a place on; all there are if there is no such room.
static size_t find(const byte *table, size_t place, size_t end, size_t blocks) {
    size_t run = 0;
    for (; place < end; place++) {
        unsigned four = table[place];
        if (four == 0) {
            run += BLOCKS_PER_ATB;
            if (run >= blocks) {
                return (place + 1) * BLOCKS_PER_ATB - run;
            }
        } else if (used(four) == EACH) {
            run = 0;
        } else {
            for (size_t i = 0; i < BLOCKS_PER_ATB; i++, four >>= 2) {
                run = (four & AT_MARK) == AT_FREE ? run + 1 : 0;
                if (run >= blocks) {
                    return place * BLOCKS_PER_ATB + i + 1 - run;
                }
            }
        }
    }
    return end * BLOCKS_PER_ATB;
}

// Take free blocks: a head and tails.
static void take_blocks(mp_state_mem_area_t *area, size_t first, size_t blocks) {
    enum { AT_ONCE = 12 };  // with up to three blocks before them they fill a word
    if (blocks > AT_ONCE) {
        ATB_FREE_TO_HEAD(area, first);
        for (size_t block = first + 1; block < first + blocks; block++) {
            ATB_FREE_TO_TAIL(area, block);
        }
        return;
    }
    uint32_t kinds = (0xaaaaaaa9 & ((1u << 2 * blocks) - 1)) << BLOCK_SHIFT(first);
    byte *four = area->gc_alloc_table_start + first / BLOCKS_PER_ATB;
    for (; kinds != 0; kinds >>= 8) {
        *four++ |= (byte)kinds;
    }
}

static void *find_room(size_t blocks) {
    mp_state_mem_area_t *area = &MP_STATE_MEM(area);
    size_t kind = kind_of(blocks), end = area->gc_alloc_table_byte_len;
    size_t first = find(area->gc_alloc_table_start, places[kind], end, blocks);
    if (first == end * BLOCKS_PER_ATB) {
        return NULL;
    }
    size_t behind = first + blocks;
    take_blocks(area, first, blocks);
    if (blocks == smallest_of(kind)) {
        places[kind] = behind / BLOCKS_PER_ATB;
    }
    if (blocks == 1) {
        area->gc_last_free_atb_index = behind / BLOCKS_PER_ATB;
    }
    if (area->gc_last_used_block < behind - 1) {
        area->gc_last_used_block = behind - 1;
    }
    MP_STATE_MEM(gc_alloc_amount) += blocks;
    uint32_t *memory = (uint32_t *)PTR_FROM_BLOCK(area, first);
    for (uint32_t *word = memory; word < memory + blocks * WORDS_PER_BLOCK; word += 4) {
        word[0] = word[1] = word[2] = word[3] = 0;
    }
    return memory;
}

void *gc_alloc(size_t bytes, unsigned int flags) {
    void *memory = NULL;
    if (bytes != 0 && flags == 0 && MP_STATE_THREAD(gc_lock_depth) == 0
        && MP_STATE_MEM(gc_alloc_amount) < MP_STATE_MEM(gc_alloc_threshold)) {
        memory = find_room((bytes + BYTES_PER_BLOCK - 1) / BYTES_PER_BLOCK);
    }
    if (memory == NULL) {
            memory = upstream_gc_alloc(bytes, flags);
    }
    return memory;
}

void gc_free(void *memory) {
    if (memory != NULL) {
        freed(memory);
    }
    upstream_gc_free(memory);
}

void *gc_realloc(void *memory, size_t bytes, bool may_move) {
    if (memory == NULL) {
        return gc_alloc(bytes, 0);
    }
    freed(memory);
    return upstream_gc_realloc(memory, bytes, may_move);
}

// Free what is not marked, and take the marks off, four blocks at a time where none of them is.
static void sweep(mp_state_mem_area_t *area) {
    size_t last = 0;
    bool freeing = false;  // are tails those of a head that is being freed?
    byte *table = area->gc_alloc_table_start;
    for (size_t place = 0; place <= area->gc_last_used_block / BLOCKS_PER_ATB; place++) {
        unsigned four = table[place];
        if (marked(four) == 0 && (freeing || (four & AT_MARK) != AT_TAIL)) {
            // No tail of anything alive comes behind a free block or a head without a mark.
            if (four != 0) {
                table[place] = 0;
                freeing = true;
            }
            continue;
        }
        for (size_t i = 0; i < BLOCKS_PER_ATB; i++) {
            unsigned kind = four >> 2 * i & AT_MARK;
            if (kind == AT_MARK || kind == AT_HEAD) {
                freeing = kind == AT_HEAD;
            }
            if (kind == AT_MARK) {
                four ^= AT_TAIL << 2 * i;
            }
            if (freeing) {
                four &= ~(AT_MARK << 2 * i);
            } else if (kind != AT_FREE) {
                last = place * BLOCKS_PER_ATB + i;
            }
        }
        table[place] = four;
    }
    area->gc_last_used_block = last;
}

void gc_collect_end(void) {
    gc_deal_with_stack_overflow();
    gc_sweep_run_finalisers();
    sweep(&MP_STATE_MEM(area));
    MP_STATE_MEM(area).gc_last_free_atb_index = 0;
    MP_STATE_THREAD(gc_lock_depth) &= ~GC_COLLECT_FLAG;
    forget_places();
}

void gc_sweep_all(void) {
    upstream_gc_sweep_all();
    forget_places();
}

void gc_init(void *start, void *end) {
    upstream_gc_init(start, end);
    forget_places();
}
