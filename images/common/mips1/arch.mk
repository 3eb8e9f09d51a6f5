# Big-endian MIPS-I as Lexra's cores have it: soft float, no position-independent code. Debian's
# compiler is for MIPS32 release 2; -march alone does not keep it from lwl and lwr (it copies small
# unaligned structures inline), so -mmemcpy, and the check of every instruction that was linked.
ARCH_CFLAGS += -EB -march=mips1 -mabi=32 -msoft-float -mno-abicalls -fno-pic -fno-pie -G0 -mmemcpy \
	-I$(COMMON_DIR)/$(ARCH)/include
ARCH_SRC_C = $(addprefix common/mips1/,memory.c fault.c integer.c)
ARCH_SHARED_SRC_C += runtime/gchelper_native.c
ARCH_OBJ += common/mips1/startup.o
LDFLAGS += -no-pie -Wl,--build-id=none
vpath %.S $(IMAGES_DIR)

# Or the compiler makes of the loop inside memset() a call of memset().
$(BUILD)/shared/libc/string0.o: CFLAGS += -fno-builtin -fno-tree-loop-distribute-patterns

# Firmware with an instruction such a core does not have is not firmware.
CHECK_INSTRUCTIONS = $(COMMON_DIR)/$(ARCH)/check_instructions.py
all: $(BUILD)/instructions-checked
$(BUILD)/instructions-checked: $(BUILD)/firmware.elf $(CHECK_INSTRUCTIONS)
	$(ECHO) "CHECK $<"
	$(Q)$(PYTHON) $(CHECK_INSTRUCTIONS) $(ALLOWED_INSTRUCTIONS) $<
	$(Q)touch $@
