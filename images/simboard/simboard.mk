# What both images for simulated boards share: MPS2 with AN385, whose one console loses bytes when
# nobody reads it, as the serial port of a real board does. Their own files take the place of the
# common ones; `override` keeps port.mk from setting the list again.

CROSS_COMPILE = arm-none-eabi-
ARCH = armv7m
ARCH_CFLAGS = -mthumb -mcpu=cortex-m3 -mfloat-abi=soft
BOARD_SRC_C = common/mps2/board.c
LINKER_SCRIPT = $(COMMON_DIR)/mps2/an385.ld

override OWN_SRC_C = $(addprefix common/,last_words.c move.c rom_import.c) \
	$(addprefix simboard/,main.c console.c) $(SIMBOARD_SRC_C) $(ARCH_SRC_C) $(BOARD_SRC_C)

include ../common/port.mk
