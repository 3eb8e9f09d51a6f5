// From reset to port_main() on an ARMv7-M or ARMv8-M core.
//
// There are two stacks. Exceptions (and this startup code) use the main stack pointer and a small
// stack of their own; the program uses the process stack pointer and the big stack at the very
// bottom of RAM. So interrupts never add to the program's stack use, and when the program runs out
// of stack, the fault handler still has one. The big stack is painted whole before anything runs on
// it; how deep the paint was scratched is measured from outside.
//
// The memory protection unit lets the program at flash (read-only), RAM and peripherals, and at
// nothing else: a stack that grows out of the bottom of RAM, a wild pointer and a write through NULL
// all end in the fault handler. (Emulators return zero for memory that is not there.)

#include "arch.h"
#include "board.h"

#define STACK_PAINT (0xa5a5a5a5)

// From the linker script: an address each, so declared as what sits there.
extern uint32_t hil_stack_bottom[], hil_stack_top[], port_handler_stack_top[];
extern uint32_t port_data_load[], port_data_start[], port_data_end[];
extern uint32_t port_bss_start[], port_bss_end[];
extern char hil_flash_start[], port_flash_bytes[], port_ram_start[], port_ram_bytes[];
extern char port_vector_checksum[];

void port_main(void);
// The core's own timer interrupts only where a board uses it, and then the board has the handler.
__attribute__((weak, naked)) void arch_tick_handler(void) {
    __asm volatile ("b fault_handler");
}
void reset_handler(void);

__attribute__((section(".vectors"), used)) static const arch_handler_t core_vectors[16] = {
    (arch_handler_t)port_handler_stack_top,
    reset_handler,
    fault_handler,  // non-maskable interrupt
    fault_handler,  // hard fault; the three below escalate to it, being left disabled
    fault_handler,  // memory management
    fault_handler,  // bus
    fault_handler,  // usage
    (arch_handler_t)port_vector_checksum,  // no vector: a loader of the chip's may want it
    0, 0, 0,
    fault_handler,  // supervisor call
    fault_handler,  // debug monitor
    0,
    fault_handler,  // pending supervisor call
    arch_tick_handler,
};

static void start_protection(void) {
    arch_protection_allow(ARCH_FLASH, (uint32_t)hil_flash_start, (uint32_t)port_flash_bytes);
    arch_protection_allow(ARCH_RAM, (uint32_t)port_ram_start, (uint32_t)port_ram_bytes);
    arch_protection_allow(ARCH_PERIPHERALS, 0x40000000, 0x20000000);
    arch_protection_start();
}

__attribute__((used)) static void prepare_memory(void) {
    for (uint32_t *word = hil_stack_bottom; word < hil_stack_top; word++) {
        *word = STACK_PAINT;
    }
    uint32_t *from = port_data_load;
    for (uint32_t *word = port_data_start; word < port_data_end; word++) {
        *word = *from++;
    }
    for (uint32_t *word = port_bss_start; word < port_bss_end; word++) {
        *word = 0;
    }
    start_protection();
}

__attribute__((naked)) void reset_handler(void) {
    __asm volatile (
        "bl prepare_memory\n"
        "ldr r0, =hil_stack_top\n"
        "msr psp, r0\n"
        "movs r0, #2\n"     // CONTROL.SPSEL: this code runs on the process stack from here
        "msr control, r0\n"
        "isb\n"
        "b port_main\n"
        );
}

void board_reset(void) {
    __asm volatile ("dsb" ::: "memory");
    SCB_AIRCR = 0x05fa0004;  // SYSRESETREQ
    for (;;) {
    }
}
