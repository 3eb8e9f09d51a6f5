// The memory protection unit of ARMv8-M (PMSAv8): regions are bounds here, not powers of two.
// ARM DDI 0553B, B7.2 and D1.2.

#include "arch.h"

#define MPU_CTRL         ARCH_REGISTER(0xe000ed94)
#define MPU_RNR          ARCH_REGISTER(0xe000ed98)
#define MPU_RBAR         ARCH_REGISTER(0xe000ed9c)
#define MPU_RLAR         ARCH_REGISTER(0xe000eda0)
#define MPU_MAIR0        ARCH_REGISTER(0xe000edc0)

// RBAR fields.
#define NEVER_RUN        (1u << 0)
#define READ_WRITE       (1u << 1)
#define READ_ONLY        (3u << 1)
// RLAR fields, and what the two indices mean (MAIR0).
#define ENABLE           (1u << 0)
#define NORMAL           (0u << 1)
#define DEVICE           (1u << 1)
#define MEANINGS         (0x00aau)  // 0: normal, write-through; 1: device nGnRnE

static const struct {
    uint8_t base, limit;
} attributes[] = {
    [ARCH_FLASH] = { READ_ONLY, NORMAL },
    [ARCH_RAM] = { READ_WRITE, NORMAL },
    [ARCH_PERIPHERALS] = { READ_WRITE | NEVER_RUN, DEVICE },
    [ARCH_RAM_MORE ... ARCH_RAM_STILL_MORE] = { READ_WRITE, NORMAL },
};

// `start` and `bytes` must be multiples of 32.
void arch_protection_allow(arch_memory_t kind, uint32_t start, uint32_t bytes) {
    MPU_RNR = kind;
    MPU_RBAR = start | attributes[kind].base;
    MPU_RLAR = (start + bytes - 32) | attributes[kind].limit | ENABLE;
}

void arch_protection_start(void) {
    MPU_MAIR0 = MEANINGS;
    MPU_CTRL = 1;
    __asm volatile ("dsb\n isb" ::: "memory");
}
