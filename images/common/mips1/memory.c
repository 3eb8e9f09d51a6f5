// Memory as the program finds it: painted stack, zeroed variables, exception vectors in place; and
// the question whether the stack's end was ever reached.

#include <stdbool.h>

#include "arch.h"
#include "board.h"

#define STACK_PAINT (0xa5a5a5a5)
#define VECTORS     (0x80000000)  // physical memory from 0: kseg0

// From the linker script and startup.S: an address each, so declared as what sits there.
extern uint32_t hil_stack_bottom[], hil_stack_top[], port_bss_start[], port_bss_end[];
extern const uint32_t vector_stub[], vector_stub_end[];

void prepare_memory(void);

// On the small stack: this one is being painted.
void prepare_memory(void) {
    for (uint32_t *word = hil_stack_bottom; word < hil_stack_top; word++) {
        *word = STACK_PAINT;
    }
    for (uint32_t *word = port_bss_start; word < port_bss_end; word++) {
        *word = 0;
    }
    static const uint16_t vectors[] = { 0x000, 0x080, 0x180 };
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        volatile uint32_t *to = (volatile uint32_t *)(VECTORS + vectors[i]);
        for (const uint32_t *word = vector_stub; word < vector_stub_end; word++) {
            *to++ = *word;
        }
    }
    board_vectors_written();
}

bool arch_stack_is_whole(void) {
    return *hil_stack_bottom == STACK_PAINT;
}
