// Stellaris LM3S6965: two PL011 serial ports, the watchdog as clock, and sleep.
//
// UART 0 is the console and interrupts when bytes have arrived. UART 1 is the data link; its receive
// interrupt is on only during sleep, to end it, and no handler ever runs for it. The watchdog is
// there for its counter of 32 bits: it resets nothing, and its interrupt stays off. (The core's own
// timer has 24 bits: an interrupt would have to count its rounds, three times a second, and so add to
// the instructions of a program that is measured.) Timer 0 ends a sleep.
//
// Sources: LM3S6965 data sheet, chapters 5.4 (system control), 8.4 (general-purpose input/output),
// 9.5 (general-purpose timers), 10.4 (watchdog), 12.5 (UART).

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"

typedef volatile struct {
    uint32_t data, receive_status, reserved_8[4], flag, reserved_1c[2];
    uint32_t divisor, divisor_fraction, line, control, fifo_level;
    uint32_t interrupt_mask, raw_interrupt, masked_interrupt, interrupt_clear;
} uart_t;

#define UART_FLAG_RX_EMPTY      (1u << 4)
#define UART_FLAG_TX_FULL       (1u << 5)
#define UART_LINE_8N1_FIFO      (3u << 5 | 1u << 4)
#define UART_CONTROL_ON         (1u << 9 | 1u << 8 | 1u << 0)
#define UART_INTERRUPT_RX       (1u << 6 | 1u << 4)  // so many bytes, or some and then silence

typedef volatile struct {
    uint32_t configuration, mode, reserved_8, control, reserved_10[2];
    uint32_t interrupt_mask, raw_interrupt, masked_interrupt, interrupt_clear, load;
} timer_t;

#define TIMER_ONE_SHOT          (1)
#define TIMER_INTERRUPT         (1)

#define CONSOLE_UART            ((uart_t *)0x4000c000)
#define LINK_UART               ((uart_t *)0x4000d000)
#define SLEEP_TIMER             ((timer_t *)0x40030000)
#define SYSTEM_RCC              ARCH_REGISTER(0x400fe060)
#define RCC_50_MHZ              (0x01ce0380)  // PLL of 200 MHz from the 8 MHz crystal, divided by 4
#define SYSTEM_RCGC0            ARCH_REGISTER(0x400fe100)
#define RCGC0_WATCHDOG          (1u << 3)
#define SYSTEM_RCGC1            ARCH_REGISTER(0x400fe104)
#define RCGC1_DEVICES           (1u << 16 | 1u << 1 | 1u << 0)  // timer 0, UART 1, UART 0
#define SYSTEM_RCGC2            ARCH_REGISTER(0x400fe108)
#define RCGC2_PORTS             (1u << 3 | 1u << 0)  // D and A
#define GPIO_A                  (0x40004000)
#define GPIO_D                  (0x40007000)
#define GPIO_FUNCTION(port)     ARCH_REGISTER((port) + 0x420)
#define GPIO_DIGITAL(port)      ARCH_REGISTER((port) + 0x51c)
#define WATCHDOG_LOAD           ARCH_REGISTER(0x40000000)
#define WATCHDOG_VALUE          ARCH_REGISTER(0x40000004)
#define WATCHDOG_CONTROL        ARCH_REGISTER(0x40000008)
#define WATCHDOG_ON             (1)  // without this it does not count; the processor is not told

enum { INTERRUPT_CONSOLE = 5, INTERRUPT_LINK = 6, INTERRUPT_SLEEP = 19, INTERRUPTS = 44 };
enum { LINK = 1 };

static struct {
    uint32_t last, rounds;
} clock;

static volatile bool awake;

static uart_t *uart(unsigned port) {
    return port == BOARD_CONSOLE ? CONSOLE_UART : LINK_UART;
}

// Received bytes keep the interrupt pending; it must not stay on when there is no room for them.
static void receive_console(void) {
    CONSOLE_UART->interrupt_mask = console_receive() ? UART_INTERRUPT_RX : 0;
}

