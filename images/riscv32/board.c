// QEMU's machine `virt`: two 16550 serial ports, the core's timer as clock, and sleep.
//
// Port 0, the console, is the machine's own serial port and interrupts when bytes have arrived. The
// machine has no second one: port 1, the data link, is a serial port on its PCI bus (QEMU's device
// pci-serial in slot 1), the same chip reached through the window for I/O ports. Its interrupt is on
// during sleep only, to end it.
//
// Sources: "RISC-V Advanced Core Local Interruptor Specification" (mtime, mtimecmp), "RISC-V
// Platform-Level Interrupt Controller Specification", "PCI Local Bus Specification 3.0", chapter 6
// (configuration), QEMU, docs/system/riscv/virt.rst and hw/riscv/virt.c (addresses, lines).

#include "py/mpconfig.h"
#include "arch.h"
#include "board.h"
#include "uart16550.h"

#define TEST_DEVICE         ARCH_REGISTER(0x00100000)
#define TEST_RESET          (0x7777)
#define MTIMECMP_LOW        ARCH_REGISTER(0x02004000)
#define MTIMECMP_HIGH       ARCH_REGISTER(0x02004004)
#define MTIME_LOW           ARCH_REGISTER(0x0200bff8)
#define MTIME_HIGH          ARCH_REGISTER(0x0200bffc)
#define PLIC_PRIORITY(line) ARCH_REGISTER(0x0c000000 + 4 * (line))
#define PLIC_ENABLE(line)   ARCH_REGISTER(0x0c002000 + (line) / 32 * 4)
#define PLIC_CLAIM          ARCH_REGISTER(0x0c200004)
#define PCI_IO_WINDOW       (0x03000000)
#define PCI_SLOT_1          (0x30008000)
#define PCI_COMMAND         ARCH_REGISTER(PCI_SLOT_1 + 0x04)
#define PCI_COMMAND_IO      (1u << 0)
#define PCI_BASE_0          ARCH_REGISTER(PCI_SLOT_1 + 0x10)
#define LINK_IO_PORT        (0x1000)

enum { LINK = 1, LINE_CONSOLE = 10, LINE_LINK = 33 };

const uart16550_t board_uarts[BOARD_UARTS] = {
    { 0x10000000, 1 }, { PCI_IO_WINDOW + LINK_IO_PORT, 1 },
};

static volatile bool awake;

static void enable_line(unsigned line) {
    PLIC_PRIORITY(line) = 1;
    PLIC_ENABLE(line) |= 1u << line % 32;
}

// Received bytes keep the line up; it must not stay up when there is no room for them.
static void receive_console(void) {
    uart16550_interrupt(BOARD_CONSOLE, console_receive());
}

void board_init(void) {
    PCI_BASE_0 = LINK_IO_PORT;
    PCI_COMMAND |= PCI_COMMAND_IO;
    uart16550_start();
    for (unsigned port = 0; port < BOARD_UARTS; port++) {
        uart16550_set_divisor(port, 1);  // an emulated line waits some characters before it calls
    }
    enable_line(LINE_CONSOLE);
    enable_line(LINE_LINK);
    uart16550_interrupt(BOARD_CONSOLE, true);
    ARCH_CSR_SET(mie, ARCH_BOARD_INTERRUPT);
    ARCH_CSR_SET(mstatus, MSTATUS_MIE);
}

void board_interrupt(void) {
    for (uint32_t line; (line = PLIC_CLAIM) != 0; PLIC_CLAIM = line) {
        if (line == LINE_CONSOLE) {
            receive_console();
            board_wake();
        } else {
            uart16550_interrupt(LINK, false);
        }
    }
}

void board_console_resume(void) {
    uint32_t state = arch_mask_interrupts();
    receive_console();
    arch_restore_interrupts(state);
}

uint64_t board_ticks(void) {
    uint32_t high, low;
    do {
        high = MTIME_HIGH;
        low = MTIME_LOW;
    } while (high != MTIME_HIGH);
    return (uint64_t)high << 32 | low;
}

void board_wake(void) {
    awake = true;
}

void board_sleep(uint32_t timeout_ms) {
    uint32_t state = arch_mask_interrupts();  // one that becomes pending still ends the wait
    uint64_t end = board_ticks() + (uint64_t)timeout_ms * 1000 * BOARD_TICKS_PER_US;
    MTIMECMP_HIGH = end >> 32;
    MTIMECMP_LOW = end;
    ARCH_CSR_SET(mie, ARCH_TIMER_INTERRUPT);
    uart16550_interrupt(LINK, true);
    if (!awake && !board_uart_readable(LINK)) {
        arch_wait_for_interrupt();
    }
    awake = false;
    uart16550_interrupt(LINK, false);
    ARCH_CSR_CLEAR(mie, ARCH_TIMER_INTERRUPT);
    arch_restore_interrupts(state);
}

void board_reset(void) {
    TEST_DEVICE = TEST_RESET;
    for (;;) {
    }
}
