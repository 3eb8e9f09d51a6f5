// Registers of the LPC1768 that more than one file uses. UM10360, chapters 4.8.9 and 8.5.

#ifndef HIL_LPC1768_REGISTERS_H
#define HIL_LPC1768_REGISTERS_H

#include "arch.h"

#define SYSTEM_POWER            ARCH_REGISTER(0x400fc0c4)
#define POWER_TIMERS_0_1        (1u << 2 | 1u << 1)
#define POWER_UART_0            (1u << 3)
#define POWER_ADC               (1u << 12)

#define PIN_SELECT_0            ARCH_REGISTER(0x4002c000)
#define PIN_SELECT_1            ARCH_REGISTER(0x4002c004)
#define PIN_MODE_1              ARCH_REGISTER(0x4002c044)

#endif // HIL_LPC1768_REGISTERS_H
