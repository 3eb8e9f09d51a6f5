# ARMv8-M Mainline without FPU: ARMv7-M but for the memory protection unit.
include $(COMMON_DIR)/armv7m/arch.mk
ARCH_SRC_C := $(subst armv7m/mpu.c,armv8m/mpu.c,$(ARCH_SRC_C))
INC += -I$(COMMON_DIR)/armv7m
LDFLAGS += -L $(COMMON_DIR)/armv7m
