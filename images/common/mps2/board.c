// Arm's MPS2 board, whatever core its FPGA image holds: two CMSDK UARTs and two CMSDK timers. Where
// they are and which interrupts they raise is told by the image's map (map_an….h).
//
// UART 0 is the console and interrupts at each byte. UART 1 is the data link; its receive interrupt
// is on only during sleep, to end it, and no handler ever runs for it. Both hold one received byte;
// the emulator offers the next one when that has been taken, so none can be lost. Timer 0 runs free,
// without interrupt; timer 1 ends a sleep.
//
// Source: Cortex-M System Design Kit technical reference manual, DDI 0479, chapters 4.3 (UART) and
// 4.2 (timer).

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"

typedef volatile struct {
    uint32_t data, state, control, interrupt, baud_divisor;
} cmsdk_uart_t;

#define UART_STATE_TX_FULL      (1u << 0)
#define UART_STATE_RX_FULL      (1u << 1)
#define UART_CONTROL_TX         (1u << 0)
#define UART_CONTROL_RX         (1u << 1)
#define UART_CONTROL_RX_INTERRUPT (1u << 3)
#define UART_INTERRUPT_RX       (1u << 1)
#define UART_LEAST_DIVISOR      (16)

typedef volatile struct {
    uint32_t control, value, reload, interrupt;
} cmsdk_timer_t;

#define TIMER_ON                (1u << 0)
#define TIMER_ON_INTERRUPT      (1u << 3)

#define CONSOLE_UART            ((cmsdk_uart_t *)MPS2_UART_0)
#define LINK_UART               ((cmsdk_uart_t *)MPS2_UART_1)
#define CLOCK_TIMER             ((cmsdk_timer_t *)MPS2_TIMER_0)
#define SLEEP_TIMER             ((cmsdk_timer_t *)MPS2_TIMER_1)

static struct {
    uint32_t last, rounds;
} clock;

static volatile bool awake;

static cmsdk_uart_t *uart(unsigned port) {
    return port == BOARD_CONSOLE ? CONSOLE_UART : LINK_UART;
}

static void console_interrupt(void) {
    CONSOLE_UART->interrupt = UART_INTERRUPT_RX;
    console_receive();
    board_wake();
}

#pragma GCC diagnostic ignored "-Woverride-init"
__attribute__((section(".vectors.board"), used)) static const arch_handler_t board_vectors[] = {
    [0 ... MPS2_LAST_INTERRUPT] = fault_handler,
    [MPS2_INTERRUPT_UART_0_RX] = console_interrupt,
};

void board_init(void) {
    CLOCK_TIMER->reload = UINT32_MAX;
    CLOCK_TIMER->value = UINT32_MAX;
    CLOCK_TIMER->control = TIMER_ON;
    CONSOLE_UART->baud_divisor = UART_LEAST_DIVISOR;
    CONSOLE_UART->control = UART_CONTROL_TX | UART_CONTROL_RX | UART_CONTROL_RX_INTERRUPT;
    LINK_UART->baud_divisor = UART_LEAST_DIVISOR;
    LINK_UART->control = UART_CONTROL_TX | UART_CONTROL_RX;
    arch_enable_interrupt(MPS2_INTERRUPT_UART_0_RX);
    arch_enable_interrupt(MPS2_INTERRUPT_UART_1_RX);
    arch_enable_interrupt(MPS2_INTERRUPT_TIMER_1);
    // QEMU asks a UART whether it can take input only when something stirs its main loop, which
    // enabling the receiver does not do and reading the data register does.
    (void)CONSOLE_UART->data;
    (void)LINK_UART->data;
}

bool board_uart_readable(unsigned port) {
    return uart(port)->state & UART_STATE_RX_FULL;
}

int board_uart_take(unsigned port) {
    return board_uart_readable(port) ? (int)(uart(port)->data & 0xff) : -1;
}

bool board_uart_writable(unsigned port) {
    return !(uart(port)->state & UART_STATE_TX_FULL);
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
    console_receive();
    arch_restore_interrupts(state);
}

uint64_t board_ticks(void) {
    uint32_t now = ~CLOCK_TIMER->value;  // it counts down
    clock.rounds += now < clock.last;
    clock.last = now;
    return (uint64_t)clock.rounds << 32 | now;
}

void board_wake(void) {
    awake = true;
}

void board_sleep(uint32_t timeout_ms) {
    uint32_t state = arch_mask_interrupts();  // one that becomes pending still ends the wait
    LINK_UART->control |= UART_CONTROL_RX_INTERRUPT;
    if (timeout_ms < UINT32_MAX / (1000 * BOARD_TICKS_PER_US)) {
        SLEEP_TIMER->value = timeout_ms * 1000 * BOARD_TICKS_PER_US + 1;
        SLEEP_TIMER->control = TIMER_ON | TIMER_ON_INTERRUPT;
    }
    if (!awake && !board_uart_readable(1)) {
        arch_wait_for_interrupt();
    }
    awake = false;
    board_ticks();
    SLEEP_TIMER->control = 0;
    SLEEP_TIMER->interrupt = 1;
    LINK_UART->control &= ~UART_CONTROL_RX_INTERRUPT;
    LINK_UART->interrupt = UART_INTERRUPT_RX;
    arch_clear_pending_interrupt(MPS2_INTERRUPT_UART_1_RX);
    arch_clear_pending_interrupt(MPS2_INTERRUPT_TIMER_1);
    arch_restore_interrupts(state);
}
