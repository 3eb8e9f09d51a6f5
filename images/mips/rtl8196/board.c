// Boards with a Realtek RTL8196: two 16550 serial ports, a timer as clock, no sleep. UNTESTED: it
// has been built and its instructions have been checked, but it has never run on such a board.
//
// Speed and format of the ports stay as the boot loader left them (38,400 baud, 8N1). The timer counts
// the 200 MHz system clock divided by 8, in 28 bits; it is looked at often enough to count its
// rounds (10.7 s). This core has an instruction to sleep, but one of its own: waiting only polls.
//
// Sources: register addresses and bits as in Realtek's published Linux and boot loader sources for
// the RTL8196 family (bsp/bspchip.h for UART, timer and watchdog; rlxregs.h for the cache control
// register, which acts when a bit changes from 0 to 1).

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"
#include "uart16550.h"

#define TIMER_0_END         ARCH_REGISTER(0xb8003100)
#define TIMER_0_COUNT       ARCH_REGISTER(0xb8003108)
#define TIMER_CONTROL       ARCH_REGISTER(0xb8003110)
#define TIMER_0_ON          (1u << 31 | 1u << 30)  // enabled, over and over
#define TIMER_INTERRUPTS    ARCH_REGISTER(0xb8003114)
#define TIMER_DIVISOR       ARCH_REGISTER(0xb8003118)
#define TIMER_DIVISOR_SHIFT (16)
#define TIMER_SHIFT         (4)   // the count is in bits 4 to 31
#define TIMER_BITS          (28)
#define SYSTEM_CLOCK_HZ     (200000000)
#define WATCHDOG            ARCH_REGISTER(0xb800311c)
#define WATCHDOG_SOONEST    (0)   // on, and over after the shortest time
#define INTERRUPT_MASK      ARCH_REGISTER(0xb8003000)

#define CACHE_WRITE_BACK    (0x200)  // and forget: data
#define CACHE_FORGET        (0x002)  // instructions

// Registers are words; the byte is in their upper, first part.
const uart16550_t board_uarts[BOARD_UARTS] = { { 0xb8002000, 4 }, { 0xb8002100, 4 } };

static struct {
    uint32_t last;
    uint32_t rounds;
} timer;

void board_init(void) {
    INTERRUPT_MASK = 0;
    TIMER_CONTROL = 0;
    TIMER_INTERRUPTS = 0;
    TIMER_DIVISOR = SYSTEM_CLOCK_HZ / (BOARD_TICKS_PER_US * 1000000) << TIMER_DIVISOR_SHIFT;
    TIMER_0_END = UINT32_MAX << TIMER_SHIFT;
    TIMER_CONTROL = TIMER_0_ON;
    uart16550_start();
}

static void cache_control(uint32_t action) {
    __asm volatile (
        "mtc0 $0, $20\n"
        "nop\n nop\n"
        "mtc0 %0, $20\n"
        "nop\n nop\n"
        "mtc0 $0, $20\n"
        "nop\n nop\n"
        :: "r" (action) : "memory");
}

void board_vectors_written(void) {
    cache_control(CACHE_WRITE_BACK);
    cache_control(CACHE_FORGET);
}

uint64_t board_ticks(void) {
    uint32_t now = TIMER_0_COUNT >> TIMER_SHIFT;
    timer.rounds += now < timer.last;
    timer.last = now;
    return ((uint64_t)timer.rounds << TIMER_BITS) | now;
}

void board_wake(void) {
    // board_sleep() returns at once anyway.
}

void board_sleep(uint32_t timeout_ms) {
    (void)timeout_ms;
    board_look_after();
}

void board_reset(void) {
    WATCHDOG = WATCHDOG_SOONEST;
    for (;;) {
    }
}
