// memset() as the interpreter calls it: the variables of each function and each piece of the heap are
// cleared before they are used, 16 to 100 bytes of zeros on a word's border.

#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int value, size_t size);

// Or the compiler makes a call of memset() of these loops.
__attribute__((optimize("no-tree-loop-distribute-patterns")))
void *memset(void *to, int value, size_t size) {
    uint8_t *at = to;
    uint32_t word = (uint8_t)value * 0x01010101u;
    if (((uintptr_t)at & 3) == 0) {
        uint32_t *words = to;
        for (; size >= 16; size -= 16, words += 4) {
            words[0] = word;
            words[1] = word;
            words[2] = word;
            words[3] = word;
        }
        for (; size >= 4; size -= 4) {
            *words++ = word;
        }
        at = (uint8_t *)words;
    }
    for (; size > 0; size--) {
        *at++ = (uint8_t)value;
    }
    return to;
}
