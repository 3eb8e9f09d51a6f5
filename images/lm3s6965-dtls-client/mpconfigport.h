// The same MicroPython as in lm3s6965-dtls/.

#include "lm3s6965-dtls/mpconfigport.h"
