// MIPS Malta board: three 16550 serial ports, the processor's counter as clock, and sleep.
//
// Port 0 is the console and port 1 the data link (both in the "super I/O" chip), port 2 is spare (on
// the board itself). Interrupts end a sleep and do nothing else: see common/mips1/startup.S.
//
// The clock is the processor's counter. Under QEMU it does not count at a fixed rate: emulating a
// 320 MHz core, version 7 counts once in 6 ns and newer ones once in 6.25 ns. Which one it is, is
// found at start with a timer that is the same everywhere, and board_ticks() counts 8 ns in both.
//
// Sources: "MIPS Malta User's Manual" MD00048 (memory map, reset register, interrupts); Intel 8254
// and 8259A data sheets (timer, interrupt controller); "MIPS32 Architecture", volume III (Count,
// Compare, Status, WAIT); QEMU, hw/mips/malta.c and target/mips/cp0_timer.c.

#include "py/mpconfig.h"
#include "py/misc.h"
#include "arch.h"
#include "board.h"
#include "uart16550.h"

#define ISA(port)           ARCH_BYTE(0xb8000000 + (port))
#define TIMER_0             ISA(0x40)
#define TIMER_CONTROL       ISA(0x43)
#define TIMER_HZ            (1193182)
#define PIC_CONTROL         ISA(0x20)
#define PIC_DATA            ISA(0x21)
#define PIC_LEVEL           ISA(0x4d0)
#define PIC_LINES           (1u << 5 | 1u << 4 | 1u << 3)  // Ethernet, ports 0 and 1
#define RESET               ARCH_REGISTER(0xbf000500)
#define RESET_NOW           (0x42)

// Lines 7 (counter), 4 (port 2) and 2 (interrupt controller), and interrupts on.
#define STATUS_SLEEP        "0x10009401"

const uart16550_t board_uarts[BOARD_UARTS] = {
    { 0xb80003f8, 1 }, { 0xb80002f8, 1 }, { 0xbf000900, 8 },
};

static struct {
    uint32_t last;
    uint32_t rounds;
    uint32_t quarter_ns;  // that one count takes
} counter;

static volatile bool awake;

static uint32_t count(void) {
    uint32_t value;
    __asm volatile ("mfc0 %0, $9\n nop" : "=r" (value));
    return value;
}

static void wake_at(uint32_t value) {
    __asm volatile ("mtc0 %0, $11" :: "r" (value));
}

// Set Compare nearly a round of the counter away, while nobody waits for it: it can be moved, but
// not switched off, and expires once a round (25.8 s) even if no interrupt is let through.
//
// The distance matters. After each meeting of Count and Compare QEMU 7 finds out when the next one
// will be, and stays in that for ever, with the whole emulator, if Count has not gone on since. A
// count takes 6 ns and an instruction 32 ns (icount_shift 5), so a meeting is noticed when the
// instruction is over in which it was. Compare is set 8 counts behind what Count was 3 instructions
// (96 ns, 16 counts) before: they meet 24 counts short of a round, which is 16 ns before the end of
// an instruction, and Count has gone on by 2 or 3. From then on each meeting is 6 ns times the
// counts of the one before, modulo 32, from the end of an instruction: 6 to 30 ns, a count at least.
static void rest(void) {
    __asm volatile (
        "    .set push\n"
        "    .set noreorder\n"
        "    mfc0 $8, $9\n"
        "    nop\n"
        "    addiu $8, $8, -8\n"
        "    mtc0 $8, $11\n"
        "    .set pop\n"
        ::: "$8");
}

static uint16_t timer(void) {
    TIMER_CONTROL = 0x00;  // hold what it shows now
    uint16_t low = TIMER_0;
    return TIMER_0 << 8 | low;
}

// How long is a count? Compare 1 ms of the timer with the counter; it is one of two answers.
static uint32_t measure_quarter_ns(void) {
    const uint16_t one_ms = TIMER_HZ / 1000;
    TIMER_CONTROL = 0x34;  // timer 0 counts down from 65536, over and over
    TIMER_0 = 0;
    TIMER_0 = 0;
    uint16_t from = timer();
    uint32_t begin = count();
    while ((uint16_t)(from - timer()) < one_ms) {
    }
    return count() - begin > (1000000 / 6 + 1000000 * 4 / 25) / 2 ? 24 : 25;
}

void board_init(void) {
    static const uint8_t mode[] = { 0x20, 0x04, 0x01, (uint8_t) ~PIC_LINES };
    PIC_CONTROL = 0x11;
    for (unsigned i = 0; i < sizeof(mode); i++) {
        PIC_DATA = mode[i];
    }
    PIC_LEVEL = PIC_LINES;  // what is not asked for any more needs no acknowledgement
    uart16550_start();
    for (unsigned port = 0; port < BOARD_UARTS; port++) {
        uart16550_set_divisor(port, 1);  // 115,200 baud: an emulated line waits before it calls
    }
    counter.quarter_ns = measure_quarter_ns();
    rest();
}

void board_vectors_written(void) {
    // QEMU has no caches.
}

uint64_t board_ticks(void) {
    uint32_t now = count();
    counter.rounds += now < counter.last;  // it is looked at more often than every 25 s
    counter.last = now;
    return ((uint64_t)counter.rounds << 32 | now) * counter.quarter_ns / 32;
}

void board_wake(void) {
    awake = true;
}

// Returns when an interrupt jumps to its caller, which it also does if it was pending before.
void malta_wait(void);
__asm (
    "    .set push\n"
    "    .set noreorder\n"
    "    .ent malta_wait\n"
    "    .globl malta_wait\n"
    "malta_wait:\n"
    "    li $8, " STATUS_SLEEP "\n"
    "    mtc0 $8, $12\n"
    "1:  .word 0x42000020\n"  // wait
    "    b 1b\n"
    "    nop\n"
    "    .end malta_wait\n"
    "    .set pop\n"
    );

void board_sleep(uint32_t timeout_ms) {
    const uint32_t longest_ms = 10000;
    uint32_t ms = MIN(MIN(timeout_ms, network_may_sleep_ms()), longest_ms);
    bool readable = false;
    for (unsigned port = 0; port < BOARD_UARTS; port++) {
        uart16550_interrupt(port, true);
        readable |= board_uart_readable(port);
    }
    if (!awake && !readable && ms != 0) {
        wake_at(count() + ms * (4000000 / counter.quarter_ns));
        malta_wait();
        rest();
    }
    awake = false;
    for (unsigned port = 0; port < BOARD_UARTS; port++) {
        uart16550_interrupt(port, false);
    }
    board_look_after();
}

void board_reset(void) {
    RESET = RESET_NOW;
    for (;;) {
    }
}
