# The part of a Makefile that the reference images share: a C library's TLS client on the board of the
# image cortexm, with the same compiler, CPU flags and optimisation, startup code, memory map and
# drivers. An image's Makefile sets LIBRARY (its name, a folder of BUILD), LIBRARY_DIR (its source tree,
# never written to), LIBRARY_SRC_C (paths in that), OWN_SRC_C (paths in images/) and INC, then includes
# this.
#
# Given on the command line: BUILD (where everything goes), and the source tree's variable.

CC = arm-none-eabi-gcc
SIZE = arm-none-eabi-size
IMAGES_DIR := $(abspath $(CURDIR)/..)
COMMON_DIR := $(IMAGES_DIR)/common
LINKER_SCRIPT = $(COMMON_DIR)/mps2/an385.ld

# As image cortexm has them (its Makefile, and common/port.mk).
ARCH_CFLAGS = -mthumb -mcpu=cortex-m3 -mfloat-abi=soft
CFLAGS = $(ARCH_CFLAGS) -std=gnu99 -Os -g -DNDEBUG -ffunction-sections -fdata-sections
WARNINGS = -Wall -Wextra -Wno-unused-parameter
INC += -I$(IMAGES_DIR)/reference -I$(COMMON_DIR) -I$(COMMON_DIR)/armv7m
LDFLAGS += $(ARCH_CFLAGS) -nostartfiles -static -T $(LINKER_SCRIPT) -L $(COMMON_DIR)/armv7m \
	-Wl,--gc-sections -Wl,-Map=$(BUILD)/firmware.map

GLUE_SRC_C = $(OWN_SRC_C) reference/main.c reference/link.c common/last_words.c common/mps2/board.c \
	$(addprefix common/armv7m/,startup.c mpu.c fault.c)
GLUE_OBJ = $(addprefix $(BUILD)/,$(GLUE_SRC_C:.c=.o))
LIBRARY_OBJ = $(addprefix $(BUILD)/$(LIBRARY)/,$(LIBRARY_SRC_C:.c=.o))

all: $(BUILD)/firmware.elf

$(BUILD)/firmware.elf: $(GLUE_OBJ) $(LIBRARY_OBJ) $(LINKER_SCRIPT)
	@echo "LINK $@"
	@$(CC) $(LDFLAGS) -o $@ $(GLUE_OBJ) $(LIBRARY_OBJ) -lc -lgcc
	@$(SIZE) $@

$(GLUE_OBJ): $(BUILD)/%.o: $(IMAGES_DIR)/%.c
	@mkdir -p $(dir $@)
	@echo "CC $<"
	@$(CC) $(CFLAGS) $(WARNINGS) $(INC) -MMD -c -o $@ $<

$(LIBRARY_OBJ): $(BUILD)/$(LIBRARY)/%.o: $(LIBRARY_DIR)/%.c
	@mkdir -p $(dir $@)
	@echo "CC $<"
	@$(CC) $(CFLAGS) -w $(INC) -MMD -c -o $@ $<

-include $(GLUE_OBJ:.o=.d) $(LIBRARY_OBJ:.o=.d)
