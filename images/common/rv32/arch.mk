# RISC-V, 32 bits, integer, multiply and compressed instructions: no atomics, no floating point.
# (In version 2.2 of the base specification the registers CSR are part of it, which is also what the
# libgcc of Debian is found by.) The compiler brings no C library; newlib's headers serve every architecture.
ARCH_CFLAGS += -march=rv32imc -misa-spec=2.2 -mabi=ilp32 -msmall-data-limit=0 -isystem /usr/include/newlib
AFLAGS += -march=rv32imc -misa-spec=2.2 -mabi=ilp32
MPY_CROSS_FLAGS += -march=rv32imc
ARCH_SRC_C = $(addprefix common/rv32/,memory.c trap.c)
ARCH_SHARED_SRC_C = runtime/gchelper_native.c
ARCH_OBJ = common/rv32/startup.o shared/runtime/gchelper_rv32i.o
vpath %.S $(IMAGES_DIR)
