// Memory as the program finds it: painted stack, variables in place, and protection.
//
// Physical memory protection forbids everything but flash (read-only), RAM and the peripherals below
// them, also to machine mode: the entries are locked. The stack is at the bottom of RAM with flash
// beneath it, so what overflows it traps.
// "The RISC-V Instruction Set Manual", volume II, 3.7.

#include "arch.h"

#define STACK_PAINT (0xa5a5a5a5)

// From the linker script: an address each, so declared as what sits there.
extern uint32_t hil_stack_bottom[], hil_stack_top[];
extern uint32_t port_data_load[], port_data_start[], port_data_end[];
extern uint32_t port_bss_start[], port_bss_end[];
extern char port_peripherals_start[], hil_flash_start[], port_ram_start[], hil_ram_end[];

void prepare_memory(void);

// Fields of an entry. An entry reaches from the end of the one before it to its own address.
#define READ       (1u << 0)
#define WRITE      (1u << 1)
#define RUN        (1u << 2)
#define TO_ADDRESS (1u << 3)
#define ALL        (3u << 3)  // with an address of ones: the whole address space
#define LOCKED     (1u << 7)

#define CSR_WRITE(name, value) __asm volatile ("csrw " #name ", %0" :: "r" (value) : "memory")

static void start_protection(void) {
    CSR_WRITE(pmpaddr0, (uint32_t)port_peripherals_start >> 2);
    CSR_WRITE(pmpaddr1, (uint32_t)hil_flash_start >> 2);
    CSR_WRITE(pmpaddr2, (uint32_t)port_ram_start >> 2);
    CSR_WRITE(pmpaddr3, (uint32_t)hil_ram_end >> 2);
    CSR_WRITE(pmpaddr4, UINT32_MAX);
    CSR_WRITE(pmpcfg0, (LOCKED | TO_ADDRESS)
        | (LOCKED | TO_ADDRESS | READ | WRITE) << 8
        | (LOCKED | TO_ADDRESS | READ | RUN) << 16
        | (LOCKED | TO_ADDRESS | READ | WRITE | RUN) << 24);
    CSR_WRITE(pmpcfg1, LOCKED | ALL);  // last: from here what is not allowed above is forbidden
}

// On the small stack: the other one is being painted.
void prepare_memory(void) {
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
