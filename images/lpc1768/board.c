// mbed LPC1768: the clock, one serial port, two timers and sleep. UNTESTED on silicon: the tests run
// it on a model of the chip's registers (tests/simboard/chip.py).
//
// UART 0 goes to the interface chip, which is the USB serial port of the mbed; it is console and data
// link at once. It interrupts when its buffer of 16 bytes is nearly full, or holds some and then
// silence. A serial break is the interface's business: it resets this chip. Timer 0 runs free, without
// interrupt, at a quarter of the CPU's clock; timer 1 ends a sleep.
//
// Source: UM10360 rev. 4.1, chapters 3 and 4 (system control, clocks), 5 (flash accelerator), 6
// (interrupts), 8 (pins), 14 (UART 0), 21 (timers).

#include "py/mpconfig.h"
#include "board.h"
#include "registers.h"
#include "uart16550.h"

#define SYSTEM_FLASH            ARCH_REGISTER(0x400fc000)
#define FLASH_5_CLOCKS          (0x403a)    // an access takes so many, at up to 100 MHz
#define PLL_CONTROL             ARCH_REGISTER(0x400fc080)
#define PLL_CONFIGURATION       ARCH_REGISTER(0x400fc084)
#define PLL_STATUS              ARCH_REGISTER(0x400fc088)
#define PLL_FEED                ARCH_REGISTER(0x400fc08c)
#define PLL_ENABLED             (1u << 0)
#define PLL_CONNECTED           (1u << 1)
#define PLL_12_TIMES            (11)        // 2 * 12 * 12 MHz: its oscillator has 288 MHz
#define PLL_STATUS_ENABLED      (1u << 24)
#define PLL_STATUS_CONNECTED    (1u << 25)
#define PLL_STATUS_LOCKED       (1u << 26)
#define CPU_CLOCK_DIVISOR       ARCH_REGISTER(0x400fc104)
#define CLOCK_SOURCE            ARCH_REGISTER(0x400fc10c)
#define CLOCK_SOURCE_CRYSTAL    (1)
#define SYSTEM_STATUS           ARCH_REGISTER(0x400fc1a0)
#define CRYSTAL_ON              (1u << 5)
#define CRYSTAL_STABLE          (1u << 6)
#define PERIPHERAL_CLOCK_0      ARCH_REGISTER(0x400fc1a8)

#define PINS_UART_0             (1u << 6 | 1u << 4)  // P0.3 and P0.2
#define PINS_UART_0_MASK        (3u << 6 | 3u << 4)
#define UART_0                  (0x4000c000)
#define UART_115200_BAUD        (13)        // 24 MHz / 16 / 13: 0.16 % too fast

typedef volatile struct {
    uint32_t interrupt, control, count, prescale, prescale_count, match_control, match_0;
} timer_t;

#define CLOCK_TIMER             ((timer_t *)0x40004000)
#define SLEEP_TIMER             ((timer_t *)0x40008000)
#define TIMER_ON                (1)
#define TIMER_RESET             (2)
#define TIMER_MATCH_INTERRUPT_STOP (1u << 2 | 1u << 0)
#define TIMER_INTERRUPT_MATCH   (1)

#define AHB_BANK_BYTES          (0x4000)

enum { INTERRUPT_SLEEP = 2, INTERRUPT_CONSOLE = 5, INTERRUPTS = 35 };

extern char hil_heap_more_start[];

const uart16550_t board_uarts[BOARD_UARTS] = { { UART_0, 4 } };

static struct {
    uint32_t last, rounds;
} clock;

static volatile bool awake;

// Received bytes keep the interrupt pending; it must not stay on when there is no room for them.
static void receive_console(void) {
    uart16550_interrupt(BOARD_CONSOLE, console_receive());
}

static void console_interrupt(void) {
    receive_console();
    board_wake();
}

#pragma GCC diagnostic ignored "-Woverride-init"
__attribute__((section(".vectors.board"), used)) static const arch_handler_t board_vectors[] = {
    [0 ... INTERRUPTS - 1] = fault_handler,
    [INTERRUPT_CONSOLE] = console_interrupt,
};

// What is written to the PLL's registers counts only after this.
static void pll_set(uint32_t control) {
    PLL_CONTROL = control;
    PLL_FEED = 0xaa;
    PLL_FEED = 0x55;
}

