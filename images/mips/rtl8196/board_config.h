// Boards with a Realtek RTL8196 (Lexra RLX4181 or RLX5281 core), as far as MicroPython has to know.

#define MICROPY_HW_BOARD_NAME           "rtl8196"
#define MICROPY_HW_MCU_NAME             "RTL8196"
#define MICROPY_PY_SYS_PLATFORM         "rtl8196"

#define BOARD_TICKS_PER_US              (25)
#define BOARD_UARTS                     (2)
#define BOARD_RAM_IS_RANDOM             (1)
