# ARMv7-M: Thumb-2, no FPU. Frozen native and viper code is compiled for it.
MPY_CROSS_FLAGS += -march=armv7m
ARCH_SRC_C = $(addprefix common/armv7m/,startup.c mpu.c fault.c)
ARCH_SHARED_SRC_C = runtime/gchelper_native.c
ARCH_OBJ = shared/runtime/gchelper_thumb2.o
AFLAGS += $(filter -mcpu=%,$(ARCH_CFLAGS))
