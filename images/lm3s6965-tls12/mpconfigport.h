// The same MicroPython as in lm3s6965/.

#include "lm3s6965/mpconfigport.h"
