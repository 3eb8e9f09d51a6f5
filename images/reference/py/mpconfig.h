// Stands in for MicroPython's header, which common/mps2/board.c includes for the facts of its board:
// a reference image has no MicroPython.

#include "mps2/map_an385.h"
