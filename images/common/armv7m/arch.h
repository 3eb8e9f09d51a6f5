// The few things of an ARMv7-M or ARMv8-M core that C has no words for. ARM DDI 0403E, chapters B1
// and B3.

#ifndef HIL_ARCH_H
#define HIL_ARCH_H

#include <stdint.h>

// Mask all interrupts but faults; returns the former state, to be given back.
static inline uint32_t arch_mask_interrupts(void) {
    uint32_t state;
    __asm volatile ("mrs %0, primask\n cpsid i" : "=r" (state) :: "memory");
    return state;
}

static inline void arch_restore_interrupts(uint32_t state) {
    __asm volatile ("msr primask, %0" :: "r" (state) : "memory");
}

// Let interrupts in, those that are pending at once.
static inline void arch_unmask_interrupts(void) {
    __asm volatile ("cpsie i\n isb" ::: "memory");
}

// Sleep until an interrupt is pending, be it masked or not.
static inline void arch_wait_for_interrupt(void) {
    __asm volatile ("dsb\n wfi\n isb" ::: "memory");
}

#define ARCH_REGISTER(address) (*(volatile uint32_t *)(address))
#define ARCH_BYTE(address)     (*(volatile uint8_t *)(address))
#define SCB_AIRCR              ARCH_REGISTER(0xe000ed0c)
#define SCB_CFSR               ARCH_REGISTER(0xe000ed28)
#define SCB_HFSR               ARCH_REGISTER(0xe000ed2c)
#define SCB_MMFAR              ARCH_REGISTER(0xe000ed34)
#define SCB_BFAR               ARCH_REGISTER(0xe000ed38)

// Interrupt controller, by number of the interrupt.
static inline void arch_enable_interrupt(unsigned number) {
    ARCH_REGISTER(0xe000e100 + number / 32 * 4) = 1u << number % 32;
}

static inline void arch_clear_pending_interrupt(unsigned number) {
    ARCH_REGISTER(0xe000e280 + number / 32 * 4) = 1u << number % 32;
}

// Memory protection (mpu.c): one region of each kind, set up once; all else is forbidden. The last two
// are for boards whose RAM is in several places.
typedef enum { ARCH_FLASH, ARCH_RAM, ARCH_PERIPHERALS, ARCH_RAM_MORE, ARCH_RAM_STILL_MORE } arch_memory_t;
void arch_protection_allow(arch_memory_t kind, uint32_t start, uint32_t bytes);
void arch_protection_start(void);

typedef void (*arch_handler_t)(void);

// The handler of the core's own timer, given by a board that uses it.
void arch_tick_handler(void);
// The entry of every exception nobody expects (fault.c).
void fault_handler(void);

#endif // HIL_ARCH_H