static void console_interrupt(void) {
    CONSOLE_UART->interrupt_clear = UART_INTERRUPT_RX;
    receive_console();
    board_wake();
}

#pragma GCC diagnostic ignored "-Woverride-init"
__attribute__((section(".vectors.board"), used)) static const arch_handler_t board_vectors[] = {
    [0 ... INTERRUPTS - 1] = fault_handler,
    [INTERRUPT_CONSOLE] = console_interrupt,
};

static void start_uart(uart_t *it) {
    it->divisor = 27;  // 50 MHz / 16 / 115,200 baud = 27 and 8/64
    it->divisor_fraction = 8;
    it->line = UART_LINE_8N1_FIFO;
    it->control = UART_CONTROL_ON;
}

void board_init(void) {
    SYSTEM_RCC = RCC_50_MHZ;
    SYSTEM_RCGC0 |= RCGC0_WATCHDOG;
    SYSTEM_RCGC1 |= RCGC1_DEVICES;
    SYSTEM_RCGC2 |= RCGC2_PORTS;
    (void)SYSTEM_RCGC2;  // the clocks need three cycles
    GPIO_FUNCTION(GPIO_A) = GPIO_DIGITAL(GPIO_A) = 1u << 1 | 1u << 0;
    GPIO_FUNCTION(GPIO_D) = GPIO_DIGITAL(GPIO_D) = 1u << 3 | 1u << 2;
    WATCHDOG_LOAD = UINT32_MAX;
    WATCHDOG_CONTROL = WATCHDOG_ON;
    start_uart(CONSOLE_UART);
    start_uart(LINK_UART);
    CONSOLE_UART->interrupt_mask = UART_INTERRUPT_RX;
    SLEEP_TIMER->mode = TIMER_ONE_SHOT;
    SLEEP_TIMER->interrupt_mask = TIMER_INTERRUPT;
    arch_enable_interrupt(INTERRUPT_CONSOLE);
    arch_enable_interrupt(INTERRUPT_LINK);
    arch_enable_interrupt(INTERRUPT_SLEEP);
}

bool board_uart_readable(unsigned port) {
    return !(uart(port)->flag & UART_FLAG_RX_EMPTY);
}

int board_uart_take(unsigned port) {
    return board_uart_readable(port) ? (int)(uart(port)->data & 0xff) : -1;
}

bool board_uart_writable(unsigned port) {
    return !(uart(port)->flag & UART_FLAG_TX_FULL);
}

bool board_uart_give(unsigned port, uint8_t byte) {
    if (!board_uart_writable(port)) {
        return false;
    }
    uart(port)->data = byte;
    return true;
}

void board_console_resume(void) {
    uint32_t state = arch_mask_interrupts();
    receive_console();
    arch_restore_interrupts(state);
}

uint64_t board_ticks(void) {
    uint32_t now = ~WATCHDOG_VALUE;  // it counts down
    clock.rounds += now < clock.last;
    clock.last = now;
    return (uint64_t)clock.rounds << 32 | now;
}

void board_wake(void) {
    awake = true;
}

void board_sleep(uint32_t timeout_ms) {
    uint32_t state = arch_mask_interrupts();  // one that becomes pending still ends the wait
    LINK_UART->interrupt_mask = UART_INTERRUPT_RX;
    if (timeout_ms < UINT32_MAX / (1000 * BOARD_TICKS_PER_US)) {
        SLEEP_TIMER->load = timeout_ms * 1000 * BOARD_TICKS_PER_US + 1;
        SLEEP_TIMER->control = 1;
    }
    if (!awake && !board_uart_readable(LINK)) {
        arch_wait_for_interrupt();
    }
    awake = false;
    board_ticks();
    SLEEP_TIMER->control = 0;
    SLEEP_TIMER->interrupt_clear = TIMER_INTERRUPT;
    LINK_UART->interrupt_mask = 0;
    arch_clear_pending_interrupt(INTERRUPT_LINK);
    arch_clear_pending_interrupt(INTERRUPT_SLEEP);
    arch_restore_interrupts(state);
}
