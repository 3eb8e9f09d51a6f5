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

QSTR_GLOBAL_DEPENDENCIES += $(COMMON_DIR)/mpconfigport_common.h
MICROPY_ROM_TEXT_COMPRESSION ?= 1
# LINE_NUMBERS = no saves an eighth of the bytecode: no lines in tracebacks, and no assertions.
# ASYNCIO = yes freezes upstream's asyncio, with line numbers; mpconfigport.h sets MICROPY_PY_ASYNCIO.
FROZEN_MANIFEST = $(COMMON_DIR)/manifest$(if $(filter no,$(LINE_NUMBERS)),_without_lines)$(if \
	$(filter yes,$(ASYNCIO)),_with_asyncio).py
MICROPY_MANIFEST_FROZEN_MODULES = $(FROZEN_MODULES)

include $(TOP)/py/py.mk
include $(TOP)/extmod/extmod.mk
include $(COMMON_DIR)/$(ARCH)/arch.mk

# Absolute paths: from "-I." names would begin with "./", and upstream's script then writes their
# QSTRs to files beginning with a dot, which it does not read again.
INC += -I$(PORT_DIR) -I$(COMMON_DIR) -I$(COMMON_DIR)/$(ARCH) -I$(IMAGES_DIR) -I$(TOP) -I$(BUILD)
# What GCC 14 refuses, an older one shall refuse as well.
CFLAGS += $(ARCH_CFLAGS) $(INC) -std=gnu99 -Os -g -DNDEBUG -Wall -Wextra -Wno-unused-parameter \
	$(addprefix -Werror=,implicit-function-declaration implicit-int int-conversion incompatible-pointer-types) \
	-ffunction-sections -fdata-sections
LDFLAGS += $(ARCH_CFLAGS) -nostdlib -static -T $(LINKER_SCRIPT) -L $(COMMON_DIR)/$(ARCH) \
	-Wl,--gc-sections -Wl,-Map=$(BUILD)/firmware.map
LIBS = $(shell $(CC) $(ARCH_CFLAGS) -print-libgcc-file-name)

vpath %.c $(IMAGES_DIR)

OWN_SRC_C = $(addprefix common/,main.c console.c last_words.c move.c no_filesystem.c rom_import.c) \
	$(if $(filter yes,$(FAST_INTERPRETER)),common/clear.c common/quick_calls.c) \
	$(if $(filter yes,$(WIDE_INTEGERS)),common/digits.c common/wide_integers.c) $(ARCH_SRC_C) $(BOARD_SRC_C)
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
# Modules are placed in flash as objects (rom/__init__.py): two files of upstream's are replaced, and
# one more for looking up names where there is flash for it (quick_map.c).
MAP_O = $(if $(filter yes,$(FAST_INTERPRETER)),common/quick_map.o,py/map.o)
HEAP_O = $(if $(filter yes,$(WIDE_INTEGERS)),common/quick_heap.o,py/gc.o)
OBJ += $(filter-out $(addprefix $(BUILD)/,frozen_content.o py/objtype.o py/map.o py/gc.o),$(PY_O)) \
	$(addprefix $(BUILD)/,rom_modules.o common/rom_objtype.o $(MAP_O) $(HEAP_O)) \
	$(addprefix $(BUILD)/,$(OWN_SRC_C:.c=.o) $(SHARED_SRC_C:.c=.o) $(ARCH_OBJ))

all: $(BUILD)/firmware.elf

# Upstream's frozen_content.c is not compiled, but making it compiles the .mpy files.
ROM_MACHINE = $(shell echo __SIZEOF_POINTER__ __BYTE_ORDER__ | $(CC) $(ARCH_CFLAGS) -E -P -)
$(BUILD)/rom_modules.c: $(BUILD)/frozen_content.c $(HEADER_BUILD)/qstrdefs.generated.h \
		$(HEADER_BUILD)/moduledefs.h
	$(ECHO) "ROM $@"
	$(Q)PYTHONPATH=$(COMMON_DIR) $(PYTHON) -m rom --tool $(TOP)/tools/mpy-tool.py \
		--sources $(FROZEN_MODULES) --compiled $(BUILD)/frozen_mpy --headers $(HEADER_BUILD) \
		--executed $(COMMON_DIR)/rom_executed.txt $(if $(filter yes,$(FAST_INTERPRETER)),--builtins) \
		$(if $(filter yes,$(ASYNCIO)),--package $(TOP)/extmod/asyncio) \
		--pointer-bytes $(word 1,$(ROM_MACHINE)) --byte-order $(word 2,$(ROM_MACHINE)) \
		--digit-bits $(if $(filter yes,$(WIDE_INTEGERS)),32,16) \
		--symbols $(BUILD)/rom_symbols.txt -o $@

$(BUILD)/firmware.elf: $(OBJ) $(LINKER_SCRIPT) $(wildcard $(COMMON_DIR)/$(ARCH)/*.ld)
	$(ECHO) "LINK $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $(OBJ) $(LIBS)
	$(Q)$(SIZE) $@

# What a handshake spends most of its time in, beside upstream's own choice (gc.o and vm.o): compiled for
# speed where the image says that there is flash for it (FAST_INTERPRETER = yes), otherwise for size.
ifeq ($(FAST_INTERPRETER),yes)
FAST_OBJ = $(addprefix $(BUILD)/,$(addprefix py/,runtime.o bc.o obj.o objfun.o qstr.o) \
	extmod/modhashlib.o common/clear.o common/quick_calls.o common/quick_map.o common/rom_objtype.o)
$(FAST_OBJ): CFLAGS += -O2
$(BUILD)/py/vm.o: CFLAGS += -DMICROPY_OPT_COMPUTED_GOTO -include $(COMMON_DIR)/quick_names.h
$(BUILD)/py/objstr.o: CFLAGS += -include $(COMMON_DIR)/quick_strings.h
$(BUILD)/py/gc.o: CFLAGS += -include $(COMMON_DIR)/gc_search.h
$(BUILD)/shared/libc/string0.o: CFLAGS += -Dmemset=clear_bytes
else
CSUPEROPT = -Os
endif
$(BUILD)/shared/libc/string0.o: CFLAGS += -Dmemmove=move_apart

# Long integers of the interpreter with digits of 32 bits where the core multiplies such (WIDE_INTEGERS =
# yes), and the allocator that goes with their sizes: 3 KB more. With them the bytecode loop's own
# operators, for another one.
ifeq ($(WIDE_INTEGERS),yes)
CFLAGS += -DMPZ_DIG_SIZE=32
$(addprefix $(BUILD)/py/,mpz.o objint_mpz.o): CFLAGS += -Wno-shift-count-overflow \
	-include $(COMMON_DIR)/wide_digits.h
$(addprefix $(BUILD)/common/,digits.o wide_integers.o quick_heap.o): CFLAGS += -O2
$(BUILD)/common/digits.o: CFLAGS += -funroll-loops --param max-unroll-times=4
$(BUILD)/py/vm.o: CFLAGS += -include $(COMMON_DIR)/quick_operators.h
endif

$(BUILD)/py/runtime.o: CFLAGS += -include $(COMMON_DIR)/args_on_heap.h

ifdef STRIP_EMITTERS
$(BUILD)/py/compile.o $(BUILD)/py/emitbc.o: CFLAGS += -include $(COMMON_DIR)/no_emitters.h
endif

include $(TOP)/py/mkrules.mk
