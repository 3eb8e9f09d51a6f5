// MicroPython on the simulated board with our modules; the same as on the other one.

#include "simboard/mpconfigport.h"
