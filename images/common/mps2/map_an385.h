// MPS2 with the image of AN385 (Cortex-M3) or AN386 (Cortex-M4): where the board's devices are.
// Arm application notes AN385 and AN386: memory map, interrupt assignments.

#define BOARD_TICKS_PER_US              (25)
#define BOARD_UARTS                     (2)

#define MPS2_UART_0                     (0x40004000)
#define MPS2_UART_1                     (0x40005000)
#define MPS2_TIMER_0                    (0x40000000)
#define MPS2_TIMER_1                    (0x40001000)

#define MPS2_INTERRUPT_UART_0_RX        (0)
#define MPS2_INTERRUPT_UART_1_RX        (2)
#define MPS2_INTERRUPT_TIMER_1          (9)
#define MPS2_LAST_INTERRUPT             (31)
