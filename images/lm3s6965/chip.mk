# What all images for the Stellaris LM3S6965 are built with: a Cortex-M3 with 256 KB of flash and 64 KB
# of RAM. LINKER_SCRIPT: the image's own, if it sets one before.

CROSS_COMPILE = arm-none-eabi-
ARCH = armv7m
ARCH_CFLAGS = -mthumb -mcpu=cortex-m3 -mfloat-abi=soft
BOARD_SRC_C = lm3s6965/board.c
LINKER_SCRIPT ?= ../lm3s6965/lm3s6965.ld
# Code of native emitters is not made on the board, only run: see common/no_emitters.h.
STRIP_EMITTERS = 1

include ../common/port.mk
