// Runs MicroPython on a board: chooses the heap, then REPL after REPL until the machine is reset.
//
// The heap's size is read at boot from one word of RAM, hil_heap_bytes_config, which whoever starts
// the machine may have set (an emulator can write memory before the CPU runs). Zero means the
// default, or all there is. A heap the RAM has no room for is refused: a measurement made with a heap
// other than the one asked for would be worse than none. Where the RAM is in two places the heap is in
// both, and begins in the one with everything else. On silicon (BOARD_RAM_IS_RANDOM) that word would be
// anything after power-on: there it is not read.

#include <string.h>

#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/pystack.h"
#include "py/runtime.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"

#define HEAP_DEFAULT_BYTES (65536)
// Smaller than this the interpreter cannot even start.
#define HEAP_LEAST_BYTES (2048)

// From the linker script; names beginning with hil_ are exported to the farm.
extern char hil_stack_bottom[], hil_stack_top[], hil_heap_start[], hil_ram_end[];
#if MICROPY_GC_SPLIT_HEAP
extern char hil_heap_more_start[], hil_heap_more_end[];
#define HEAP_MORE_BYTES ((size_t)(hil_heap_more_end - hil_heap_more_start))
#else
#define HEAP_MORE_BYTES ((size_t)0)
#endif

#if !BOARD_RAM_IS_RANDOM
__attribute__((section(".noinit"))) volatile uint32_t hil_heap_bytes_config;
#endif

static size_t heap_bytes(void) {
    size_t most = hil_ram_end - hil_heap_start + HEAP_MORE_BYTES;
    size_t bytes = most < HEAP_DEFAULT_BYTES ? most : HEAP_DEFAULT_BYTES;
    #if !BOARD_RAM_IS_RANDOM
    if (hil_heap_bytes_config != 0) {
        bytes = hil_heap_bytes_config;
    }
    #endif
    if (bytes < HEAP_LEAST_BYTES || bytes > most) {
        mp_printf(&mp_plat_print, "HIL-BOOT a heap of %u bytes was asked for: possible are %u to %u\n",
            (uint)bytes, HEAP_LEAST_BYTES, (uint)most);
        board_reset();
    }
    return bytes;
}

static void start_heap(size_t bytes) {
    #if MICROPY_GC_SPLIT_HEAP
    size_t here = hil_ram_end - hil_heap_start;
    if (bytes >= here + HEAP_LEAST_BYTES) {
        gc_init(hil_heap_start, hil_ram_end);
        gc_add(hil_heap_more_start, hil_heap_more_start + (bytes - here));
        return;
    }
    bytes = MIN(bytes, here);
    #endif
    gc_init(hil_heap_start, hil_heap_start + bytes);
}

// Two stacks share one place: C's grows down from its top, Python's up from its bottom, which may have
// three eighths of it; what is between them tells how much of it was ever used. A word at the bottom
// stays paint, by which machine code that goes too far can be noticed.
#define UNUSED_BYTES (16)

static void start_stacks(void) {
    char *border = hil_stack_bottom + (hil_stack_top - hil_stack_bottom) / 8 * 3;
    mp_cstack_init_with_top(hil_stack_top, hil_stack_top - border);
    mp_pystack_init(hil_stack_bottom + UNUSED_BYTES, border);
}

void port_main(void) {
    board_init();
    start_stacks();
    size_t bytes = heap_bytes();
    mp_hal_set_interrupt_char(-1);
    for (;;) {
        start_heap(bytes);
        mp_init();
        while ((pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl()) == 0) {
        }
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
        gc_sweep_all();
        mp_deinit();
    }
}

// Paint stays paint, everything else becomes zero; without a branch.
static inline void forget(volatile uint32_t *word) {
    const uint32_t paint = 0xa5a5a5a5;
    uint32_t other = *word ^ paint;
    *word = paint & (((other | -other) >> 31) - 1);
}

__attribute__((noinline)) void forget_calls(void) {
    enum { WORDS = 192 };  // more than a wait for a byte takes, interrupts included
    volatile uint32_t left_behind[WORDS];
    for (unsigned i = 0; i < WORDS; i++) {
        forget(&left_behind[i]);
    }
}

__attribute__((noinline)) void forget_wait(void) {
    #if MICROPY_OPT_MAP_LOOKUP_CACHE
    memset(MP_STATE_VM(map_lookup_cache), 0, sizeof(MP_STATE_VM(map_lookup_cache)));
    #endif
    forget_calls();
}

__attribute__((noinline)) void forget_all_calls(void) {
    enum { OWN_WORDS = 32 };  // more than this function's frame
    volatile uint32_t here = 0;
    volatile uint32_t *word = (uint32_t *)MP_STATE_THREAD(pystack_cur);
    for (; word < &here - OWN_WORDS; word++) {
        forget(word);
    }
    forget_wait();
}

void gc_collect(void) {
    board_ticks();  // see board.h
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

void nlr_jump_fail(void *exception) {
    (void)exception;
    mp_hal_stdout_tx_str("\r\nHIL-FAULT exception without a handler\r\n");
    board_reset();
}