static void await(volatile uint32_t *status, uint32_t bits, uint32_t wanted) {
    while ((*status & bits) != wanted) {
    }
}

// From the internal oscillator to 96 MHz, in the order of chapter 4.5.13. The peripherals keep a
// quarter of the CPU's clock, which they have from reset on.
static void start_clock(void) {
    SYSTEM_STATUS |= CRYSTAL_ON;
    await(&SYSTEM_STATUS, CRYSTAL_STABLE, CRYSTAL_STABLE);
    if (PLL_STATUS & PLL_STATUS_CONNECTED) {
        pll_set(PLL_ENABLED);
        await(&PLL_STATUS, PLL_STATUS_CONNECTED, 0);
    }
    pll_set(0);
    await(&PLL_STATUS, PLL_STATUS_ENABLED, 0);
    SYSTEM_FLASH = FLASH_5_CLOCKS;
    PERIPHERAL_CLOCK_0 = 0;
    CPU_CLOCK_DIVISOR = 0;
    CLOCK_SOURCE = CLOCK_SOURCE_CRYSTAL;
    PLL_CONFIGURATION = PLL_12_TIMES;
    pll_set(0);
    pll_set(PLL_ENABLED);
    CPU_CLOCK_DIVISOR = 2;  // 288 MHz by one more than this
    await(&PLL_STATUS, PLL_STATUS_LOCKED, PLL_STATUS_LOCKED);
    pll_set(PLL_ENABLED | PLL_CONNECTED);
    await(&PLL_STATUS, PLL_STATUS_CONNECTED, PLL_STATUS_CONNECTED);
}

void board_init(void) {
    uint32_t bank = (uint32_t)hil_heap_more_start;
    arch_protection_allow(ARCH_RAM_MORE, bank, AHB_BANK_BYTES);
    arch_protection_allow(ARCH_RAM_STILL_MORE, bank + AHB_BANK_BYTES, AHB_BANK_BYTES);
    start_clock();
    SYSTEM_POWER |= POWER_TIMERS_0_1 | POWER_UART_0;
    PIN_SELECT_0 = (PIN_SELECT_0 & ~PINS_UART_0_MASK) | PINS_UART_0;
    CLOCK_TIMER->control = TIMER_RESET;
    CLOCK_TIMER->prescale = 0;
    CLOCK_TIMER->control = TIMER_ON;
    SLEEP_TIMER->control = TIMER_RESET;
    SLEEP_TIMER->prescale = 0;
    SLEEP_TIMER->match_control = TIMER_MATCH_INTERRUPT_STOP;
    uart16550_set_divisor(BOARD_CONSOLE, UART_115200_BAUD);
    uart16550_start();
    uart16550_interrupt(BOARD_CONSOLE, true);
    arch_enable_interrupt(INTERRUPT_CONSOLE);
    arch_enable_interrupt(INTERRUPT_SLEEP);
}

void board_console_resume(void) {
    uint32_t state = arch_mask_interrupts();
    receive_console();
    arch_restore_interrupts(state);
}

uint64_t board_ticks(void) {
    uint32_t now = CLOCK_TIMER->count;
    clock.rounds += now < clock.last;
    clock.last = now;
    return (uint64_t)clock.rounds << 32 | now;
}

void board_wake(void) {
    awake = true;
}

void board_sleep(uint32_t timeout_ms) {
    uint32_t state = arch_mask_interrupts();  // one that becomes pending still ends the wait
    if (timeout_ms < UINT32_MAX / (1000 * BOARD_TICKS_PER_US)) {
        SLEEP_TIMER->control = TIMER_RESET;
        SLEEP_TIMER->match_0 = timeout_ms * 1000 * BOARD_TICKS_PER_US + 1;
        SLEEP_TIMER->control = TIMER_ON;
    }
    if (!awake) {
        arch_wait_for_interrupt();
    }
    awake = false;
    board_ticks();
    SLEEP_TIMER->control = TIMER_RESET;
    SLEEP_TIMER->interrupt = TIMER_INTERRUPT_MATCH;
    (void)SLEEP_TIMER->interrupt;  // until this is read, the write may still be on its way
    arch_clear_pending_interrupt(INTERRUPT_SLEEP);
    arch_restore_interrupts(state);
}
