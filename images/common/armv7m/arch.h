// The few things of an ARMv7-M core that C has no words for. ARM DDI 0403E, chapters B1 and B3.

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

// Sleep until an interrupt is pending, be it masked or not.
static inline void arch_wait_for_interrupt(void) {
    __asm volatile ("dsb\n wfi\n isb" ::: "memory");
}

#define ARCH_REGISTER(address) (*(volatile uint32_t *)(address))
#define NVIC_ENABLE            ARCH_REGISTER(0xe000e100)  // interrupts 0 to 31, one bit each
#define NVIC_CLEAR_PENDING     ARCH_REGISTER(0xe000e280)
#define SCB_AIRCR              ARCH_REGISTER(0xe000ed0c)
#define SCB_CFSR               ARCH_REGISTER(0xe000ed28)
#define SCB_HFSR               ARCH_REGISTER(0xe000ed2c)
#define SCB_MMFAR              ARCH_REGISTER(0xe000ed34)
#define SCB_BFAR               ARCH_REGISTER(0xe000ed38)
#define MPU_CTRL               ARCH_REGISTER(0xe000ed94)
#define MPU_RNR                ARCH_REGISTER(0xe000ed98)
#define MPU_RBAR               ARCH_REGISTER(0xe000ed9c)
#define MPU_RASR               ARCH_REGISTER(0xe000eda0)

typedef void (*arch_handler_t)(void);

// The entry of every exception nobody expects (fault.c).
void fault_handler(void);

#endif // HIL_ARCH_H
