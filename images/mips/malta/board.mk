# The one instruction beyond MIPS-I: board_sleep() of this board, which is not one with a Lexra core.
ALLOWED_INSTRUCTIONS = --allow malta_wait=0x42000020

# Ethernet, on a card that may be there or not.
include ../common/lwip/lwip.mk
BOARD_SRC_C += mips/malta/ne2000.c $(NETWORK_SRC_C)
