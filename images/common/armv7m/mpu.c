// The memory protection unit of ARMv7-M (PMSAv7). ARM DDI 0403E, B3.5.

#include "arch.h"

#define MPU_CTRL         ARCH_REGISTER(0xe000ed94)
#define MPU_RNR          ARCH_REGISTER(0xe000ed98)
#define MPU_RBAR         ARCH_REGISTER(0xe000ed9c)
#define MPU_RASR         ARCH_REGISTER(0xe000eda0)

// RASR fields: B3.5.9.
#define READ_WRITE       (3u << 24)
#define READ_ONLY        (6u << 24)
#define NEVER_RUN        (1u << 28)
#define NORMAL           (1u << 17)  // cacheable, write-through
#define DEVICE           (1u << 16)

static const uint32_t attributes[] = {
    [ARCH_FLASH] = READ_ONLY | NORMAL,
    [ARCH_RAM] = READ_WRITE | NORMAL,
    [ARCH_PERIPHERALS] = READ_WRITE | DEVICE | NEVER_RUN,
    [ARCH_RAM_MORE ... ARCH_RAM_STILL_MORE] = READ_WRITE | NORMAL,
};

// `bytes` must be a power of two and divide `start`.
void arch_protection_allow(arch_memory_t kind, uint32_t start, uint32_t bytes) {
    uint32_t size = 30 - __builtin_clz(bytes);
    MPU_RNR = kind;
    MPU_RBAR = start;
    MPU_RASR = attributes[kind] | size << 1 | 1;
}

void arch_protection_start(void) {
    MPU_CTRL = 1;
    __asm volatile ("dsb\n isb" ::: "memory");
}
