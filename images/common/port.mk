# The part of a Makefile that all our own ports share. An image's Makefile sets CROSS_COMPILE, ARCH (a
# folder beside this file, whose arch.mk is included), BOARD_SRC_C, LINKER_SCRIPT and CPU flags in
# ARCH_CFLAGS, then includes this.
#
# Given on the command line: MICROPYTHON (source tree, never written to), BUILD (where everything
# goes), FROZEN_MODULES (modules to freeze), MPY_LIB_DIR.

PORT_DIR := $(CURDIR)
IMAGES_DIR := $(abspath $(PORT_DIR)/..)
COMMON_DIR := $(IMAGES_DIR)/common

include $(MICROPYTHON)/py/mkenv.mk

QSTR_DEFS = qstrdefsport.h
QSTR_GLOBAL_DEPENDENCIES += $(COMMON_DIR)/mpconfigport_common.h
MICROPY_ROM_TEXT_COMPRESSION ?= 1
FROZEN_MANIFEST = $(COMMON_DIR)/manifest.py
MICROPY_MANIFEST_FROZEN_MODULES = $(FROZEN_MODULES)

include $(TOP)/py/py.mk
include $(TOP)/extmod/extmod.mk
include $(COMMON_DIR)/$(ARCH)/arch.mk

# Absolute paths: from "-I." names would begin with "./", and upstream's script then writes their
# QSTRs to files beginning with a dot, which it does not read again.
INC += -I$(PORT_DIR) -I$(COMMON_DIR) -I$(COMMON_DIR)/$(ARCH) -I$(IMAGES_DIR) -I$(TOP) -I$(BUILD)
CFLAGS += $(ARCH_CFLAGS) $(INC) -std=gnu99 -Os -g -DNDEBUG -Wall -Wextra -Wno-unused-parameter \
	-ffunction-sections -fdata-sections
LDFLAGS += $(ARCH_CFLAGS) -nostdlib -static -T $(LINKER_SCRIPT) -L $(COMMON_DIR)/$(ARCH) \
	-Wl,--gc-sections -Wl,-Map=$(BUILD)/firmware.map
LIBS = $(shell $(CC) $(ARCH_CFLAGS) -print-libgcc-file-name)

vpath %.c $(IMAGES_DIR)

OWN_SRC_C = common/main.c common/console.c common/no_filesystem.c $(ARCH_SRC_C) $(BOARD_SRC_C)
SHARED_SRC_C = $(addprefix shared/,\
	libc/string0.c \
	readline/readline.c \
	runtime/interrupt_char.c \
	runtime/pyexec.c \
	runtime/stdout_helpers.c \
	runtime/sys_stdio_mphal.c \
	$(ARCH_SHARED_SRC_C) \
	)
SRC_QSTR += $(OWN_SRC_C) $(SHARED_SRC_C)
OBJ += $(PY_O) $(addprefix $(BUILD)/,$(OWN_SRC_C:.c=.o) $(SHARED_SRC_C:.c=.o) $(ARCH_OBJ))

all: $(BUILD)/firmware.elf

$(BUILD)/firmware.elf: $(OBJ) $(LINKER_SCRIPT) $(wildcard $(COMMON_DIR)/$(ARCH)/*.ld)
	$(ECHO) "LINK $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(OBJ) $(LIBS)
	$(Q)$(SIZE) $@

include $(TOP)/py/mkrules.mk
