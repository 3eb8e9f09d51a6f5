// MPS2+ with the image of AN505 (Cortex-M33): where the board's devices are, by their secure aliases.
// Arm application note AN505: memory map, interrupt assignments.

#define BOARD_TICKS_PER_US              (20)
#define BOARD_UARTS                     (2)

#define MPS2_UART_0                     (0x50200000)
#define MPS2_UART_1                     (0x50201000)
#define MPS2_TIMER_0                    (0x50000000)
#define MPS2_TIMER_1                    (0x50001000)

#define MPS2_INTERRUPT_UART_0_RX        (32)
#define MPS2_INTERRUPT_UART_1_RX        (34)
#define MPS2_INTERRUPT_TIMER_1          (4)
#define MPS2_LAST_INTERRUPT             (63)
